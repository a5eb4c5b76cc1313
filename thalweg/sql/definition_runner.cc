#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/query/definitions.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/sql/catalog_internal.h"
#include "thalweg/sql/definition_runner_internal.h"

namespace thalweg::sql {
namespace {

struct Runner {
  const query::Session& session;
  const std::string& database;
  runtime::Executor& workers;

  arrow::Status operator()(const CreateDatabase& create) const {
    if (create.name == kSystemSchema) {
      return Error(ErrorCode::kInvalidDatabase,
                   "A database called {} would hide behind the system tables: choose another name.", create.name);
    }
    return runtime::BlockOn(
        workers, query::CreateDatabase(session, create.name, create.descriptor, create.ignore_if_exists, workers));
  }
  arrow::Status operator()(const AlterDatabase& alter) const {
    return runtime::BlockOn(workers,
                            query::AlterDatabase(session, alter.name, alter.properties, std::nullopt, false, workers));
  }
  arrow::Status operator()(const DropDatabase& drop) const {
    return runtime::BlockOn(workers,
                            query::DropDatabase(session, drop.name, drop.ignore_if_not_exists, drop.cascade, workers));
  }
  arrow::Status operator()(const CreateTable& create) const {
    return runtime::BlockOn(workers, query::CreateTable(session, create.name.In(database), create.descriptor,
                                                        create.ignore_if_exists, workers))
        .status();
  }
  arrow::Status operator()(const AlterTable& alter) const {
    return runtime::BlockOn(workers, query::AlterTable(session, alter.name.In(database), alter.change,
                                                       alter.ignore_if_not_exists, workers))
        .status();
  }
  arrow::Status operator()(const DropTable& drop) const {
    return runtime::BlockOn(workers,
                            query::DropTable(session, drop.name.In(database), drop.ignore_if_not_exists, workers))
        .status();
  }
  arrow::Status operator()(const AddPartition& add) const {
    return runtime::BlockOn(workers, query::CreatePartition(session, add.table.In(database), add.spec,
                                                            add.ignore_if_exists, workers))
        .status();
  }
  arrow::Status operator()(const DropPartition& drop) const {
    return runtime::BlockOn(workers, query::DropPartition(session, drop.table.In(database), drop.spec,
                                                          drop.ignore_if_not_exists, workers))
        .status();
  }
};

}  // namespace

arrow::Status RunDefinition(const query::Session& session, const std::string& current_database,
                            const Definition& definition) {
  return std::visit(Runner{session, current_database, session.environment().workers}, definition);
}

}  // namespace thalweg::sql
