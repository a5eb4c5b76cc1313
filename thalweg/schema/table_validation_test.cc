#include "thalweg/schema/table_validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "thalweg/base/error.h"
#include "thalweg/schema/statistics_columns.h"

namespace thalweg::schema {
namespace {

using testing::ElementsAre;
using testing::Pair;
using Options = std::map<std::string, std::string>;

// k INT, v BIGINT, s STRING, l ARRAY<INT>, m DECIMAL, b BYTES
std::vector<Column> SomeColumns() {
  return {
      {.name = "k", .type = MakeType(TypeKind::kInt)},    {.name = "v", .type = MakeType(TypeKind::kBigInt)},
      {.name = "s", .type = MakeType(TypeKind::kString)}, {.name = "l", .type = MakeArray(MakeType(TypeKind::kInt))},
      {.name = "m", .type = MakeDecimal(10, 2)},          {.name = "b", .type = MakeType(TypeKind::kBytes)}};
}

TableDescriptor Log(Options options = {}) {
  return {.schema = Schema::Make({.columns = SomeColumns()}).ValueOrDie(), .properties = std::move(options)};
}

TableDescriptor Keyed(Options options = {}, std::vector<std::string> key = {"k"}) {
  return {.schema = Schema::Make({.columns = SomeColumns(), .primary_key = std::move(key)}).ValueOrDie(),
          .properties = std::move(options)};
}

ErrorCode CodeFor(const TableDescriptor& table, const TableRules& rules = {}) {
  return CodeOf(PrepareTable(table, rules).status());
}

TEST(PrepareTable, FillsInTheDefaultsOfALogTable) {
  const auto table = PrepareTable(Log(), {.bucket_count_default = 3});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->bucket_count, 3);
  EXPECT_THAT(table->properties, ElementsAre(Pair("table.replication.factor", "1")));
  EXPECT_TRUE(table->bucket_keys.empty());
}

TEST(PrepareTable, FillsInTheDefaultsOfAKeyedTable) {
  const auto table =
      PrepareTable(Keyed({{"table.merge-engine", "versioned"}, {"table.merge-engine.versioned.ver-column", "v"}}),
                   {.lake_format = "paimon"});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->bucket_keys, ElementsAre("k"));
  EXPECT_THAT(table->properties,
              ElementsAre(Pair("table.datalake.format", "paimon"), Pair("table.delete.behavior", "IGNORE"),
                          Pair("table.kv.format-version", "2"), Pair("table.merge-engine", "versioned"),
                          Pair("table.merge-engine.versioned.ver-column", "v"), Pair("table.replication.factor", "1")));
}

TEST(PrepareTable, KeepsWhatTheUserChose) {
  TableDescriptor chosen = Keyed({{"table.kv.format-version", "1"}, {"table.datalake.format", "iceberg"}});
  chosen.bucket_count = 7;
  const auto table = PrepareTable(chosen, {.lake_format = "paimon"});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->bucket_count, 7);
  EXPECT_EQ(table->properties.at("table.kv.format-version"), "1");
  EXPECT_EQ(table->properties.at("table.datalake.format"), "iceberg");
  EXPECT_FALSE(table->properties.contains("table.delete.behavior"));
}

TEST(PrepareTable, IsIdempotent) {
  const TableDescriptor once = PrepareTable(Keyed({{"table.merge-engine", "first_row"}}), {}).ValueOrDie();
  EXPECT_EQ(PrepareTable(once, {}).ValueOrDie(), once);
}

TEST(CheckTable, BoundsBucketsAndReplicas) {
  TableDescriptor table = Log();
  table.bucket_count = 4096;
  EXPECT_EQ(CodeFor(table), ErrorCode::kNone);
  table.bucket_count = 4097;
  EXPECT_EQ(CodeFor(table), ErrorCode::kBucketMaxNum);
  table.bucket_count = 0;
  EXPECT_EQ(CodeFor(table), ErrorCode::kInvalidTable);

  EXPECT_EQ(CodeFor(Log({{"table.replication.factor", "0"}})), ErrorCode::kInvalidReplicationFactor);
  EXPECT_EQ(CodeFor(Log({{"table.replication.factor", "2"}})), ErrorCode::kInvalidReplicationFactor);
  EXPECT_EQ(CodeFor(Log({{"table.replication.factor", "2"}}), {.tablet_server_count = 2}), ErrorCode::kNone);

  table = Log();
  EXPECT_EQ(CodeOf(CheckTable(table, {})), ErrorCode::kInvalidTable);  // no bucket count
  table.bucket_count = 1;
  EXPECT_EQ(CodeOf(CheckTable(table, {})), ErrorCode::kInvalidConfig);  // no replication factor
}

TEST(CheckTable, RefusesTheLakeAndUnknownOptions) {
  EXPECT_EQ(CodeFor(Log({{"table.datalake.enabled", "true"}})), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeFor(Log({{"table.datalake.enabled", "false"}})), ErrorCode::kNone);
  EXPECT_EQ(CodeFor(Log({{"table.nothing", "1"}})), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeFor(Log({{"mine", "1"}})), ErrorCode::kInvalidConfig);
}

TEST(CheckTable, ChecksKeyTypes) {
  TableDescriptor table = Log();
  table.bucket_keys = {"l"};
  EXPECT_EQ(CodeFor(table), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeFor(Keyed({}, {"k", "l"})), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeFor(Keyed({}, {"m"})), ErrorCode::kNone);
  for (const char* key : {"l", "m"}) {
    table = Log();
    table.partition_keys = {key};
    EXPECT_EQ(CodeFor(table), ErrorCode::kInvalidTable) << key;
  }
}

TEST(CheckTable, ChecksFormats) {
  EXPECT_EQ(CodeFor(Log({{"table.log.format", "indexed"}})), ErrorCode::kNone);
  EXPECT_EQ(CodeFor(Keyed({{"table.log.format", "indexed"}})), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeFor(Keyed({{"table.log.format", "compacted"}})), ErrorCode::kNone);
  EXPECT_EQ(CodeFor(Keyed({{"table.log.format", "indexed"}, {"table.kv.format", "indexed"}})), ErrorCode::kNone);
  EXPECT_EQ(CodeFor(Keyed({{"table.kv.format-version", "3"}})), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeFor(Log({{"table.log.arrow.compression.zstd.level", "22"}})), ErrorCode::kNone);
  for (const char* level : {"0", "23"}) {
    EXPECT_EQ(CodeFor(Log({{"table.log.arrow.compression.zstd.level", level}})), ErrorCode::kInvalidConfig);
  }
}

TEST(CheckTable, ChecksMergeEngines) {
  EXPECT_EQ(CodeFor(Log({{"table.merge-engine", "first_row"}})), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeFor(Log({{"table.delete.behavior", "allow"}})), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeFor(Keyed({{"table.delete.behavior", "allow"}})), ErrorCode::kNone);

  const std::string version_column = "table.merge-engine.versioned.ver-column";
  EXPECT_EQ(CodeFor(Keyed({{"table.merge-engine", "versioned"}})), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeFor(Keyed({{"table.merge-engine", "versioned"}, {version_column, "x"}})), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeFor(Keyed({{"table.merge-engine", "versioned"}, {version_column, "s"}})), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeFor(Keyed({{"table.merge-engine", "versioned"}, {version_column, "v"}})), ErrorCode::kNone);

  for (const char* engine : {"first_row", "aggregation"}) {
    const ErrorCode allowed = std::string_view(engine) == "aggregation" ? ErrorCode::kNone : ErrorCode::kInvalidConfig;
    EXPECT_EQ(CodeFor(Keyed({{"table.merge-engine", engine}, {"table.delete.behavior", "allow"}})), allowed) << engine;
    EXPECT_EQ(CodeFor(Keyed({{"table.merge-engine", engine}, {"table.delete.behavior", "disable"}})), ErrorCode::kNone);
  }
  EXPECT_EQ(CodeFor(Keyed({{"table.merge-engine", "aggregation"}, {"table.changelog.image", "wal"}})),
            ErrorCode::kInvalidConfig);
}

TEST(CheckTable, ChecksAggregationFunctions) {
  const auto code = [](AggFunction function, const char* column) {
    std::vector<Column> columns = SomeColumns();
    for (Column& c : columns) {
      if (c.name == column) c.agg_function = function;
    }
    TableDescriptor table{.schema = Schema::Make({.columns = columns, .primary_key = {"k"}}).ValueOrDie(),
                          .properties = {{"table.merge-engine", "aggregation"}}};
    return CodeFor(table);
  };
  EXPECT_EQ(code({.type = "sum"}, "v"), ErrorCode::kNone);
  EXPECT_EQ(code({.type = "sum"}, "s"), ErrorCode::kInvalidConfig);
  EXPECT_EQ(code({.type = "max"}, "s"), ErrorCode::kNone);
  EXPECT_EQ(code({.type = "max"}, "l"), ErrorCode::kInvalidConfig);
  EXPECT_EQ(code({.type = "LAST-VALUE"}, "l"), ErrorCode::kNone);
  EXPECT_EQ(code({.type = "rbm32"}, "b"), ErrorCode::kNone);
  EXPECT_EQ(code({.type = "median"}, "v"), ErrorCode::kInvalidConfig);
  EXPECT_EQ(code({.type = "listagg", .parameters = {{"delimiter", ";"}}}, "s"), ErrorCode::kNone);
  EXPECT_EQ(code({.type = "listagg", .parameters = {{"delimiter", ""}}}, "s"), ErrorCode::kInvalidConfig);
  EXPECT_EQ(code({.type = "sum", .parameters = {{"delimiter", ";"}}}, "v"), ErrorCode::kInvalidConfig);
}

TEST(CheckTable, ChecksAutoPartitions) {
  const std::string on = "table.auto-partition.enabled";
  EXPECT_EQ(CodeFor(Log({{on, "true"}})), ErrorCode::kInvalidConfig);
  TableDescriptor table = Log({{on, "true"}});
  table.partition_keys = {"s"};
  EXPECT_EQ(CodeFor(table), ErrorCode::kNone);

  table.partition_keys = {"s", "k"};
  EXPECT_EQ(CodeFor(table), ErrorCode::kInvalidTable);  // which of the two?
  table.properties["table.auto-partition.key"] = "v";
  EXPECT_EQ(CodeFor(table), ErrorCode::kInvalidTable);
  table.properties["table.auto-partition.key"] = "s";
  const auto prepared = PrepareTable(table, {});
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_EQ(prepared->properties.at("table.auto-partition.num-precreate"), "0");
  table.properties["table.auto-partition.num-precreate"] = "1";
  EXPECT_EQ(CodeFor(table), ErrorCode::kInvalidTable);
}

TEST(CheckTable, ChecksRetention) {
  EXPECT_EQ(CodeFor(Log({{"table.log.tiered.local-segments", "0"}})), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeFor(Log({{"table.log.ttl", "1 h"}, {"table.log.local-ttl", "2 h"}})), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeFor(Log({{"table.log.ttl", "0 ms"}, {"table.log.local-ttl", "2 h"}})), ErrorCode::kNone);
  EXPECT_EQ(CodeFor(Log({{"table.log.ttl", "1 h"}, {"table.log.local-ttl", "0 h"}})), ErrorCode::kNone);
}

TEST(CheckTable, RefusesReservedColumnNames) {
  for (const char* name : {"__offset", "__timestamp", "__bucket", "_change_type", "_log_offset", "_commit_timestamp"}) {
    TableDescriptor table{
        .schema = Schema::Make({.columns = {{.name = name, .type = MakeType(TypeKind::kInt)}}}).ValueOrDie()};
    EXPECT_EQ(CodeFor(table), ErrorCode::kInvalidTable) << name;
  }
}

TEST(StatisticsColumns, AreNamedOrAll) {
  const Schema schema = Log().schema;
  EXPECT_THAT(*StatisticsColumns(schema, "*"), ElementsAre(0, 1, 2, 4));
  EXPECT_THAT(*StatisticsColumns(schema, " s , k,s"), ElementsAre(0, 2));
  for (const char* option : {"", " , ", "x", "l", "b", "k,*"}) {
    EXPECT_EQ(CodeOf(StatisticsColumns(schema, option).status()), ErrorCode::kInvalidConfig) << option;
  }
  EXPECT_EQ(CodeFor(Log({{"table.statistics.columns", "k"}})), ErrorCode::kNone);
  EXPECT_EQ(CodeFor(Log({{"table.statistics.columns", "x"}})), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeFor(Keyed({{"table.statistics.columns", "*"}})), ErrorCode::kInvalidConfig);
}

}  // namespace
}  // namespace thalweg::schema
