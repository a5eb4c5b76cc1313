#include "thalweg/schema/table_validation.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "fmt/ranges.h"
#include "thalweg/base/error.h"
#include "thalweg/schema/agg_function.h"
#include "thalweg/schema/partition_spec.h"
#include "thalweg/schema/partition_time.h"
#include "thalweg/schema/statistics_columns.h"
#include "thalweg/schema/table_config.h"
#include "thalweg/schema/table_options.h"

namespace thalweg::schema {
namespace {

// What queries on a table and on its $changelog and $binlog add to its columns.
constexpr std::array<std::string_view, 6> kSystemColumns = {"__offset",     "__timestamp", "__bucket",
                                                            "_change_type", "_log_offset", "_commit_timestamp"};

void SetIfAbsent(TableDescriptor& table, std::string_view key, std::string value) {
  table.properties.try_emplace(std::string(key), std::move(value));
}

arrow::Status CheckKeyTypes(const TableDescriptor& table, const std::vector<std::string>& key, std::string_view what) {
  for (const size_t i : table.IndexesOf(key)) {
    const Column& column = table.schema.columns()[i];
    if (!column.type.IsNested()) continue;
    return Error(ErrorCode::kInvalidTable, "The {} key column '{}' has the type {}: ARRAY, MAP and ROW cannot be keys.",
                 what, column.name, column.type);
  }
  return arrow::Status::OK();
}

arrow::Status CheckDistribution(const TableDescriptor& table, const TableRules& rules) {
  if (!table.bucket_count) return Error(ErrorCode::kInvalidTable, "The table has no bucket count.");
  if (*table.bucket_count < 1) {
    return Error(ErrorCode::kInvalidTable, "The bucket count must be at least 1, but is {}.", *table.bucket_count);
  }
  if (*table.bucket_count > rules.bucket_count_max) {
    return Error(ErrorCode::kBucketMaxNum, "The bucket count is {}, and {} are allowed in a table or partition.",
                 *table.bucket_count, rules.bucket_count_max);
  }
  ARROW_RETURN_NOT_OK(CheckKeyTypes(table, table.bucket_keys, "bucket"));
  return CheckKeyTypes(table, table.schema.primary_key(), "primary");
}

arrow::Status CheckReplicationFactor(const TableConfig& config, bool partitioned, const TableRules& rules) {
  if (!config.replication_factor) {
    return Error(ErrorCode::kInvalidConfig, "The table option '{}' is not set.", kReplicationFactor);
  }
  const int32_t factor = *config.replication_factor;
  if (factor < 1) {
    return Error(ErrorCode::kInvalidReplicationFactor, "'{}' must be at least 1, but is {}.", kReplicationFactor,
                 factor);
  }
  // A partitioned table has no buckets yet; its partitions will.
  return partitioned ? arrow::Status::OK() : CheckServers(factor, rules);
}

arrow::Status CheckFormats(const TableConfig& config, bool has_primary_key) {
  if (has_primary_key && config.kv_format == KvFormat::kCompacted && config.log_format == LogFormat::kIndexed) {
    return Error(ErrorCode::kInvalidConfig,
                 "A table with a primary key and '{}' = COMPACTED needs '{}' = ARROW or COMPACTED.", kKvFormat,
                 kLogFormat);
  }
  if (const int32_t version = config.kv_format_version.value_or(1); version < 1 || version > kKvFormatVersionMax) {
    return Error(ErrorCode::kInvalidConfig, "'{}' is {}, and this server knows versions 1 to {}.", kKvFormatVersion,
                 version, kKvFormatVersionMax);
  }
  if (config.zstd_level < 1 || config.zstd_level > 22) {
    return Error(ErrorCode::kInvalidConfig, "'{}' must be between 1 and 22, but is {}.", kZstdLevel, config.zstd_level);
  }
  return arrow::Status::OK();
}

arrow::Status CheckVersionColumn(const TableConfig& config, const Schema& schema) {
  if (!config.merge_engine_version_column) {
    return Error(ErrorCode::kInvalidConfig, "The merge engine VERSIONED needs '{}'.", kMergeEngineVersionColumn);
  }
  const std::string& name = *config.merge_engine_version_column;
  const std::optional<size_t> index = schema.IndexOf(name);
  if (!index) {
    return Error(ErrorCode::kInvalidConfig, "'{}' names '{}', which is not a column of the table.",
                 kMergeEngineVersionColumn, name);
  }
  const DataType& type = schema.columns()[*index].type;
  switch (type.kind) {
    case TypeKind::kInt:
    case TypeKind::kBigInt:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
      return arrow::Status::OK();
    default:
      return Error(ErrorCode::kInvalidConfig,
                   "The version column '{}' must be INT, BIGINT, TIMESTAMP or TIMESTAMP_LTZ, but is {}.", name, type);
  }
}

arrow::Status CheckAggregation(const TableConfig& config, const Schema& schema) {
  if (config.changelog_image == ChangelogImage::kWal) {
    return Error(ErrorCode::kInvalidConfig, "The merge engine AGGREGATION needs '{}' = FULL.", kChangelogImage);
  }
  for (const Column& column : schema.columns()) {
    if (!column.agg_function) continue;
    const arrow::Status status = CheckAggFunction(*column.agg_function, column.type);
    if (!status.ok()) return Error(CodeOf(status), "Column '{}': {}", column.name, status.message());
  }
  return arrow::Status::OK();
}

arrow::Status CheckMerging(const TableConfig& config, const Schema& schema) {
  if (!schema.HasPrimaryKey()) {
    if (config.merge_engine) {
      return Error(ErrorCode::kInvalidConfig, "'{}' needs a table with a primary key.", kMergeEngine);
    }
    if (config.delete_behavior) {
      return Error(ErrorCode::kInvalidConfig, "'{}' needs a table with a primary key.", kDeleteBehavior);
    }
    return arrow::Status::OK();
  }
  if (config.merge_engine == MergeEngine::kVersioned) ARROW_RETURN_NOT_OK(CheckVersionColumn(config, schema));
  if (config.merge_engine == MergeEngine::kAggregation) ARROW_RETURN_NOT_OK(CheckAggregation(config, schema));
  const bool ignores_deletes =
      config.merge_engine == MergeEngine::kFirstRow || config.merge_engine == MergeEngine::kVersioned;
  if (ignores_deletes && config.delete_behavior == DeleteBehavior::kAllow) {
    return Error(ErrorCode::kInvalidConfig,
                 "The merge engines FIRST_ROW and VERSIONED cannot delete: set '{}' to IGNORE or DISABLE.",
                 kDeleteBehavior);
  }
  return arrow::Status::OK();
}

arrow::Status CheckRetention(const TableConfig& config) {
  if (config.tiered_local_segments < 1) {
    return Error(ErrorCode::kInvalidConfig, "'{}' must be at least 1, but is {}.", kTieredLocalSegments,
                 config.tiered_local_segments);
  }
  constexpr std::chrono::milliseconds kForEver{0};
  if (config.log_local_ttl.value_or(kForEver) > kForEver && config.log_ttl > kForEver &&
      *config.log_local_ttl > config.log_ttl) {
    return Error(ErrorCode::kInvalidConfig, "'{}' cannot be longer than '{}'.", kLogLocalTtl, kLogTtl);
  }
  return arrow::Status::OK();
}

arrow::Status CheckAutoPartition(const TableConfig::AutoPartition& config, const TableDescriptor& table) {
  if (!table.IsPartitioned()) {
    return Error(ErrorCode::kInvalidConfig, "'{}' needs a table with a partition key.", kAutoPartitionEnabled);
  }
  if (table.partition_keys.size() == 1) return arrow::Status::OK();
  const std::string key = config.key.value_or("");
  if (key.find_first_not_of(" \t") == std::string::npos) {
    return Error(ErrorCode::kInvalidTable,
                 "A table with several partition keys and automatic partitions needs '{}', one of [{}].",
                 kAutoPartitionKey, fmt::join(table.partition_keys, ", "));
  }
  if (std::ranges::find(table.partition_keys, key) == table.partition_keys.end()) {
    return Error(ErrorCode::kInvalidTable, "'{}' is '{}', which is not one of the partition keys [{}].",
                 kAutoPartitionKey, key, fmt::join(table.partition_keys, ", "));
  }
  if (config.precreate_count > 0) {
    return Error(ErrorCode::kInvalidTable,
                 "A table with several partition keys cannot create partitions ahead: set '{}' to 0, it is {}.",
                 kAutoPartitionPrecreate, config.precreate_count);
  }
  return arrow::Status::OK();
}

arrow::Status CheckPartitions(const TableConfig& config, const TableDescriptor& table) {
  for (const size_t i : table.IndexesOf(table.partition_keys)) {
    const Column& column = table.schema.columns()[i];
    if (IsPartitionKeyKind(column.type.kind)) continue;
    return Error(ErrorCode::kInvalidTable,
                 "The partition key column '{}' has the type {}: DECIMAL, ARRAY, MAP and ROW cannot be partition keys.",
                 column.name, column.type);
  }
  if (table.IsPartitioned() && config.auto_partition.time_format) {
    ARROW_RETURN_NOT_OK(
        PartitionTimeFormat::Make(config.auto_partition.time_unit, config.auto_partition.time_format).status());
  }
  return config.auto_partition.enabled ? CheckAutoPartition(config.auto_partition, table) : arrow::Status::OK();
}

}  // namespace

arrow::Status CheckServers(int32_t replication_factor, const TableRules& rules) {
  if (replication_factor <= rules.tablet_server_count) return arrow::Status::OK();
  return Error(
      ErrorCode::kInvalidReplicationFactor,
      "'{}' is {}, but the cluster has {} tablet server(s) that take new buckets: lower it, or leave it out; a "
      "server that is tagged as offline takes none.",
      kReplicationFactor, replication_factor, rules.tablet_server_count);
}

arrow::Status CheckColumnNames(const Schema& schema) {
  for (const Column& column : schema.columns()) {
    if (std::ranges::find(kSystemColumns, column.name) == kSystemColumns.end()) continue;
    return Error(ErrorCode::kInvalidTable, "The column name '{}' is reserved, as are {}: choose another.", column.name,
                 fmt::join(kSystemColumns, ", "));
  }
  return arrow::Status::OK();
}

arrow::Status CheckTable(const TableDescriptor& table, const TableRules& rules) {
  ARROW_ASSIGN_OR_RAISE(const TableConfig config, TableConfig::Make(table.properties));
  if (config.lake_enabled) {
    return Error(ErrorCode::kInvalidTable,
                 "'{}' is true, but this server cannot write to a lake: set it to false or leave it out.",
                 kLakeEnabled);
  }
  ARROW_RETURN_NOT_OK(CheckDistribution(table, rules));
  ARROW_RETURN_NOT_OK(CheckReplicationFactor(config, table.IsPartitioned(), rules));
  ARROW_RETURN_NOT_OK(CheckFormats(config, table.HasPrimaryKey()));
  ARROW_RETURN_NOT_OK(CheckMerging(config, table.schema));
  ARROW_RETURN_NOT_OK(CheckRetention(config));
  ARROW_RETURN_NOT_OK(CheckPartitions(config, table));
  ARROW_RETURN_NOT_OK(CheckColumnNames(table.schema));
  return config.statistics_columns ? StatisticsColumns(table.schema, *config.statistics_columns).status()
                                   : arrow::Status::OK();
}

arrow::Result<TableDescriptor> PrepareTable(TableDescriptor table, const TableRules& rules) {
  ARROW_RETURN_NOT_OK(table.Normalize());
  ARROW_ASSIGN_OR_RAISE(const TableConfig config, TableConfig::Make(table.properties));
  if (!table.bucket_count) table.bucket_count = rules.bucket_count_default;
  SetIfAbsent(table, kReplicationFactor, std::to_string(rules.replication_factor_default));
  if (table.partition_keys.size() > 1 && config.auto_partition.enabled) {
    SetIfAbsent(table, kAutoPartitionPrecreate, "0");
  }
  if (rules.lake_format) SetIfAbsent(table, kLakeFormat, *rules.lake_format);
  if (table.HasPrimaryKey()) {
    if (config.merge_engine) SetIfAbsent(table, kDeleteBehavior, "IGNORE");
    SetIfAbsent(table, kKvFormatVersion, std::to_string(kKvFormatVersionMax));
  }
  ARROW_RETURN_NOT_OK(CheckTable(table, rules));
  return table;
}

}  // namespace thalweg::schema
