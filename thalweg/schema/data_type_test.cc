#include "thalweg/schema/data_type.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "thalweg/base/error.h"

namespace thalweg::schema {
namespace {

TEST(DataType, JsonIsTheProtocols) {
  const std::pair<DataType, std::string> cases[] = {
      {MakeType(TypeKind::kBoolean), R"({"type":"BOOLEAN"})"},
      {MakeType(TypeKind::kTinyInt), R"({"type":"TINYINT"})"},
      {MakeType(TypeKind::kSmallInt), R"({"type":"SMALLINT"})"},
      {MakeType(TypeKind::kInt, false), R"({"type":"INTEGER","nullable":false})"},
      {MakeType(TypeKind::kBigInt), R"({"type":"BIGINT"})"},
      {MakeType(TypeKind::kFloat), R"({"type":"FLOAT"})"},
      {MakeType(TypeKind::kDouble), R"({"type":"DOUBLE"})"},
      {MakeChar(5), R"({"type":"CHAR","length":5})"},
      {MakeType(TypeKind::kString), R"({"type":"STRING"})"},
      {MakeBinary(16), R"({"type":"BINARY","length":16})"},
      {MakeType(TypeKind::kBytes), R"({"type":"BYTES"})"},
      {MakeDecimal(38, 18), R"({"type":"DECIMAL","precision":38,"scale":18})"},
      {MakeType(TypeKind::kDate), R"({"type":"DATE"})"},
      {MakeTime(TypeKind::kTime, 0), R"({"type":"TIME_WITHOUT_TIME_ZONE","precision":0})"},
      {MakeTime(TypeKind::kTimestamp, 6), R"({"type":"TIMESTAMP_WITHOUT_TIME_ZONE","precision":6})"},
      {MakeTime(TypeKind::kTimestampLtz, 9), R"({"type":"TIMESTAMP_WITH_LOCAL_TIME_ZONE","precision":9})"},
      {MakeArray(MakeType(TypeKind::kInt)), R"({"type":"ARRAY","element_type":{"type":"INTEGER"}})"},
      {MakeMap(NotNull(MakeType(TypeKind::kString)), MakeArray(MakeChar(1))),
       R"({"type":"MAP","key_type":{"type":"STRING","nullable":false},)"
       R"("value_type":{"type":"ARRAY","element_type":{"type":"CHAR","length":1}}})"},
      {MakeRow({{.name = "a", .type = MakeType(TypeKind::kInt), .description = "first", .id = 3},
                {.name = "b", .type = MakeType(TypeKind::kDate), .description = {}, .id = 4}}),
       R"({"type":"ROW","fields":[{"name":"a","field_type":{"type":"INTEGER"},"description":"first","field_id":3},)"
       R"({"name":"b","field_type":{"type":"DATE"},"field_id":4}]})"},
  };
  for (const auto& [type, json] : cases) {
    EXPECT_EQ(DataTypeToJson(type), json);
    const auto parsed = DataTypeFromJson(json);
    ASSERT_TRUE(parsed.ok()) << json << ": " << parsed.status();
    EXPECT_EQ(*parsed, type) << parsed->ToString();
  }
}

TEST(DataType, UnknownMembersAreIgnored) {
  EXPECT_EQ(DataTypeFromJson(R"({"colour":"red","nullable":true,"type":"INTEGER"})").ValueOrDie(),
            MakeType(TypeKind::kInt));
}

TEST(DataType, RefusesWhatIsNoType) {
  const std::string cases[] = {
      "",
      "[]",
      "{",
      R"({"type":"INT"})",
      R"({"type":7})",
      R"({"type":"INTEGER","nullable":"no"})",
      R"({"type":"CHAR"})",
      R"({"type":"CHAR","length":0})",
      R"({"type":"BINARY","length":2147483648})",
      R"({"type":"BINARY","length":-4000000000})",
      R"({"type":"BINARY","length":18446744073709551615})",
      R"({"type":"BINARY","length":1.5})",
      R"({"type":"DECIMAL","precision":39,"scale":0})",
      R"({"type":"DECIMAL","precision":4,"scale":5})",
      R"({"type":"DECIMAL","precision":4})",
      R"({"type":"TIME_WITHOUT_TIME_ZONE","precision":10})",
      R"({"type":"TIMESTAMP_WITHOUT_TIME_ZONE"})",
      R"({"type":"ARRAY"})",
      R"({"type":"ARRAY","element_type":"INTEGER"})",
      R"({"type":"MAP","key_type":{"type":"INTEGER"}})",
      R"({"type":"ROW"})",
      R"({"type":"ROW","fields":[{"name":"a"}]})",
      R"({"type":"ROW","fields":["a"]})",
      R"({"type":"ROW","fields":[{"name":"","field_type":{"type":"DATE"}}]})",
      R"({"type":"ROW","fields":[{"name":"a","field_type":{"type":"DATE"}},{"name":"a","field_type":{"type":"DATE"}}]})",
  };
  for (const std::string& json : cases) {
    EXPECT_EQ(CodeOf(DataTypeFromJson(json).status()), ErrorCode::kInvalidTable) << json;
  }
}

TEST(DataType, NestsOnlySoDeep) {
  std::string json = R"({"type":"INTEGER"})";
  for (int depth = 2; depth <= kTypeDepthMax; ++depth) json = R"({"type":"ARRAY","element_type":)" + json + "}";
  EXPECT_TRUE(DataTypeFromJson(json).ok());
  json = R"({"type":"ARRAY","element_type":)" + json + "}";
  EXPECT_THAT(DataTypeFromJson(json).status().message(), testing::HasSubstr("nested deeper"));

  std::string endless;
  for (int depth = 0; depth < 20'000; ++depth) endless += R"({"type":"ARRAY","element_type":)";
  endless += "1" + std::string(20'000, '}');
  EXPECT_FALSE(DataTypeFromJson(endless).ok());
}

TEST(DataType, PrintsAsSql) {
  EXPECT_EQ(MakeDecimal(10, 2).ToString(), "DECIMAL(10, 2)");
  EXPECT_EQ(NotNull(MakeTime(TypeKind::kTimestampLtz, 3)).ToString(), "TIMESTAMP_LTZ(3) NOT NULL");
  const DataType row = MakeRow({{.name = "a", .type = MakeArray(MakeType(TypeKind::kInt)), .description = {}},
                                {.name = "b", .type = MakeChar(3), .description = {}}});
  EXPECT_EQ(MakeMap(NotNull(MakeType(TypeKind::kString)), row).ToString(),
            "MAP<STRING NOT NULL, ROW<a ARRAY<INT>, b CHAR(3)>>");
}

}  // namespace
}  // namespace thalweg::schema
