#include "thalweg/schema/schema_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "thalweg/base/error.h"

namespace thalweg::schema {
namespace {

TableDescriptor SomeTable(bool keyed = false) {
  const std::vector<Column> columns = {{.name = "k", .type = MakeType(TypeKind::kInt)},
                                       {.name = "v", .type = MakeType(TypeKind::kString)}};
  TableDescriptor table{
      .schema = Schema::Make({.columns = columns,
                              .primary_key = keyed ? std::vector<std::string>{"k"} : std::vector<std::string>{}})
                    .ValueOrDie(),
      .custom_properties = {{"owner", "me"}}};
  return PrepareTable(std::move(table), {}).ValueOrDie();
}

ErrorCode CodeFor(const TableChange& change, bool keyed = false) {
  return CodeOf(ChangeTable(SomeTable(keyed), change, {}).status());
}

TEST(ChangeTable, AddsColumnsAtTheEnd) {
  const TableDescriptor table = SomeTable();
  const auto changed =
      ChangeTable(table,
                  {.added_columns = {{.name = "x", .type = MakeType(TypeKind::kDate)},
                                     {.name = "y", .type = MakeArray(MakeType(TypeKind::kInt)), .comment = "list"}}},
                  {});
  ASSERT_TRUE(changed.ok()) << changed.status();
  ASSERT_EQ(changed->schema.column_count(), 4u);
  EXPECT_EQ(changed->schema.columns()[2].id, 2);
  EXPECT_EQ(changed->schema.columns()[3].id, 3);
  EXPECT_EQ(changed->schema.columns()[3].comment, "list");
  EXPECT_EQ(changed->schema.highest_field_id(), 3);
  EXPECT_EQ(changed->properties, table.properties);
}

TEST(ChangeTable, RefusesOtherColumnChanges) {
  const auto code = [](AddedColumn column) { return CodeFor({.added_columns = {std::move(column)}}); };
  EXPECT_EQ(code({.name = "k", .type = MakeType(TypeKind::kInt)}), ErrorCode::kInvalidAlterTable);
  EXPECT_EQ(code({.name = "x", .type = NotNull(MakeType(TypeKind::kInt))}), ErrorCode::kInvalidAlterTable);
  EXPECT_EQ(code({.name = "x", .type = MakeType(TypeKind::kInt), .position = 1}), ErrorCode::kInvalidAlterTable);
  EXPECT_EQ(code({.name = "__offset", .type = MakeType(TypeKind::kInt)}), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeFor({.dropped_columns = {"v"}}), ErrorCode::kInvalidAlterTable);
  EXPECT_EQ(CodeFor({.renamed_columns = {"v"}}), ErrorCode::kInvalidAlterTable);
  EXPECT_EQ(CodeFor({.modified_columns = {"v"}}), ErrorCode::kInvalidAlterTable);
}

TEST(ChangeTable, SetsAndDeletesOptions) {
  const auto changed = ChangeTable(SomeTable(),
                                   {.options = {{.key = "table.log.ttl", .value = "1 d"},
                                                {.key = "owner", .operation = kOptionDelete},
                                                {.key = "never.set", .operation = kOptionDelete},
                                                {.key = "team", .value = "us"}}},
                                   {});
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->properties.at("table.log.ttl"), "1 d");
  EXPECT_THAT(changed->custom_properties, testing::ElementsAre(testing::Pair("team", "us")));
  EXPECT_EQ(changed->schema, SomeTable().schema);

  const auto back = ChangeTable(*changed, {.options = {{.key = "table.log.ttl", .operation = kOptionDelete}}}, {});
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->properties, SomeTable().properties);
}

TEST(ChangeTable, RefusesOptionsThatStay) {
  for (const char* key : {"table.log.format", "table.replication.factor", "table.merge-engine", "table.unknown"}) {
    EXPECT_EQ(CodeFor({.options = {{.key = key, .value = "1"}}}), ErrorCode::kInvalidAlterTable) << key;
  }
  EXPECT_EQ(CodeFor({.options = {{.key = "table.log.ttl", .value = "soon"}}}), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeFor({.options = {{.key = "table.log.ttl"}}}), ErrorCode::kInvalidAlterTable);
  EXPECT_EQ(CodeFor({.options = {{.key = "table.log.ttl", .value = "1 d", .operation = 2}}}),
            ErrorCode::kInvalidAlterTable);
  EXPECT_EQ(CodeFor({.options = {{.key = "table.datalake.enabled", .value = "true"}}}), ErrorCode::kInvalidAlterTable);
  const TableChange standby = {.options = {{.key = "table.kv.standby-replica.enabled", .value = "true"}}};
  EXPECT_EQ(CodeFor(standby), ErrorCode::kInvalidAlterTable);
  EXPECT_EQ(CodeFor(standby, /*keyed=*/true), ErrorCode::kNone);
}

TEST(ChangeTable, DoesOneKindOfChangeAtATime) {
  EXPECT_EQ(CodeFor({.options = {{.key = "a", .value = "b"}},
                     .added_columns = {{.name = "x", .type = MakeType(TypeKind::kInt)}}}),
            ErrorCode::kInvalidAlterTable);
  EXPECT_EQ(*ChangeTable(SomeTable(), {}, {}), SomeTable());
}

}  // namespace
}  // namespace thalweg::schema
