#include "thalweg/schema/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "thalweg/base/error.h"

namespace thalweg::schema {
namespace {

Column Plain(std::string name, TypeKind kind = TypeKind::kInt, int32_t id = kNoFieldId) {
  return {.name = std::move(name), .type = MakeType(kind), .id = id};
}

DataField Field(std::string name, DataType type, int32_t id = kNoFieldId) {
  return {.name = std::move(name), .type = std::move(type), .description = {}, .id = id};
}

ErrorCode CodeOfMake(Schema::Parts parts) { return CodeOf(Schema::Make(std::move(parts)).status()); }

TEST(Schema, KeepsTheIdsOfItsDocument) {
  const std::string json =
      R"({"version":1,"columns":[{"name":"a","data_type":{"type":"INTEGER","nullable":false},"comment":"key","id":4},)"
      R"({"name":"b","data_type":{"type":"ROW","fields":[{"name":"x","field_type":{"type":"DATE"},"field_id":7}]},"id":2},)"
      R"({"name":"c","data_type":{"type":"BIGINT"},"agg_function":{"type":"sum"},"id":9},)"
      R"({"name":"d","data_type":{"type":"STRING"},"agg_function":{"type":"listagg","parameters":{"delimiter":";"}},"id":10}],)"
      R"("primary_key":["a"],"auto_increment_column":["c"],"highest_field_id":12})";
  const auto schema = Schema::FromJson(json);
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ(schema->ToJson(), json);
  EXPECT_EQ(schema->columns()[1].type.children[0].id, 7);
  EXPECT_EQ(schema->highest_field_id(), 12);
  EXPECT_EQ(schema->IndexOf("c"), 2u);
  EXPECT_EQ(schema->IndexOf("z"), std::nullopt);
  EXPECT_EQ(schema->IndexOfId(9), 2u);
  EXPECT_EQ(schema->IndexOfId(7), std::nullopt);
  EXPECT_THAT(schema->PrimaryKeyIndexes(), testing::ElementsAre(0));
  EXPECT_EQ(*Schema::FromJson(schema->ToJson()), *schema);
}

TEST(Schema, PositionsBecomeIdsWhereThereAreNone) {
  const auto schema =
      Schema::Make({.columns = {Plain("a"),
                                {.name = "b",
                                 .type = MakeRow({Field("x", MakeRow({Field("y", MakeType(TypeKind::kInt))})),
                                                  Field("z", MakeType(TypeKind::kInt))})},
                                Plain("c")}});
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ(schema->columns()[2].id, 2);
  const DataType& row = schema->columns()[1].type;
  EXPECT_EQ(row.children[0].id, 3);
  EXPECT_EQ(row.children[0].type.children[0].id, 4);
  EXPECT_EQ(row.children[1].id, 5);
  EXPECT_EQ(schema->highest_field_id(), 5);
}

TEST(Schema, RefusesMixedTakenNegativeAndTooHighIds) {
  EXPECT_EQ(CodeOfMake({.columns = {Plain("a", TypeKind::kInt, 0), Plain("b")}}), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOfMake({.columns = {Plain("a", TypeKind::kInt, 1), Plain("b", TypeKind::kInt, 1)}}),
            ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOfMake({.columns = {Plain("a", TypeKind::kInt, -5)}}), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOfMake({.columns = {Plain("a", TypeKind::kInt, 5)}, .highest_field_id = 4}), ErrorCode::kInvalidTable);
  const DataType clash = MakeRow({Field("x", MakeType(TypeKind::kInt), 0)});
  EXPECT_EQ(CodeOfMake({.columns = {{.name = "a", .type = clash, .id = 0}}}), ErrorCode::kInvalidTable);
  const DataType mixed = MakeRow({Field("x", MakeType(TypeKind::kInt), 1), Field("y", MakeType(TypeKind::kInt))});
  EXPECT_EQ(CodeOfMake({.columns = {{.name = "a", .type = mixed, .id = 0}}}), ErrorCode::kInvalidTable);
}

TEST(Schema, RefusesNamesThatCannotBe) {
  EXPECT_EQ(CodeOfMake({}), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOfMake({.columns = {Plain("")}}), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOfMake({.columns = {Plain("a"), Plain("a")}}), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOfMake({.columns = {Plain("a")}, .primary_key = {"b"}}), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOfMake({.columns = {Plain("a")}, .primary_key = {"a", "a"}}), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOfMake({.columns = {{.name = "a", .type = MakeChar(0)}}}), ErrorCode::kInvalidTable);
}

TEST(Schema, PrimaryKeyColumnsBecomeNotNull) {
  const auto schema = Schema::Make({.columns = {Plain("a"), Plain("b")}, .primary_key = {"b"}});
  ASSERT_TRUE(schema.ok());
  EXPECT_TRUE(schema->columns()[0].type.nullable);
  EXPECT_FALSE(schema->columns()[1].type.nullable);
  Column summed = Plain("a");
  summed.agg_function = AggFunction{.type = "sum"};
  EXPECT_EQ(CodeOfMake({.columns = {summed}, .primary_key = {"a"}}), ErrorCode::kInvalidTable);
}

TEST(Schema, AutoIncrementHasItsRules) {
  const std::vector<Column> columns = {Plain("k"), Plain("n", TypeKind::kBigInt), Plain("s", TypeKind::kString)};
  EXPECT_EQ(CodeOfMake({.columns = columns, .primary_key = {"k"}, .auto_increment_columns = {"n"}}), ErrorCode::kNone);
  EXPECT_EQ(CodeOfMake({.columns = columns, .auto_increment_columns = {"n"}}), ErrorCode::kInvalidTable);
  for (const std::vector<std::string>& bad : std::vector<std::vector<std::string>>{{"k"}, {"s"}, {"x"}, {"n", "n"}}) {
    EXPECT_EQ(CodeOfMake({.columns = columns, .primary_key = {"k"}, .auto_increment_columns = bad}),
              ErrorCode::kInvalidTable)
        << bad[0];
  }
}

TEST(Schema, AnAddedColumnTakesTheNextIds) {
  const auto schema =
      Schema::Make({.columns = {Plain("a", TypeKind::kInt, 0)}, .primary_key = {}, .highest_field_id = 6});
  ASSERT_TRUE(schema.ok());
  const auto wider = schema->WithColumn({.name = "b", .type = MakeArray(MakeRow({Field("x", MakeChar(1), 0)}))});
  ASSERT_TRUE(wider.ok()) << wider.status();
  EXPECT_EQ(wider->columns()[1].id, 7);
  EXPECT_EQ(wider->columns()[1].type.children[0].id, kNoFieldId);
  EXPECT_EQ(wider->columns()[1].type.children[0].type.children[0].id, 8);
  EXPECT_EQ(wider->highest_field_id(), 8);
  EXPECT_EQ(wider->columns()[0], schema->columns()[0]);
}

TEST(Schema, RefusesWhatIsNoSchema) {
  for (const std::string json : {"", "{}", R"({"columns":{}})", R"({"columns":[]})", R"({"columns":[{"name":"a"}]})",
                                 R"({"columns":[{"data_type":{"type":"DATE"}}]})", R"({"columns":[1]})",
                                 R"({"columns":[{"name":"a","data_type":{"type":"DATE"},"id":"0"}]})",
                                 R"({"columns":[{"name":"a","data_type":{"type":"DATE"}}],"primary_key":"a"})",
                                 R"({"columns":[{"name":"a","data_type":{"type":"DATE"}}],"primary_key":[1]})"}) {
    EXPECT_EQ(CodeOf(Schema::FromJson(json).status()), ErrorCode::kInvalidTable) << json;
  }
}

}  // namespace
}  // namespace thalweg::schema
