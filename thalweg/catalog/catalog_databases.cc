#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/catalog/catalog_turn_internal.h"
#include "thalweg/catalog/records_internal.h"

namespace thalweg::catalog {

runtime::Task<arrow::Result<DatabasePtr>> Catalog::CreateDatabase(std::string name,
                                                                  schema::DatabaseDescriptor descriptor,
                                                                  bool ignore_if_exists, runtime::Executor& home) {
  co_return co_await InTurn(CreateDatabaseNow(std::move(name), std::move(descriptor), ignore_if_exists), home);
}

runtime::Task<arrow::Result<DatabasePtr>> Catalog::CreateDatabaseNow(std::string name,
                                                                     schema::DatabaseDescriptor descriptor,
                                                                     bool ignore_if_exists) {
  TW_CO_RETURN_NOT_OK(schema::CheckDatabaseName(name));
  const CatalogViewPtr current = view();
  if (DatabasePtr found = current->FindDatabase(name)) {
    if (ignore_if_exists) co_return found;
    co_return Error(ErrorCode::kDatabaseAlreadyExist, "Database {} already exists.", name);
  }
  auto database = std::make_shared<Database>();
  database->name = name;
  database->json = descriptor.ToJson();
  database->created_ms = database->modified_ms = clock_.WallMs();
  MetaStore::Transaction transaction;
  transaction.compares.push_back({records::DatabaseKey(name), MetaStore::kAbsent});
  transaction.puts.emplace_back(records::DatabaseKey(name), records::EncodeDatabase(*database));
  TW_CO_RETURN_NOT_OK(co_await Apply(std::move(transaction), [&](int64_t revision) {
    database->revision = revision;
    return current->WithDatabase(database);
  }));
  co_return DatabasePtr(database);
}

runtime::Task<arrow::Result<DatabasePtr>> Catalog::AlterDatabase(std::string name,
                                                                 std::vector<schema::OptionChange> properties,
                                                                 std::optional<std::string> comment,
                                                                 bool ignore_if_not_exists, runtime::Executor& home) {
  co_return co_await InTurn(
      AlterDatabaseNow(std::move(name), std::move(properties), std::move(comment), ignore_if_not_exists), home);
}

runtime::Task<arrow::Result<DatabasePtr>> Catalog::AlterDatabaseNow(std::string name,
                                                                    std::vector<schema::OptionChange> properties,
                                                                    std::optional<std::string> comment,
                                                                    bool ignore_if_not_exists) {
  const CatalogViewPtr current = view();
  const DatabasePtr database = current->FindDatabase(name);
  if (!database) {
    if (ignore_if_not_exists) co_return DatabasePtr();
    co_return Error(ErrorCode::kDatabaseNotExist, "Database {} does not exist.", name);
  }
  TW_CO_ASSIGN_OR_RETURN(const auto descriptor, schema::DatabaseDescriptor::FromJson(database->json));
  schema::DatabaseDescriptor changed = descriptor;
  for (const schema::OptionChange& property : properties) {
    if (property.operation == schema::kOptionDelete) {
      changed.custom_properties.erase(property.key);
    } else if (property.operation == schema::kOptionSet && property.value) {
      changed.custom_properties[property.key] = *property.value;
    } else {
      co_return Error(ErrorCode::kInvalidDatabase, "The property {} can be set to a value or deleted, nothing else.",
                      property.key);
    }
  }
  if (comment) changed.comment = std::move(comment);
  if (changed == descriptor) co_return database;
  auto next = std::make_shared<Database>(*database);
  next->json = changed.ToJson();
  next->modified_ms = clock_.WallMs();
  MetaStore::Transaction transaction;
  transaction.compares.push_back({records::DatabaseKey(name), database->revision});
  transaction.puts.emplace_back(records::DatabaseKey(name), records::EncodeDatabase(*next));
  TW_CO_RETURN_NOT_OK(co_await Apply(std::move(transaction), [&](int64_t revision) {
    next->revision = revision;
    return current->WithAlteredDatabase(next);
  }));
  co_return DatabasePtr(next);
}

runtime::Task<arrow::Result<std::vector<TablePtr>>> Catalog::DropDatabase(std::string name, bool ignore_if_not_exists,
                                                                          bool cascade, runtime::Executor& home) {
  co_return co_await InTurn(DropDatabaseNow(std::move(name), ignore_if_not_exists, cascade), home);
}

runtime::Task<arrow::Result<std::vector<TablePtr>>> Catalog::DropDatabaseNow(std::string name,
                                                                             bool ignore_if_not_exists, bool cascade) {
  const CatalogViewPtr current = view();
  const DatabasePtr database = current->FindDatabase(name);
  if (!database) {
    if (ignore_if_not_exists) co_return std::vector<TablePtr>();
    co_return Error(ErrorCode::kDatabaseNotExist, "Database {} does not exist.", name);
  }
  if (!cascade && !database->tables.empty()) {
    co_return Error(ErrorCode::kDatabaseNotEmpty, "Database {} holds {} tables. Drop them first, or drop with cascade.",
                    name, database->tables.size());
  }
  TW_CO_ASSIGN_OR_RETURN(std::vector<TablePtr> tables, current->ListTables(name));
  MetaStore::Transaction transaction;
  transaction.compares.push_back({records::DatabaseKey(name), database->revision});
  transaction.removals.push_back(records::DatabaseKey(name));
  for (const TablePtr& table : tables) RemoveTable(*table, transaction);
  TW_CO_RETURN_NOT_OK(co_await Apply(std::move(transaction), [&](int64_t) { return current->WithoutDatabase(name); }));
  co_return tables;
}

}  // namespace thalweg::catalog
