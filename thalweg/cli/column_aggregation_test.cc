#include "thalweg/cli/column_aggregation.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/schema/type_text.h"

namespace thalweg::cli {
namespace {

using testing::HasSubstr;

class ColumnAggregationTest : public testing::Test {
 protected:
  arrow::Result<schema::Schema> With(const std::vector<std::string>& texts) const {
    return WithAggregation(schema_, texts);
  }

  const schema::Schema schema_ =
      schema::SchemaFromText("id INT NOT NULL, total BIGINT, names STRING, PRIMARY KEY (id)").ValueOrDie();
};

TEST_F(ColumnAggregationTest, ColumnsGetTheirFunctions) {
  const auto schema = With({"total=SUM", "names=string-agg(=;)"}).ValueOrDie();
  EXPECT_EQ(schema.primary_key(), schema_.primary_key());
  EXPECT_FALSE(schema.columns()[0].agg_function);
  EXPECT_EQ(schema.columns()[1].agg_function, (schema::AggFunction{.type = "sum"}));
  EXPECT_EQ(schema.columns()[2].agg_function,
            (schema::AggFunction{.type = "string_agg", .parameters = {{"delimiter", "=;"}}}));
}

TEST_F(ColumnAggregationTest, WithoutAnyTheSchemaStays) { EXPECT_EQ(With({}).ValueOrDie(), schema_); }

TEST_F(ColumnAggregationTest, WhatCannotBeIsRefused) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"total"}, "write COLUMN=FUNCTION"},
      {{"=sum"}, "write COLUMN=FUNCTION"},
      {{"total="}, "write COLUMN=FUNCTION"},
      {{"totals=sum"}, "no column 'totals'"},
      {{"total=sum", "total=max"}, "column 'total' has a function"},
      {{"total=avg"}, "'avg' is not an aggregation function"},
      {{"names=sum"}, "cannot combine values of type STRING"},
      {{"total=sum(,)"}, "no parameter 'delimiter'"},
  };
  for (const auto& [texts, says] : cases) {
    EXPECT_THAT(With(texts).status().message(), HasSubstr(says)) << texts.back();
  }
}

}  // namespace
}  // namespace thalweg::cli
