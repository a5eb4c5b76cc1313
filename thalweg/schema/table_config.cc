#include "thalweg/schema/table_config.h"

#include <limits>
#include <span>
#include <string_view>

#include "thalweg/base/error.h"
#include "thalweg/schema/option_values_internal.h"
#include "thalweg/schema/table_options.h"

namespace thalweg::schema {
namespace {

// The values are checked before any of these runs, so that none of them can fail.
class Properties {
 public:
  explicit Properties(const std::map<std::string, std::string>& properties) : properties_(properties) {}

  const std::string* Find(std::string_view key) const {
    const auto it = properties_.find(std::string(key));
    return it == properties_.end() ? nullptr : &it->second;
  }

  void Read(std::string_view key, bool* to) const {
    if (const std::string* text = Find(key)) *to = ParseBoolean(*text).ValueOrDie();
  }
  void Read(std::string_view key, int32_t* to) const {
    if (const std::string* text = Find(key)) *to = static_cast<int32_t>(Integer(*text));
  }
  void Read(std::string_view key, int64_t* to) const {
    if (const std::string* text = Find(key)) *to = Integer(*text);
  }
  void Read(std::string_view key, std::string* to) const {
    if (const std::string* text = Find(key)) *to = *text;
  }
  void Read(std::string_view key, std::chrono::milliseconds* to) const {
    if (const std::string* text = Find(key)) *to = ParseDuration(*text).ValueOrDie();
  }
  template <typename Enum>
  void Read(std::string_view key, std::span<const std::string_view> values, Enum* to) const {
    if (const std::string* text = Find(key)) *to = static_cast<Enum>(ParseEnum(*text, values).ValueOrDie());
  }
  template <typename Value>
  void Read(std::string_view key, std::optional<Value>* to) const {
    if (Find(key) != nullptr) Read(key, &to->emplace());
  }
  template <typename Enum>
  void Read(std::string_view key, std::span<const std::string_view> values, std::optional<Enum>* to) const {
    if (Find(key) != nullptr) Read(key, values, &to->emplace());
  }

 private:
  static int64_t Integer(std::string_view text) {
    return ParseInteger(text, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()).ValueOrDie();
  }

  const std::map<std::string, std::string>& properties_;
};

arrow::Status CheckProperties(const std::map<std::string, std::string>& properties) {
  for (const auto& [key, value] : properties) {
    const TableOption* option = FindTableOption(key);
    if (option != nullptr) {
      ARROW_RETURN_NOT_OK(CheckOptionValue(*option, value));
    } else if (IsTableKey(key)) {
      return Error(ErrorCode::kInvalidConfig,
                   "'{}' is not a table option of this server: check its spelling, or whether a newer version has it.",
                   key);
    } else {
      return Error(ErrorCode::kInvalidConfig,
                   "'{}' is not a table option: pass properties of your own as custom properties.", key);
    }
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<TableConfig> TableConfig::Make(const std::map<std::string, std::string>& properties) {
  ARROW_RETURN_NOT_OK(CheckProperties(properties));
  const Properties in(properties);
  TableConfig config;
  in.Read(kReplicationFactor, &config.replication_factor);
  in.Read(kLogFormat, kLogFormats, &config.log_format);
  in.Read(kCompressionType, kCompressionTypes, &config.compression);
  in.Read(kZstdLevel, &config.zstd_level);
  in.Read(kLogTtl, &config.log_ttl);
  in.Read(kLogLocalTtl, &config.log_local_ttl);
  in.Read(kTieredLocalSegments, &config.tiered_local_segments);
  in.Read(kKvFormat, kKvFormats, &config.kv_format);
  in.Read(kKvFormatVersion, &config.kv_format_version);
  in.Read(kMergeEngine, kMergeEngines, &config.merge_engine);
  in.Read(kMergeEngineVersionColumn, &config.merge_engine_version_column);
  in.Read(kDeleteBehavior, kDeleteBehaviors, &config.delete_behavior);
  in.Read(kChangelogImage, kChangelogImages, &config.changelog_image);
  in.Read(kAutoIncrementCacheSize, &config.auto_increment_cache_size);
  in.Read(kAutoPartitionEnabled, &config.auto_partition.enabled);
  in.Read(kAutoPartitionKey, &config.auto_partition.key);
  in.Read(kAutoPartitionTimeUnit, kTimeUnits, &config.auto_partition.time_unit);
  in.Read(kAutoPartitionTimeFormat, &config.auto_partition.time_format);
  in.Read(kAutoPartitionTimeZone, &config.auto_partition.time_zone);
  in.Read(kAutoPartitionPrecreate, &config.auto_partition.precreate_count);
  in.Read(kAutoPartitionRetention, &config.auto_partition.retention_count);
  in.Read(kLakeEnabled, &config.lake_enabled);
  in.Read(kLakeFormat, kLakeFormats, &config.lake_format);
  in.Read(kLakeFreshness, &config.lake_freshness);
  in.Read(kStatisticsColumns, &config.statistics_columns);
  return config;
}

}  // namespace thalweg::schema
