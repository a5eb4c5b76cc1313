#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/kv/row_merger.h"
#include "thalweg/kv/test_rows_internal.h"

namespace thalweg::kv {
namespace {

using schema::DataType;
using schema::DeleteBehavior;
using schema::MakeDecimal;
using schema::MakeTime;
using schema::MakeType;
using schema::MergeEngine;
using schema::TypeKind;

struct Case {
  std::string function;
  DataType type;
  Datum old;
  Datum fresh;
  Datum expected;
};

bool Same(const Datum& a, const Datum& b) {
  const double* x = a.get_if<double>();
  const double* y = b.get_if<double>();
  if (!x || !y) return a == b;
  return (std::isnan(*x) && std::isnan(*y)) || (*x == *y && std::signbit(*x) == std::signbit(*y));
}

/// What becomes of column "v" when `fresh` is written over `old`.
arrow::Result<Datum> Combine(const Case& c, RowFormat format) {
  TestTable table({Col("k", MakeType(TypeKind::kInt)), Col("v", c.type, c.function)});
  table.rules.engine = MergeEngine::kAggregation;
  table.format = format;
  ARROW_ASSIGN_OR_RAISE(const auto merger, RowMerger::Make(table.Schemas(), table.rules, {}, nullptr));
  const std::vector<uint8_t> old = table.Value({N(1), c.old});
  const std::vector<uint8_t> fresh = table.Row({N(1), c.fresh});
  ARROW_ASSIGN_OR_RAISE(const RowEffect effect, merger->Upsert(SchemaId(1), fresh, old));
  EXPECT_EQ(effect.kind, RowEffect::Kind::kUpdate);
  EXPECT_TRUE(Same(*effect.before->ToDatum(1), c.old));
  return effect.after->ToDatum(1);
}

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<Case> Cases() {
  const DataType tiny = MakeType(TypeKind::kTinyInt);
  const DataType small = MakeType(TypeKind::kSmallInt);
  const DataType integer = MakeType(TypeKind::kInt);
  const DataType big = MakeType(TypeKind::kBigInt);
  const DataType single = MakeType(TypeKind::kFloat);
  const DataType real = MakeType(TypeKind::kDouble);
  const DataType text = MakeType(TypeKind::kString);
  const DataType truth = MakeType(TypeKind::kBoolean);
  const DataType short_decimal = MakeDecimal(5, 2);
  const DataType full_decimal = MakeDecimal(18, 2);
  const DataType long_decimal = MakeDecimal(20, 2);
  const format::Int128 twenty_digits = format::Int128{9'999'999'999} * 10'000'000'000 + 9'999'999'999;
  return {
      {"sum", tiny, N(100), N(100), N(-56)},
      {"sum", small, N(30000), N(30000), N(-5536)},
      {"sum", integer, N(INT32_MAX), N(1), N(INT32_MIN)},
      {"sum", integer, N(-5), N(3), N(-2)},
      {"sum", big, N(INT64_MAX), N(1), N(INT64_MIN)},
      {"sum", single, F(0.1f), F(0.2f), F(0.1f + 0.2f)},
      {"sum", real, F(0.1), F(0.2), F(0.1 + 0.2)},
      {"sum", short_decimal, D(99999), D(1), D(100000)},  // Fluss does not look at the digits of short ones
      {"sum", full_decimal, D(INT64_MAX), D(1), Null()},
      {"sum", long_decimal, D(twenty_digits - 1), D(1), D(twenty_digits)},
      {"sum", long_decimal, D(twenty_digits), D(1), Null()},
      {"sum", long_decimal, D(-twenty_digits), D(-1), Null()},
      {"sum", integer, Null(), N(3), N(3)},
      {"sum", integer, N(3), Null(), N(3)},
      {"sum", integer, Null(), Null(), Null()},
      {"product", tiny, N(16), N(16), N(0)},
      {"product", integer, N(100000), N(100000), N(1410065408)},
      {"product", big, N(-4), N(5), N(-20)},
      {"product", single, F(1.5f), F(1.1f), F(1.5f * 1.1f)},
      {"product", real, F(1.5), F(1.1), F(1.5 * 1.1)},
      {"product", short_decimal, D(150), D(150), D(225)},    // 1.50 · 1.50
      {"product", short_decimal, D(105), D(150), D(158)},    // 1.575: half up
      {"product", short_decimal, D(-105), D(150), D(-158)},  // away from zero
      {"product", short_decimal, D(105), D(149), D(156)},    // 1.5645
      {"product", short_decimal, D(10000), D(10000), Null()},
      {"product", long_decimal, D(twenty_digits), D(100), D(twenty_digits)},
      {"product", long_decimal, D(twenty_digits), D(twenty_digits), Null()},
      {"max", integer, N(3), N(5), N(5)},
      {"max", integer, N(5), N(3), N(5)},
      {"max", real, F(-0.0), F(0.0), F(0.0)},
      {"max", real, F(1e300), F(kNaN), F(kNaN)},
      {"max", text, T("Z"), T("\xC3\xA4"), T("\xC3\xA4")},
      {"max", text, T("a"), T("ab"), T("ab")},
      {"max", short_decimal, D(-5), D(5), D(5)},
      {"max", MakeTime(TypeKind::kTimestamp, 9), Ts(7, 5), Ts(7, 6), Ts(7, 6)},
      {"max", MakeType(TypeKind::kDate), N(5), N(4), N(5)},
      {"max", integer, N(5), Null(), N(5)},
      {"min", integer, N(3), N(5), N(3)},
      {"min", real, F(0.0), F(-0.0), F(-0.0)},
      {"min", real, F(kNaN), F(1), F(1)},
      {"min", text, T("b"), T("a"), T("a")},
      {"min", MakeTime(TypeKind::kTimestampLtz, 3), Ts(7, 0), Ts(6, 0), Ts(6, 0)},
      {"min", integer, Null(), N(5), N(5)},
      {"last_value", text, T("a"), Null(), Null()},
      {"last_value", text, T("a"), T("b"), T("b")},
      {"last_value_ignore_nulls", text, T("a"), Null(), T("a")},
      {"last_value_ignore_nulls", text, T("a"), T("b"), T("b")},
      {"", text, T("a"), Null(), T("a")},
      {"first_value", text, T("a"), T("b"), T("a")},
      {"first_value", text, Null(), T("b"), T("b")},
      {"first_value_ignore_nulls", text, Null(), T("b"), T("b")},
      {"FIRST-VALUE-IGNORE-NULLS", text, T("a"), T("b"), T("a")},
      {"listagg", text, T("a"), T("b"), T("a,b")},
      {"string_agg", text, T(""), T("b"), T(",b")},
      {"listagg", text, T("a"), Null(), T("a")},
      {"listagg", text, Null(), T("b"), T("b")},
      {"bool_and", truth, B(true), B(false), B(false)},
      {"bool_and", truth, B(true), B(true), B(true)},
      {"bool_and", truth, Null(), B(false), B(false)},
      {"bool_or", truth, B(false), B(true), B(true)},
      {"bool_or", truth, B(false), B(false), B(false)},
      {"bool_or", truth, B(false), Null(), B(false)},
  };
}

TEST(AggregatedRowTest, EveryFunction) {
  for (const RowFormat format : {RowFormat::kCompacted, RowFormat::kIndexed}) {
    for (const Case& c : Cases()) {
      const auto got = Combine(c, format);
      ASSERT_TRUE(got.ok()) << c.function << " " << c.type.ToString() << ": " << got.status();
      EXPECT_TRUE(Same(*got, c.expected)) << c.function << " of " << c.type.ToString();
    }
  }
}

TEST(AggregatedRowTest, WhatOutgrowsADecimalThatTakesNoNullIsRefused) {
  DataType sure = MakeDecimal(18, 0);
  sure.nullable = false;
  for (const RowFormat format : {RowFormat::kCompacted, RowFormat::kIndexed}) {
    for (const Case& c : {Case{"sum", sure, D(INT64_MAX), D(1), Null()},
                          Case{"product", sure, D(1'000'000'000), D(1'000'000'000), Null()}}) {
      const auto refused = Combine(c, format).status();
      EXPECT_EQ(CodeOf(refused), ErrorCode::kInvalidTable) << refused;
      EXPECT_NE(refused.message().find("column 'v' has too many digits"), std::string::npos) << refused;
    }
    EXPECT_TRUE(Same(*Combine({"product", sure, D(1'000'000'000), D(10), Null()}, format), D(10'000'000'000)));
  }
}

TEST(AggregatedRowTest, BitmapsAreUnited) {
  // {1, 2} and {3}: an array of three, as Java has it.
  const auto portable = [](std::vector<uint8_t> numbers) {
    std::string bytes("\x3a\x30\0\0\1\0\0\0\0\0", 10);
    bytes += static_cast<char>(numbers.size() - 1);
    bytes += std::string("\0\x10\0\0\0", 5);
    for (const uint8_t number : numbers) bytes += {static_cast<char>(number), '\0'};
    return T(bytes);
  };
  const DataType bytes = MakeType(TypeKind::kBytes);
  for (const RowFormat format : {RowFormat::kCompacted, RowFormat::kIndexed}) {
    EXPECT_EQ(Combine({"rbm32", bytes, portable({1, 2}), portable({3}), {}}, format).ValueOrDie(), portable({1, 2, 3}));
    EXPECT_EQ(Combine({"rbm32", bytes, Null(), T("not looked at"), {}}, format).ValueOrDie(), T("not looked at"));
    EXPECT_EQ(CodeOf(Combine({"rbm32", bytes, portable({1}), T("no bitmap"), {}}, format).status()),
              ErrorCode::kUnknownServerError);
    EXPECT_EQ(Combine({"rbm64", bytes, T(std::string(1, '\0')), T(std::string(1, '\0')), {}}, format).ValueOrDie(),
              T(std::string(1, '\0')));
    EXPECT_EQ(CodeOf(Combine({"rbm64", bytes, T(""), T(""), {}}, format).status()), ErrorCode::kUnknownServerError);
  }
}

TEST(AggregatedRowTest, FunctionsThatDoNotFitTheirColumn) {
  for (const auto& [function, kind] : std::vector<std::pair<std::string, TypeKind>>{{"sum", TypeKind::kString},
                                                                                    {"listagg", TypeKind::kInt},
                                                                                    {"bool_and", TypeKind::kInt},
                                                                                    {"rbm32", TypeKind::kString},
                                                                                    {"avg", TypeKind::kInt}}) {
    TestTable table({Col("k", MakeType(TypeKind::kInt)), Col("v", MakeType(kind), function)});
    table.rules.engine = MergeEngine::kAggregation;
    EXPECT_EQ(CodeOf(RowMerger::Make(table.Schemas(), table.rules, {}, nullptr).status()), ErrorCode::kInvalidConfig)
        << function;
  }
}

class AggregatedTableTest : public ::testing::Test {
 protected:
  AggregatedTableTest()
      : table({Col("k", MakeType(TypeKind::kInt)), Col("n", MakeType(TypeKind::kInt), "sum"),
               Col("t", MakeType(TypeKind::kString), "listagg", " | ")}) {
    table.rules.engine = MergeEngine::kAggregation;
  }
  std::unique_ptr<RowMerger> Merger(const WriteMode& mode = {}) {
    return *RowMerger::Make(table.Schemas(), table.rules, mode, nullptr);
  }
  TestTable table;
};

TEST_F(AggregatedTableTest, TheFirstRowIsTakenAsItComes) {
  const auto merger = Merger();
  const std::vector<uint8_t> row = table.Row({N(1), N(5), T("a")});
  const RowEffect effect = *merger->Upsert(SchemaId(1), row, std::nullopt);
  EXPECT_EQ(effect.kind, RowEffect::Kind::kInsert);
  EXPECT_EQ(CellsOf(*effect.after), (Cells{N(1), N(5), T("a")}));
}

TEST_F(AggregatedTableTest, OthersKeepTheirPlaceInAPartialUpdate) {
  const std::vector<int32_t> targets{0, 2};
  const auto merger = Merger({.target_columns = targets});
  const std::vector<uint8_t> old = table.Value({N(1), N(5), T("a")});
  const std::vector<uint8_t> row = table.Row({N(1), N(7), T("b")});
  const RowEffect effect = *merger->Upsert(SchemaId(1), row, old);
  EXPECT_EQ(CellsOf(*effect.after), (Cells{N(1), N(5), T("a | b")}));
  const RowEffect inserted = *merger->Upsert(SchemaId(1), row, std::nullopt);
  EXPECT_EQ(CellsOf(*inserted.after), (Cells{N(1), N(7), T("b")})) << "an insert takes the row whole, as Fluss does";
}

TEST_F(AggregatedTableTest, DeletesWhereTheTableAllowsThem) {
  table.rules.delete_behavior = DeleteBehavior::kAllow;
  const std::vector<uint8_t> old = table.Value({N(1), N(5), T("a")});
  EXPECT_EQ((*Merger()->Remove(old)).kind, RowEffect::Kind::kDelete);
  const std::vector<int32_t> targets{0, 2};
  const auto partial = Merger({.target_columns = targets});
  const RowEffect effect = *partial->Remove(old);
  EXPECT_EQ(effect.kind, RowEffect::Kind::kUpdate);
  EXPECT_EQ(CellsOf(*effect.after), (Cells{N(1), N(5), Null()}));
  EXPECT_EQ((*partial->Remove(table.Value({N(1), Null(), T("a")}))).kind, RowEffect::Kind::kDelete);
}

TEST_F(AggregatedTableTest, OverwriteReplaces) {
  const auto merger = Merger({.overwrite = true});
  const std::vector<uint8_t> old = table.Value({N(1), N(5), T("a")});
  const std::vector<uint8_t> row = table.Row({N(1), N(7), T("b")});
  EXPECT_EQ(CellsOf(*(*merger->Upsert(SchemaId(1), row, old)).after), (Cells{N(1), N(7), T("b")}));
  EXPECT_EQ((*merger->Remove(old)).kind, RowEffect::Kind::kDelete);
}

TEST_F(AggregatedTableTest, AColumnThatCameLater) {
  table.second = *table.first.WithColumn(Col("m", MakeType(TypeKind::kInt), "max"));
  const auto merger = Merger();
  const std::vector<uint8_t> old = table.Value({N(1), N(5), T("a")});
  const RowEffect newer = *merger->Upsert(SchemaId(2), table.Row({N(1), N(1), T("b"), N(9)}, 2), old);
  EXPECT_EQ(CellsOf(*newer.after), (Cells{N(1), N(6), T("a | b"), N(9)}));
  const std::vector<uint8_t> stored(newer.value.begin(), newer.value.end());
  EXPECT_EQ(stored, table.Value({N(1), N(6), T("a | b"), N(9)}, 2));
  const RowEffect older = *merger->Upsert(SchemaId(1), table.Row({N(1), N(1), Null()}), stored);
  EXPECT_EQ(CellsOf(*older.after), (Cells{N(1), N(7), T("a | b"), N(9)}));
}

}  // namespace
}  // namespace thalweg::kv
