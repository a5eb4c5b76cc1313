#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "arrow/result.h"

namespace thalweg::schema {

enum class LogFormat : uint8_t { kArrow, kIndexed, kCompacted };
enum class KvFormat : uint8_t { kCompacted, kIndexed };
enum class CompressionType : uint8_t { kNone, kLz4Frame, kZstd };
enum class TimeUnit : uint8_t { kYear, kQuarter, kMonth, kDay, kHour };
enum class MergeEngine : uint8_t { kFirstRow, kVersioned, kAggregation };
enum class DeleteBehavior : uint8_t { kAllow, kIgnore, kDisable };
enum class ChangelogImage : uint8_t { kFull, kWal };
enum class LakeFormat : uint8_t { kPaimon, kLance, kIceberg, kHudi };

/// The options of a table (table_options.h), parsed, with the defaults of those that it does not set.
struct TableConfig {
  struct AutoPartition {
    bool enabled = false;
    /// Absent: the only partition key.
    std::optional<std::string> key{};
    TimeUnit time_unit = TimeUnit::kDay;
    /// Absent: the unit's own, such as yyyyMMdd.
    std::optional<std::string> time_format{};
    std::string time_zone = "UTC";
    int32_t precreate_count = 2;
    int32_t retention_count = 7;
  };

  /// Absent until the server fills it in.
  std::optional<int32_t> replication_factor{};
  LogFormat log_format = LogFormat::kArrow;
  CompressionType compression = CompressionType::kZstd;
  int32_t zstd_level = 3;
  /// Zero or less: records are kept for ever.
  std::chrono::milliseconds log_ttl = std::chrono::days(7);
  std::optional<std::chrono::milliseconds> log_local_ttl{};
  int32_t tiered_local_segments = 2;

  KvFormat kv_format = KvFormat::kCompacted;
  std::optional<int32_t> kv_format_version{};
  std::optional<MergeEngine> merge_engine{};
  std::optional<std::string> merge_engine_version_column{};
  std::optional<DeleteBehavior> delete_behavior{};
  ChangelogImage changelog_image = ChangelogImage::kFull;
  int64_t auto_increment_cache_size = 100'000;

  AutoPartition auto_partition{};

  bool lake_enabled = false;
  std::optional<LakeFormat> lake_format{};
  std::chrono::milliseconds lake_freshness = std::chrono::minutes(3);

  /// As given: "*" or column names between commas.
  std::optional<std::string> statistics_columns{};

  /// INVALID_CONFIG for a key that is no table option, and for a value that is none of its option.
  static arrow::Result<TableConfig> Make(const std::map<std::string, std::string>& properties);
};

}  // namespace thalweg::schema
