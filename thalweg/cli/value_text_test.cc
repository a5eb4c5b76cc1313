#include "thalweg/cli/value_text.h"

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/array/array_base.h"
#include "arrow/array/builder_base.h"
#include "arrow/builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "thalweg/base/error.h"
#include "thalweg/cli/cell_text.h"
#include "thalweg/schema/arrow_mapping.h"
#include "thalweg/schema/type_text.h"

namespace thalweg::cli {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

schema::DataType Type(const char* text) { return schema::DataTypeFromText(text).ValueOrDie(); }

/// `text` as a value of `type`, printed again; or the error's message.
std::string Through(const char* type_text, std::string_view text) {
  const auto type = Type(type_text);
  auto builder = arrow::MakeBuilder(schema::ToArrowType(type)).ValueOrDie();
  const auto status = AppendText(text, type, *builder);
  if (!status.ok()) return status.message();
  return CellText(*builder->Finish().ValueOrDie(), 0, type);
}

std::string ThroughJson(const char* type_text, const char* json) {
  const auto type = Type(type_text);
  auto builder = arrow::MakeBuilder(schema::ToArrowType(type)).ValueOrDie();
  const auto status = AppendJsonValue(Json::parse(json), type, *builder);
  if (!status.ok()) return status.message();
  const auto array = builder->Finish().ValueOrDie();
  EXPECT_TRUE(array->ValidateFull().ok());
  std::string out;
  AppendJson(*array, 0, type, &out);
  return out;
}

TEST(ValueTextTest, WhatIsPrintedIsReadBack) {
  for (const auto& [type, text] : std::initializer_list<std::pair<const char*, const char*>>{
           {"BOOLEAN", "true"},
           {"TINYINT", "-128"},
           {"SMALLINT", "32767"},
           {"INT", "-2147483648"},
           {"BIGINT", "9223372036854775807"},
           {"FLOAT", "0.1"},
           {"DOUBLE", "0.30000000000000004"},
           {"DOUBLE", "inf"},
           {"STRING", "größer, \"als\""},
           {"BYTES", "AAH/"},
           {"BINARY(3)", "AAH/"},
           {"DECIMAL(38, 4)", "-1234567890123456789012345678901234.5678"},
           {"DATE", "1969-12-31"},
           {"TIME(0)", "23:59:59"},
           {"TIME(3)", "09:30:00.250"},
           {"TIMESTAMP(0)", "2026-11-22 09:30:00"},
           {"TIMESTAMP(6)", "1969-12-31 23:59:59.999999"},
           {"TIMESTAMP(9)", "2026-11-22 09:30:00.000000001"},
           {"TIMESTAMP_LTZ(3)", "2026-11-22 09:30:00.250Z"},
           {"ARRAY<INT>", "[1,null,3]"},
           {"MAP<INT, STRING>", R"({"1":"a","2":null})"},
           {"ROW<a INT, b ARRAY<STRING>>", R"({"a":1,"b":["x","y"]})"}}) {
    EXPECT_EQ(Through(type, text), text) << type;
  }
}

TEST(ValueTextTest, JsonTakesNumbersWhereTheyFit) {
  EXPECT_EQ(ThroughJson("INT", "7"), "7");
  EXPECT_EQ(ThroughJson("INT", "\"7\""), "7");
  EXPECT_EQ(ThroughJson("DOUBLE", "7"), "7");
  EXPECT_EQ(ThroughJson("DECIMAL(10, 2)", "1.5"), "\"1.50\"");
  EXPECT_EQ(ThroughJson("DOUBLE", "\"nan\""), "\"nan\"");
  EXPECT_EQ(ThroughJson("INT", "null"), "null");
  EXPECT_EQ(ThroughJson("ROW<a INT, b INT>", R"({"b":2})"), R"({"a":null,"b":2})");
  EXPECT_EQ(ThroughJson("STRING", R"("a\"b\n\u0001")"), R"("a\"b\n\u0001")");
  EXPECT_EQ(ThroughJson("BIGINT", "9223372036854775807"), "9223372036854775807");
}

TEST(ValueTextTest, TimesComeInTheUsualForms) {
  EXPECT_EQ(Through("TIMESTAMP(3)", "2026-11-22T09:30:00"), "2026-11-22 09:30:00");
  EXPECT_EQ(Through("TIMESTAMP_LTZ(3)", "2026-11-22T09:30:00+02:00"), "2026-11-22 07:30:00Z");
  EXPECT_EQ(Through("TIMESTAMP_LTZ(3)", "2026-11-22 09:30:00"), "2026-11-22 09:30:00Z");
}

TEST(ValueTextTest, WhatDoesNotFitIsRefusedWithAReason) {
  EXPECT_THAT(Through("INT", "2147483648"), HasSubstr("'2147483648' is not a INT"));
  EXPECT_THAT(Through("INT", ""), HasSubstr("is not a INT"));
  EXPECT_THAT(Through("INT", "1.5"), HasSubstr("is not a INT"));
  EXPECT_THAT(Through("TIMESTAMP(3)", "2026-11-22T09:30:00Z"), HasSubstr("TIMESTAMP_LTZ"));
  EXPECT_THAT(Through("TIMESTAMP(3)", "yesterday"), HasSubstr("write 2026-11-22 09:30:00"));
  EXPECT_THAT(Through("DECIMAL(4, 2)", "100.00"), HasSubstr("too many digits"));
  EXPECT_THAT(Through("DECIMAL(4, 2)", "1.005"), HasSubstr("too many digits"));
  EXPECT_THAT(Through("BINARY(2)", "AAH/"), HasSubstr("3 bytes"));
  EXPECT_THAT(Through("STRING", "\xFF"), HasSubstr("UTF-8"));
  EXPECT_THAT(Through("ARRAY<INT>", "[1"), HasSubstr("not JSON"));
  EXPECT_THAT(ThroughJson("TINYINT", "128"), HasSubstr("too large"));
  EXPECT_THAT(ThroughJson("TINYINT", "-129"), HasSubstr("too small"));
  EXPECT_THAT(ThroughJson("BIGINT", "18446744073709551615"), HasSubstr("too large"));
  EXPECT_THAT(ThroughJson("INT", "1.0"), HasSubstr("is not a INT"));
  EXPECT_THAT(ThroughJson("STRING", "1"), HasSubstr("write it as text"));
  EXPECT_THAT(ThroughJson("INT NOT NULL", "null"), HasSubstr("NOT NULL"));
  EXPECT_THAT(ThroughJson("ROW<a INT>", R"({"b":1})"), HasSubstr("no field 'b'"));
  EXPECT_THAT(ThroughJson("ROW<a INT>", R"({"a":"x"})"), HasSubstr("field a: 'x' is not a INT"));
  EXPECT_THAT(ThroughJson("MAP<INT, INT>", "[1]"), HasSubstr("key"));
}

TEST(ValueTextTest, AnInstantIsInUtc) {
  EXPECT_EQ(InstantText(0), "1970-01-01 00:00:00Z");
  EXPECT_EQ(InstantText(-1), "1969-12-31 23:59:59Z");
}

}  // namespace
}  // namespace thalweg::cli
