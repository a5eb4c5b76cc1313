#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include "arrow/result.h"

namespace thalweg::schema {

enum class OptionKind : uint8_t { kBoolean, kInt, kLong, kText, kDuration, kEnum };

/// One option that a table may carry in its properties. After a change, write docs/table_options.md anew:
/// `thalweg table options > docs/table_options.md`.
struct TableOption {
  std::string_view key;
  OptionKind kind;
  /// What an absent option means, as text; empty where absence is a meaning of its own.
  std::string_view default_value;
  /// Whether ALTER TABLE may set or delete it.
  bool alterable;
  /// Of a kEnum: what it may be, in any case.
  std::span<const std::string_view> values;
  /// As the page shows it, Markdown.
  std::string_view does;
};

/// Every option there is, by key.
std::span<const TableOption> TableOptions();
/// Null for an unknown key.
const TableOption* FindTableOption(std::string_view key);
/// Whether a key names an option of the table rather than something of the user's own.
bool IsTableKey(std::string_view key);

inline constexpr std::string_view kReplicationFactor = "table.replication.factor";
inline constexpr std::string_view kLogFormat = "table.log.format";
inline constexpr std::string_view kCompressionType = "table.log.arrow.compression.type";
inline constexpr std::string_view kZstdLevel = "table.log.arrow.compression.zstd.level";
inline constexpr std::string_view kKvFormat = "table.kv.format";
inline constexpr std::string_view kKvFormatVersion = "table.kv.format-version";
inline constexpr std::string_view kKvStandbyReplica = "table.kv.standby-replica.enabled";
inline constexpr std::string_view kAutoPartitionEnabled = "table.auto-partition.enabled";
inline constexpr std::string_view kAutoPartitionKey = "table.auto-partition.key";
inline constexpr std::string_view kAutoPartitionTimeUnit = "table.auto-partition.time-unit";
inline constexpr std::string_view kAutoPartitionTimeFormat = "table.auto-partition.time-format";
inline constexpr std::string_view kAutoPartitionTimeZone = "table.auto-partition.time-zone";
inline constexpr std::string_view kAutoPartitionPrecreate = "table.auto-partition.num-precreate";
inline constexpr std::string_view kAutoPartitionRetention = "table.auto-partition.num-retention";
inline constexpr std::string_view kLogTtl = "table.log.ttl";
inline constexpr std::string_view kLogLocalTtl = "table.log.local-ttl";
inline constexpr std::string_view kTieredLocalSegments = "table.log.tiered.local-segments";
inline constexpr std::string_view kLakeEnabled = "table.datalake.enabled";
inline constexpr std::string_view kLakeFormat = "table.datalake.format";
inline constexpr std::string_view kLakeFreshness = "table.datalake.freshness";
inline constexpr std::string_view kLakeAutoCompaction = "table.datalake.auto-compaction";
inline constexpr std::string_view kLakeAutoExpire = "table.datalake.auto-expire-snapshot";
inline constexpr std::string_view kLakeHistoricalPartition = "table.datalake.historical-partition.enabled";
inline constexpr std::string_view kMergeEngine = "table.merge-engine";
inline constexpr std::string_view kMergeEngineVersionColumn = "table.merge-engine.versioned.ver-column";
inline constexpr std::string_view kDeleteBehavior = "table.delete.behavior";
inline constexpr std::string_view kAutoIncrementCacheSize = "table.auto-increment.cache-size";
inline constexpr std::string_view kChangelogImage = "table.changelog.image";
inline constexpr std::string_view kStatisticsColumns = "table.statistics.columns";

/// Values as text, each INVALID_CONFIG where they are not one; the message does not name the option.
arrow::Result<bool> ParseBoolean(std::string_view text);
arrow::Result<int64_t> ParseInteger(std::string_view text, int64_t min, int64_t max);
/// "7 d", "100ms": a whole number and a unit (d, h, min or m, s, ms, µs, ns, or their names). Rounded down to ms.
arrow::Result<std::chrono::milliseconds> ParseDuration(std::string_view text);
/// Position in `values`, in any case.
arrow::Result<size_t> ParseEnum(std::string_view text, std::span<const std::string_view> values);

/// INVALID_CONFIG, naming the option, where `text` is no value of it.
arrow::Status CheckOptionValue(const TableOption& option, std::string_view text);

}  // namespace thalweg::schema
