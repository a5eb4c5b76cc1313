#include "thalweg/flight/literal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proto/thalweg/flight/v1/flight.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/schema/type_text.h"

namespace thalweg::flight {
namespace {

using format::Datum;
using ::testing::HasSubstr;

arrow::Result<Datum> Of(const char* type, const v1::Literal& literal) {
  return DatumOf(literal, schema::DataTypeFromText(type).ValueOrDie());
}

v1::Literal Text(const std::string& text) {
  v1::Literal literal;
  literal.set_text(text);
  return literal;
}

v1::Literal Integer(int64_t value) {
  v1::Literal literal;
  literal.set_integer(value);
  return literal;
}

TEST(LiteralTest, TextDoesForEveryType) {
  EXPECT_EQ(Of("BOOLEAN", Text("true")).ValueOrDie(), Datum{true});
  EXPECT_EQ(Of("TINYINT", Text("-3")).ValueOrDie(), Datum{int64_t{-3}});
  EXPECT_EQ(Of("DOUBLE", Text("1.5")).ValueOrDie(), Datum{1.5});
  EXPECT_EQ(Of("STRING", Text("1.5")).ValueOrDie(), Datum{std::string("1.5")});
  EXPECT_EQ(Of("BYTES", Text("ab")).ValueOrDie(), Datum{std::string("ab")});
  EXPECT_EQ(Of("DECIMAL(10, 2)", Text("12.50")).ValueOrDie(), Datum{format::Int128{1250}});
  EXPECT_EQ(Of("DATE", Text("1970-02-01")).ValueOrDie(), Datum{int64_t{31}});
  EXPECT_EQ(Of("TIME(3)", Text("00:00:01.250")).ValueOrDie(), Datum{int64_t{1250}});
  EXPECT_EQ(Of("TIMESTAMP(6)", Text("1970-01-01 00:00:01.000002")).ValueOrDie(),
            (Datum{format::TimestampValue{1000, 2000}}));
  EXPECT_EQ(Of("TIMESTAMP_LTZ(3)", Text("1970-01-01T01:00:00+01:00")).ValueOrDie(),
            (Datum{format::TimestampValue{0, 0}}));
}

TEST(LiteralTest, IntegersCountInTheUnitsOfTheType) {
  EXPECT_EQ(Of("BIGINT", Integer(7)).ValueOrDie(), Datum{int64_t{7}});
  EXPECT_EQ(Of("DOUBLE", Integer(7)).ValueOrDie(), Datum{7.0});
  EXPECT_EQ(Of("DECIMAL(10, 2)", Integer(7)).ValueOrDie(), Datum{format::Int128{700}});
  EXPECT_EQ(Of("TIMESTAMP(6)", Integer(-1)).ValueOrDie(), (Datum{format::TimestampValue{-1, 999'000}}));
}

TEST(LiteralTest, WhatIsOfAnotherTypeIsRefused) {
  v1::Literal number;
  number.set_number(1.5);
  EXPECT_EQ(CodeOf(Of("INT", number).status()), ErrorCode::kInvalidScanRequest);
  EXPECT_EQ(CodeOf(Of("STRING", Integer(1)).status()), ErrorCode::kInvalidScanRequest);
  EXPECT_EQ(CodeOf(Of("INT", Text("x")).status()), ErrorCode::kInvalidScanRequest);
  EXPECT_EQ(CodeOf(Of("DATE", Text("tomorrow")).status()), ErrorCode::kInvalidScanRequest);
  EXPECT_EQ(CodeOf(Of("INT", v1::Literal()).status()), ErrorCode::kInvalidScanRequest);
  EXPECT_THAT(Of("ARRAY<INT>", Text("1")).status().message(), HasSubstr("null tests"));
}

TEST(LiteralTest, ConditionsNestSoDeepAndNoDeeper) {
  const auto schema = schema::SchemaFromText("id BIGINT").ValueOrDie();
  v1::Predicate predicate;
  predicate.mutable_leaf()->set_column("id");
  predicate.mutable_leaf()->set_function(v1::Predicate::IS_NULL);
  for (int depth = 1; depth < kPredicateDepthMax; ++depth) {
    v1::Predicate outer;
    *outer.mutable_all_of()->add_predicates() = predicate;
    predicate = outer;
  }
  EXPECT_TRUE(PredicateOf(predicate, schema).ok());
  v1::Predicate outer;
  *outer.mutable_any_of()->add_predicates() = predicate;
  EXPECT_EQ(CodeOf(PredicateOf(outer, schema).status()), ErrorCode::kInvalidScanRequest);
}

}  // namespace
}  // namespace thalweg::flight
