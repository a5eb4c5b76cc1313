#include "thalweg/flight/arrow_type.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arrow/type.h"
#include "thalweg/base/error.h"
#include "thalweg/schema/arrow_mapping.h"
#include "thalweg/schema/type_text.h"

namespace thalweg::flight {
namespace {

TEST(ArrowTypeTest, WhatWeGiveOutComesBack) {
  for (const char* text :
       {"BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT NOT NULL", "FLOAT", "DOUBLE", "STRING", "BINARY(4)", "BYTES",
        "DECIMAL(38, 7)", "DATE", "TIME(0)", "TIME(9)", "TIMESTAMP(3)", "ARRAY<INT NOT NULL>",
        "MAP<STRING NOT NULL, ARRAY<DOUBLE>>", "ROW<a INT, b ROW<c STRING>>"}) {
    const auto type = schema::DataTypeFromText(text).ValueOrDie();
    EXPECT_EQ(FromArrowField(*schema::ToArrowField("x", type)).ValueOrDie().ToString(), type.ToString());
  }
}

TEST(ArrowTypeTest, WhatOthersHaveFindsTheNearest) {
  const auto text = [](std::shared_ptr<arrow::DataType> type) {
    return FromArrowField(*arrow::field("x", std::move(type))).ValueOrDie().ToString();
  };
  EXPECT_EQ(text(arrow::uint32()), "BIGINT");
  EXPECT_EQ(text(arrow::large_utf8()), "STRING");
  EXPECT_EQ(text(arrow::dictionary(arrow::int32(), arrow::utf8())), "STRING");
  EXPECT_EQ(text(arrow::timestamp(arrow::TimeUnit::NANO, "UTC")), "TIMESTAMP_LTZ(9)");
  EXPECT_EQ(text(arrow::fixed_size_list(arrow::float32(), 384)), "ARRAY<FLOAT>");
}

TEST(ArrowTypeTest, WhatFindsNoneIsRefusedByName) {
  for (const auto& type : {arrow::null(), arrow::uint64(), arrow::month_interval()}) {
    const auto made = FromArrowField(*arrow::field("of mine", type));
    EXPECT_EQ(CodeOf(made.status()), ErrorCode::kInvalidTable);
    EXPECT_THAT(made.status().message(), ::testing::HasSubstr("of mine"));
  }
}

}  // namespace
}  // namespace thalweg::flight
