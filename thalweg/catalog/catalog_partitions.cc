#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/catalog/catalog_turn_internal.h"
#include "thalweg/catalog/records_internal.h"
#include "thalweg/schema/partition_time.h"

namespace thalweg::catalog {
namespace {

arrow::Result<TablePtr> GetPartitioned(const CatalogView& view, const schema::TablePath& path) {
  ARROW_ASSIGN_OR_RAISE(TablePtr table, view.GetTable(path));
  if (!table->IsPartitioned()) {
    return Error(ErrorCode::kTableNotPartitioned, "Table {} is not partitioned.", path);
  }
  return table;
}

/// A table that says how its times are written takes no others.
arrow::Status CheckTime(const Table& table, const std::vector<std::string>& values) {
  ARROW_ASSIGN_OR_RAISE(const schema::TableConfig* config, table.layout->Config());
  const auto& rules = config->auto_partition;
  if (!rules.time_format) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto format, schema::PartitionTimeFormat::Make(rules.time_unit, rules.time_format));
  const std::string& value = values[schema::TimeKeyIndex(table.descriptor->partition_keys, rules)];
  if (format.Matches(value)) return arrow::Status::OK();
  return Error(ErrorCode::kPartitionSpecInvalid, "The partition value '{}' is no time in the table's format '{}'.",
               value, format.pattern());
}

}  // namespace

runtime::Task<arrow::Result<PartitionPtr>> Catalog::CreatePartition(schema::TablePath path, schema::PartitionSpec spec,
                                                                    bool ignore_if_exists, runtime::Executor& home) {
  co_return co_await InTurn(CreatePartitionNow(std::move(path), std::move(spec), ignore_if_exists), home);
}

runtime::Task<arrow::Result<PartitionPtr>> Catalog::CreatePartitionNow(schema::TablePath path,
                                                                       schema::PartitionSpec spec,
                                                                       bool ignore_if_exists) {
  const CatalogViewPtr current = view();
  TW_CO_ASSIGN_OR_RETURN(const TablePtr table, GetPartitioned(*current, path));
  TW_CO_ASSIGN_OR_RETURN(
      std::vector<std::string> values,
      schema::ResolvePartition(table->descriptor->partition_keys, spec, schema::PartitionUse::kCreate));
  TW_CO_RETURN_NOT_OK(CheckTime(*table, values));
  const std::string name = schema::PartitionName(values);
  if (const PartitionPtr* const found = table->partitions.Find(name)) {
    if (ignore_if_exists) co_return *found;
    co_return Error(ErrorCode::kPartitionAlreadyExists, "Table {} already has a partition {}.", path, name);
  }
  TW_CO_ASSIGN_OR_RETURN(const schema::TableConfig* config, table->layout->Config());
  TW_CO_RETURN_NOT_OK(schema::CheckServers(config->replication_factor.value_or(1), RulesOf(*current)));
  const int64_t count = static_cast<int64_t>(table->partitions.size()) + 1;
  if (count > options_.partition_count_max) {
    co_return Error(ErrorCode::kPartitionMaxNum, "Table {} has {} partitions, and may have no more. Drop some first.",
                    path, table->partitions.size());
  }
  if (count * table->bucket_count() > options_.rules.bucket_count_max) {
    co_return Error(ErrorCode::kBucketMaxNum,
                    "With partition {} table {} would have {} buckets, {} are allowed. Drop partitions first.", name,
                    path, count * table->bucket_count(), options_.rules.bucket_count_max);
  }
  auto partition = std::make_shared<Partition>();
  MetaStore::Transaction transaction;
  partition->id = PartitionId(Reserve(partition_counter_, 1, transaction));
  partition->table = table->id;
  partition->name = name;
  partition->values = std::move(values);
  partition->created_ms = clock_.WallMs();
  transaction.compares.push_back({records::TableKey(path), table->revision});
  transaction.compares.push_back({records::PartitionKey(table->id, name), MetaStore::kAbsent});
  transaction.puts.emplace_back(records::PartitionKey(table->id, name), records::EncodePartition(*partition));
  TW_CO_RETURN_NOT_OK(
      co_await Apply(std::move(transaction), [&](int64_t) { return current->WithPartition(partition); }));
  co_return PartitionPtr(partition);
}

runtime::Task<arrow::Result<PartitionPtr>> Catalog::DropPartition(schema::TablePath path, schema::PartitionSpec spec,
                                                                  bool ignore_if_not_exists, runtime::Executor& home) {
  co_return co_await InTurn(DropPartitionNow(std::move(path), std::move(spec), ignore_if_not_exists), home);
}

runtime::Task<arrow::Result<PartitionPtr>> Catalog::DropPartitionNow(schema::TablePath path, schema::PartitionSpec spec,
                                                                     bool ignore_if_not_exists) {
  const CatalogViewPtr current = view();
  TW_CO_ASSIGN_OR_RETURN(const TablePtr table, GetPartitioned(*current, path));
  TW_CO_ASSIGN_OR_RETURN(
      const std::vector<std::string> values,
      schema::ResolvePartition(table->descriptor->partition_keys, spec, schema::PartitionUse::kRefer));
  const std::string name = schema::PartitionName(values);
  const PartitionPtr* const found = table->partitions.Find(name);
  if (found == nullptr) {
    if (ignore_if_not_exists) co_return PartitionPtr();
    co_return Error(ErrorCode::kPartitionNotExists, "Table {} has no partition {}.", path, name);
  }
  const PartitionPtr partition = *found;
  MetaStore::Transaction transaction;
  transaction.compares.push_back({records::TableKey(path), table->revision});
  transaction.removals.push_back(records::PartitionKey(table->id, name));
  transaction.puts.emplace_back(records::DroppedKey({.table = table->id, .partition = partition->id}), "{}");
  TW_CO_RETURN_NOT_OK(
      co_await Apply(std::move(transaction), [&](int64_t) { return current->WithoutPartition(partition); }));
  co_return partition;
}

}  // namespace thalweg::catalog
