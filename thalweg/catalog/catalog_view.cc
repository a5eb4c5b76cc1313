#include "thalweg/catalog/catalog_view.h"

#include <algorithm>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/base/error.h"

namespace thalweg::catalog {

std::shared_ptr<const schema::Schema> Table::FindSchema(SchemaId id) const {
  if (id.value < 1 || static_cast<size_t>(id.value) > schemas.size()) return nullptr;
  return schemas[static_cast<size_t>(id.value) - 1];
}

DatabasePtr CatalogView::FindDatabase(const std::string& name) const {
  const DatabasePtr* const found = databases_.Find(name);
  return found ? *found : nullptr;
}

TablePtr CatalogView::FindTable(const schema::TablePath& path) const {
  const DatabasePtr* const database = databases_.Find(path.database);
  if (!database) return nullptr;
  const TablePtr* const table = (*database)->tables.Find(path.table);
  return table ? *table : nullptr;
}

TablePtr CatalogView::FindTable(TableId id) const {
  const TablePtr* const found = tables_.Find(id);
  return found ? *found : nullptr;
}

PartitionPtr CatalogView::FindPartition(PartitionId id) const {
  const PartitionPtr* const found = partitions_.Find(id);
  return found ? *found : nullptr;
}

arrow::Result<DatabasePtr> CatalogView::GetDatabase(const std::string& name) const {
  DatabasePtr database = FindDatabase(name);
  if (!database) return Error(ErrorCode::kDatabaseNotExist, "Database {} does not exist.", name);
  return database;
}

arrow::Result<TablePtr> CatalogView::GetTable(const schema::TablePath& path) const {
  TablePtr table = FindTable(path);
  if (!table) return Error(ErrorCode::kTableNotExist, "Table {} does not exist.", path);
  return table;
}

arrow::Result<std::shared_ptr<const schema::Schema>> CatalogView::GetSchema(const schema::TablePath& path,
                                                                            SchemaId id) const {
  ARROW_ASSIGN_OR_RAISE(const TablePtr table, GetTable(path));
  std::shared_ptr<const schema::Schema> found = table->FindSchema(id);
  if (!found) {
    return Error(ErrorCode::kSchemaNotExist, "Table {} has no schema version {}; the latest is {}.", path, id,
                 table->schema_id());
  }
  return found;
}

arrow::Status CatalogView::CheckBucket(const TableBucket& bucket) const {
  const TablePtr table = FindTable(bucket.table);
  if (!table) return Error(ErrorCode::kUnknownTableOrBucket, "There is no table with id {} (any more).", bucket.table);
  if (table->IsPartitioned() != (bucket.partition != kNoPartition)) {
    return Error(ErrorCode::kUnknownTableOrBucket, "{} {}", table->path,
                 table->IsPartitioned() ? "is partitioned: a bucket needs a partition." : "is not partitioned.");
  }
  if (bucket.partition != kNoPartition) {
    const auto found = FindPartition(bucket.partition);
    if (!found || found->table != table->id) {
      return Error(ErrorCode::kUnknownTableOrBucket, "{} has no partition with id {} (any more).", table->path,
                   bucket.partition);
    }
  }
  if (bucket.bucket.value < 0 || bucket.bucket.value >= table->bucket_count()) {
    return Error(ErrorCode::kUnknownTableOrBucket, "{} has buckets 0 to {}, not {}.", table->path,
                 table->bucket_count() - 1, bucket.bucket);
  }
  return arrow::Status::OK();
}

std::vector<DatabasePtr> CatalogView::ListDatabases() const {
  std::vector<DatabasePtr> databases;
  databases_.ForEach([&](const std::string&, const DatabasePtr& database) { databases.push_back(database); });
  std::ranges::sort(databases, {}, [](const DatabasePtr& database) -> const std::string& { return database->name; });
  return databases;
}

arrow::Result<std::vector<TablePtr>> CatalogView::ListTables(const std::string& database) const {
  ARROW_ASSIGN_OR_RAISE(const DatabasePtr found, GetDatabase(database));
  std::vector<TablePtr> tables;
  found->tables.ForEach([&](const std::string&, const TablePtr& table) { tables.push_back(table); });
  std::ranges::sort(tables, {}, [](const TablePtr& table) -> const std::string& { return table->path.table; });
  return tables;
}

std::vector<TablePtr> CatalogView::ListAllTables() const {
  std::vector<TablePtr> tables;
  tables_.ForEach([&](TableId, const TablePtr& table) { tables.push_back(table); });
  std::ranges::sort(tables, {}, [](const TablePtr& table) { return table->id; });
  return tables;
}

arrow::Result<std::vector<PartitionPtr>> CatalogView::ListPartitions(const schema::TablePath& path,
                                                                     const schema::PartitionSpec& partial) const {
  ARROW_ASSIGN_OR_RAISE(const TablePtr table, GetTable(path));
  if (!table->IsPartitioned()) {
    return Error(ErrorCode::kTableNotPartitioned, "Table {} is not partitioned.", path);
  }
  const std::vector<std::string>& keys = table->descriptor->partition_keys;
  ARROW_RETURN_NOT_OK(schema::MatchesPartially(keys, std::vector<std::string>(keys.size()), partial));
  std::vector<PartitionPtr> partitions;
  table->partitions.ForEach([&](const std::string&, const PartitionPtr& partition) {
    if (schema::MatchesPartially(keys, partition->values, partial).ValueOr(false)) partitions.push_back(partition);
  });
  std::ranges::sort(partitions, {},
                    [](const PartitionPtr& partition) -> const std::string& { return partition->name; });
  return partitions;
}

CatalogView CatalogView::WithCluster(ClusterPtr cluster) const {
  TW_CHECK(cluster);
  CatalogView next = *this;
  next.cluster_ = std::move(cluster);
  return next;
}

CatalogView CatalogView::WithDatabase(DatabasePtr database) const {
  TW_CHECK(database->tables.empty());
  CatalogView next = *this;
  const std::string name = database->name;
  next.databases_ = databases_.With(name, std::move(database));
  return next;
}

CatalogView CatalogView::WithAlteredDatabase(DatabasePtr database) const {
  TW_CHECK(FindDatabase(database->name));
  CatalogView next = *this;
  const std::string name = database->name;
  next.databases_ = databases_.With(name, std::move(database));
  return next;
}

CatalogView CatalogView::WithoutDatabase(const std::string& name) const {
  const DatabasePtr database = FindDatabase(name);
  if (!database) return *this;
  CatalogView next = *this;
  database->tables.ForEach([&](const std::string&, const TablePtr& table) { next = next.WithoutTable(table->path); });
  next.databases_ = next.databases_.Without(name);
  return next;
}

CatalogView CatalogView::WithTable(TablePtr table) const {
  TW_CHECK(table->layout && table->layout->IsOf(table->descriptor, table->schemas));
  CatalogView next = *this;
  table->partitions.ForEach([&](const std::string&, const PartitionPtr& partition) {
    if (!partitions_.Find(partition->id)) next.partitions_ = next.partitions_.With(partition->id, partition);
  });
  DatabasePtr database = FindDatabase(table->path.database);
  TW_CHECK(database);
  auto changed = std::make_shared<Database>(*database);
  changed->tables = changed->tables.With(table->path.table, table);
  next.databases_ = databases_.With(table->path.database, std::move(changed));
  const TableId id = table->id;
  next.tables_ = tables_.With(id, std::move(table));
  return next;
}

CatalogView CatalogView::WithoutTable(const schema::TablePath& path) const {
  const TablePtr table = FindTable(path);
  if (!table) return *this;
  CatalogView next = *this;
  table->partitions.ForEach([&](const std::string&, const PartitionPtr& partition) {
    next.partitions_ = next.partitions_.Without(partition->id);
  });
  auto changed = std::make_shared<Database>(*FindDatabase(path.database));
  changed->tables = changed->tables.Without(path.table);
  next.databases_ = databases_.With(path.database, std::move(changed));
  next.tables_ = tables_.Without(table->id);
  return next;
}

CatalogView CatalogView::WithPartition(const PartitionPtr& partition) const {
  const TablePtr table = FindTable(partition->table);
  TW_CHECK(table);
  auto changed = std::make_shared<Table>(*table);
  changed->partitions = changed->partitions.With(partition->name, partition);
  return WithTable(std::move(changed));
}

CatalogView CatalogView::WithoutPartition(const PartitionPtr& partition) const {
  const TablePtr table = FindTable(partition->table);
  TW_CHECK(table);
  auto changed = std::make_shared<Table>(*table);
  changed->partitions = changed->partitions.Without(partition->name);
  CatalogView next = WithTable(std::move(changed));
  next.partitions_ = next.partitions_.Without(partition->id);
  return next;
}

CatalogView CatalogView::WithAcls(security::AclMap acls) const {
  CatalogView next = *this;
  next.acls_ = std::make_shared<const security::AclMap>(std::move(acls));
  return next;
}

}  // namespace thalweg::catalog
