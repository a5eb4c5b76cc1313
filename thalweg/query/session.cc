#include "thalweg/query/session.h"

#include <string_view>

#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/query/token.h"

namespace thalweg::query {

using security::Operation;
using security::Resource;

bool Session::MayDo(Operation operation, const Resource& resource) const {
  return security::MayDo(environment_->policy, environment_->catalog.view()->acls(), asker_, operation, resource);
}

arrow::Status Session::Require(Operation operation, const Resource& resource) const {
  return security::Require(environment_->policy, environment_->catalog.view()->acls(), asker_, operation, resource);
}

arrow::Status Session::RequireToSee(const Token& token) const {
  const auto view = environment_->catalog.view();
  TableId seen(-1);
  for (const auto& [bucket, end] : token.ends) {
    if (bucket.table == seen) continue;
    seen = bucket.table;
    const auto table = view->FindTable(seen);
    if (!table || MayDo(Operation::kDescribe, Resource::Table(table->path.database, table->path.table))) continue;
    return Error(ErrorCode::kAuthorization, "{}, from {}, has no right to DESCRIBE table {}, which the token names.",
                 asker_.principal.ToString(), asker_.host, seen);
  }
  return arrow::Status::OK();
}

std::vector<catalog::DatabasePtr> Session::ListDatabases() const {
  auto databases = environment_->catalog.view()->ListDatabases();
  std::erase_if(databases,
                [&](const auto& database) { return !MayDo(Operation::kDescribe, Resource::Database(database->name)); });
  return databases;
}

std::vector<catalog::DatabasePtr> Session::ListDatabasesOfTables() const {
  auto databases = environment_->catalog.view()->ListDatabases();
  std::erase_if(databases, [&](const auto& database) {
    if (MayDo(Operation::kDescribe, Resource::Database(database->name))) return false;
    bool some = false;
    database->tables.ForEach([&](const std::string& name, const catalog::TablePtr&) {
      some = some || MayDo(Operation::kDescribe, Resource::Table(database->name, name));
    });
    return !some;
  });
  return databases;
}

arrow::Result<std::vector<catalog::TablePtr>> Session::ListTables(const std::string& database) const {
  ARROW_ASSIGN_OR_RAISE(auto tables, environment_->catalog.view()->ListTables(database));
  std::erase_if(tables, [&](const auto& table) {
    return !MayDo(Operation::kDescribe, Resource::Table(table->path.database, table->path.table));
  });
  return tables;
}

arrow::Result<TablePtr> Session::FindTable(const schema::TablePath& path) const {
  schema::TablePath base = path;
  std::optional<TableKind> kind;
  for (const auto& [suffix, of] :
       {std::pair{kChangelogSuffix, TableKind::kChangelog}, std::pair{kBinlogSuffix, TableKind::kBinlog}}) {
    if (!base.table.ends_with(suffix)) continue;
    base.table.resize(base.table.size() - suffix.size());
    kind = of;
    break;
  }
  ARROW_RETURN_NOT_OK(Require(Operation::kDescribe, Resource::Table(base.database, base.table)));
  ARROW_ASSIGN_OR_RAISE(auto table, environment_->catalog.view()->GetTable(base));
  if (!kind) kind = table->descriptor->HasPrimaryKey() ? TableKind::kPrimaryKey : TableKind::kLog;
  return Table::Make(std::move(table), *kind);
}

}  // namespace thalweg::query
