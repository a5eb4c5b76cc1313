#include "thalweg/schema/table_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "thalweg/base/error.h"
#include "thalweg/schema/table_config.h"

namespace thalweg::schema {
namespace {

using std::chrono::milliseconds;

TEST(TableOptions, AreThoseOfTheProtocol) {
  EXPECT_EQ(TableOptions().size(), 29u);
  for (const TableOption& option : TableOptions()) {
    EXPECT_TRUE(IsTableKey(option.key)) << option.key;
    EXPECT_EQ(FindTableOption(option.key), &option);
    EXPECT_TRUE(option.does.ends_with('.') || option.does.ends_with(')')) << option.key;
    EXPECT_EQ(option.values.empty(), option.kind != OptionKind::kEnum) << option.key;
    if (!option.default_value.empty()) EXPECT_TRUE(CheckOptionValue(option, option.default_value).ok()) << option.key;
  }
  EXPECT_EQ(FindTableOption("table.log.ttl2"), nullptr);
  EXPECT_EQ(std::ranges::count_if(TableOptions(), &TableOption::alterable), 12);
}

TEST(TableOptions, DurationsHaveAUnit) {
  EXPECT_EQ(*ParseDuration("7 d"), std::chrono::days(7));
  EXPECT_EQ(*ParseDuration(" 100ms "), milliseconds(100));
  EXPECT_EQ(*ParseDuration("2 HOURS"), std::chrono::hours(2));
  EXPECT_EQ(*ParseDuration("3min"), std::chrono::minutes(3));
  EXPECT_EQ(*ParseDuration("3m"), std::chrono::minutes(3));
  EXPECT_EQ(*ParseDuration("1500 µs"), milliseconds(1));
  EXPECT_EQ(*ParseDuration("1999999 ns"), milliseconds(1));
  EXPECT_EQ(*ParseDuration("0ms"), milliseconds(0));
  for (const char* text :
       {"", "7", "d", "-1 d", "7 years", "7.5 d", "9223372036854775807 d", "99999999999999999999 ms"}) {
    EXPECT_EQ(CodeOf(ParseDuration(text).status()), ErrorCode::kInvalidConfig) << text;
  }
}

TEST(TableOptions, BooleansEnumsAndNumbers) {
  EXPECT_TRUE(*ParseBoolean("TRUE"));
  EXPECT_FALSE(*ParseBoolean("false"));
  EXPECT_FALSE(ParseBoolean("yes").ok());
  const std::string_view words[] = {"ONE", "TWO_WORDS"};
  EXPECT_EQ(*ParseEnum("two_Words", words), 1u);
  EXPECT_THAT(ParseEnum("three", words).status().message(), testing::HasSubstr("ONE, TWO_WORDS"));
  EXPECT_EQ(*ParseInteger("-5", -5, 5), -5);
  EXPECT_EQ(*ParseInteger("+5", -5, 5), 5);
  for (const char* text : {"", "6", "5x", "0x1", " 5", "+-5", "++5", "-", "99999999999999999999"}) {
    EXPECT_FALSE(ParseInteger(text, -5, 5).ok()) << text;
  }
}

TEST(TableConfig, DefaultsAreThoseOfTheTable) {
  const TableConfig config = TableConfig::Make({}).ValueOrDie();
  std::map<std::string, std::string> written;
  for (const TableOption& option : TableOptions()) {
    if (!option.default_value.empty()) written[std::string(option.key)] = option.default_value;
  }
  TableConfig from_defaults = TableConfig::Make(written).ValueOrDie();
  EXPECT_EQ(from_defaults.log_format, config.log_format);
  EXPECT_EQ(from_defaults.compression, config.compression);
  EXPECT_EQ(from_defaults.zstd_level, config.zstd_level);
  EXPECT_EQ(from_defaults.log_ttl, config.log_ttl);
  EXPECT_EQ(from_defaults.tiered_local_segments, config.tiered_local_segments);
  EXPECT_EQ(from_defaults.kv_format, config.kv_format);
  EXPECT_EQ(from_defaults.changelog_image, config.changelog_image);
  EXPECT_EQ(from_defaults.auto_increment_cache_size, config.auto_increment_cache_size);
  EXPECT_EQ(from_defaults.auto_partition.enabled, config.auto_partition.enabled);
  EXPECT_EQ(from_defaults.auto_partition.time_unit, config.auto_partition.time_unit);
  EXPECT_EQ(from_defaults.auto_partition.time_zone, config.auto_partition.time_zone);
  EXPECT_EQ(from_defaults.auto_partition.precreate_count, config.auto_partition.precreate_count);
  EXPECT_EQ(from_defaults.auto_partition.retention_count, config.auto_partition.retention_count);
  EXPECT_EQ(from_defaults.lake_enabled, config.lake_enabled);
  EXPECT_EQ(from_defaults.lake_freshness, config.lake_freshness);
  EXPECT_EQ(config.replication_factor, std::nullopt);
  EXPECT_EQ(config.merge_engine, std::nullopt);
}

TEST(TableConfig, ReadsEveryKind) {
  const auto config = TableConfig::Make({{"table.replication.factor", "3"},
                                         {"table.log.format", "indexed"},
                                         {"table.log.arrow.compression.type", "lz4_frame"},
                                         {"table.log.ttl", "1 h"},
                                         {"table.log.local-ttl", "1 min"},
                                         {"table.kv.format", "INDEXED"},
                                         {"table.merge-engine", "aggregation"},
                                         {"table.delete.behavior", "disable"},
                                         {"table.changelog.image", "wal"},
                                         {"table.auto-partition.enabled", "true"},
                                         {"table.auto-partition.key", "day"},
                                         {"table.auto-partition.time-unit", "hour"},
                                         {"table.auto-increment.cache-size", "5000000000"},
                                         {"table.datalake.format", "ICEBERG"},
                                         {"table.statistics.columns", "a,b"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->replication_factor, 3);
  EXPECT_EQ(config->log_format, LogFormat::kIndexed);
  EXPECT_EQ(config->compression, CompressionType::kLz4Frame);
  EXPECT_EQ(config->log_ttl, std::chrono::hours(1));
  EXPECT_EQ(config->log_local_ttl, std::chrono::minutes(1));
  EXPECT_EQ(config->kv_format, KvFormat::kIndexed);
  EXPECT_EQ(config->merge_engine, MergeEngine::kAggregation);
  EXPECT_EQ(config->delete_behavior, DeleteBehavior::kDisable);
  EXPECT_EQ(config->changelog_image, ChangelogImage::kWal);
  EXPECT_TRUE(config->auto_partition.enabled);
  EXPECT_EQ(config->auto_partition.key, "day");
  EXPECT_EQ(config->auto_partition.time_unit, TimeUnit::kHour);
  EXPECT_EQ(config->auto_increment_cache_size, 5'000'000'000);
  EXPECT_EQ(config->lake_format, LakeFormat::kIceberg);
  EXPECT_EQ(config->statistics_columns, "a,b");
}

TEST(TableConfig, RefusesUnknownKeysAndValues) {
  const auto message = [](const std::string& key, const std::string& value) {
    const arrow::Status status = TableConfig::Make({{key, value}}).status();
    EXPECT_EQ(CodeOf(status), ErrorCode::kInvalidConfig);
    return status.message();
  };
  EXPECT_THAT(message("table.unknown", "1"), testing::HasSubstr("not a table option of this server"));
  EXPECT_THAT(message("client.id", "1"), testing::HasSubstr("custom properties"));
  EXPECT_THAT(message("table.log.ttl", "soon"), testing::HasSubstr("'table.log.ttl'"));
  EXPECT_THAT(message("table.replication.factor", "2147483648"), testing::HasSubstr("whole number"));
  message("table.log.format", "parquet");
  message("table.datalake.enabled", "1");
}

}  // namespace
}  // namespace thalweg::schema
