#include "thalweg/query/definitions.h"

#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"

namespace thalweg::query {
namespace {

using security::Operation;
using security::Resource;

Resource ResourceOf(const schema::TablePath& path) { return Resource::Table(path.database, path.table); }

/// INVALID_TABLE for a virtual table, which is made with its table.
arrow::Status CheckNotVirtual(const schema::TablePath& path) {
  if (!path.table.ends_with(kChangelogSuffix) && !path.table.ends_with(kBinlogSuffix)) return arrow::Status::OK();
  return Error(ErrorCode::kInvalidTable, "{} comes and goes with its table: name that.", path);
}

arrow::Result<TablePtr> TableOf(catalog::TablePtr table) {
  const auto kind = table->descriptor->HasPrimaryKey() ? TableKind::kPrimaryKey : TableKind::kLog;
  return Table::Make(std::move(table), kind);
}

void NoteDropped(const Environment& environment, const catalog::Table& table, std::optional<PartitionId> partition,
                 runtime::Executor& home) {
  if (environment.dropped) environment.dropped(table, partition, home);
}

}  // namespace

runtime::Task<arrow::Status> CreateDatabase(Session session, std::string name, schema::DatabaseDescriptor descriptor,
                                            bool ignore_if_exists, runtime::Executor& home) {
  TW_CO_RETURN_NOT_OK(session.Require(Operation::kCreate, Resource::Cluster()));
  const auto created = co_await session.environment().catalog.CreateDatabase(std::move(name), std::move(descriptor),
                                                                             ignore_if_exists, home);
  co_return created.status();
}

runtime::Task<arrow::Status> AlterDatabase(Session session, std::string name,
                                           std::vector<schema::OptionChange> properties,
                                           std::optional<std::string> comment, bool ignore_if_not_exists,
                                           runtime::Executor& home) {
  TW_CO_RETURN_NOT_OK(session.Require(Operation::kAlter, Resource::Database(name)));
  const auto altered = co_await session.environment().catalog.AlterDatabase(
      std::move(name), std::move(properties), std::move(comment), ignore_if_not_exists, home);
  co_return altered.status();
}

runtime::Task<arrow::Status> DropDatabase(Session session, std::string name, bool ignore_if_not_exists, bool cascade,
                                          runtime::Executor& home) {
  const Environment& environment = session.environment();
  TW_CO_RETURN_NOT_OK(session.Require(Operation::kDrop, Resource::Database(name)));
  const auto database = environment.catalog.view()->FindDatabase(name);
  if (environment.policy && cascade && database) {
    arrow::Status denied;
    database->tables.ForEach([&](const std::string&, const catalog::TablePtr& table) {
      const auto resource = ResourceOf(table->path);
      if (denied.ok() && environment.policy->Denies(session.asker(), Operation::kDrop, resource)) {
        denied = session.Require(Operation::kDrop, resource);
      }
    });
    TW_CO_RETURN_NOT_OK(denied);
  }
  TW_CO_ASSIGN_OR_RETURN(const auto dropped, co_await environment.catalog.DropDatabase(
                                                 std::move(name), ignore_if_not_exists, cascade, home));
  for (const auto& table : dropped) NoteDropped(environment, *table, std::nullopt, home);
  co_return arrow::Status::OK();
}

runtime::Task<arrow::Result<TablePtr>> CreateTable(Session session, schema::TablePath path,
                                                   schema::TableDescriptor descriptor, bool ignore_if_exists,
                                                   runtime::Executor& home) {
  const Environment& environment = session.environment();
  TW_CO_RETURN_NOT_OK(CheckNotVirtual(path));
  TW_CO_RETURN_NOT_OK(session.Require(Operation::kCreate, Resource::Database(path.database)));
  TW_CO_RETURN_NOT_OK(descriptor.Normalize());
  TW_CO_ASSIGN_OR_RETURN(auto created, co_await environment.catalog.CreateTable(std::move(path), std::move(descriptor),
                                                                                ignore_if_exists, home));
  if (environment.table_changed) co_await environment.table_changed(created->id, home);
  co_return TableOf(std::move(created));
}

runtime::Task<arrow::Result<TablePtr>> AlterTable(Session session, schema::TablePath path, schema::TableChange change,
                                                  bool ignore_if_not_exists, runtime::Executor& home) {
  const Environment& environment = session.environment();
  TW_CO_RETURN_NOT_OK(CheckNotVirtual(path));
  TW_CO_RETURN_NOT_OK(session.Require(Operation::kAlter, ResourceOf(path)));
  TW_CO_ASSIGN_OR_RETURN(auto altered, co_await environment.catalog.AlterTable(std::move(path), std::move(change),
                                                                               ignore_if_not_exists, home));
  if (!altered) co_return TablePtr();
  if (environment.table_changed) co_await environment.table_changed(altered->id, home);
  co_return TableOf(std::move(altered));
}

runtime::Task<arrow::Result<bool>> DropTable(Session session, schema::TablePath path, bool ignore_if_not_exists,
                                             runtime::Executor& home) {
  const Environment& environment = session.environment();
  TW_CO_RETURN_NOT_OK(CheckNotVirtual(path));
  TW_CO_RETURN_NOT_OK(session.Require(Operation::kDrop, ResourceOf(path)));
  TW_CO_ASSIGN_OR_RETURN(const auto dropped,
                         co_await environment.catalog.DropTable(std::move(path), ignore_if_not_exists, home));
  if (dropped) NoteDropped(environment, *dropped, std::nullopt, home);
  co_return dropped != nullptr;
}

runtime::Task<arrow::Result<catalog::PartitionPtr>> CreatePartition(Session session, schema::TablePath path,
                                                                    schema::PartitionSpec spec, bool ignore_if_exists,
                                                                    runtime::Executor& home) {
  TW_CO_RETURN_NOT_OK(CheckNotVirtual(path));
  TW_CO_RETURN_NOT_OK(session.Require(Operation::kWrite, ResourceOf(path)));
  co_return co_await session.environment().catalog.CreatePartition(std::move(path), std::move(spec), ignore_if_exists,
                                                                   home);
}

runtime::Task<arrow::Result<bool>> DropPartition(Session session, schema::TablePath path, schema::PartitionSpec spec,
                                                 bool ignore_if_not_exists, runtime::Executor& home) {
  const Environment& environment = session.environment();
  TW_CO_RETURN_NOT_OK(CheckNotVirtual(path));
  TW_CO_RETURN_NOT_OK(session.Require(Operation::kWrite, ResourceOf(path)));
  const auto table = environment.catalog.view()->FindTable(path);
  TW_CO_ASSIGN_OR_RETURN(const auto dropped, co_await environment.catalog.DropPartition(
                                                 std::move(path), std::move(spec), ignore_if_not_exists, home));
  if (dropped && table) NoteDropped(environment, *table, dropped->id, home);
  co_return dropped != nullptr;
}

}  // namespace thalweg::query
