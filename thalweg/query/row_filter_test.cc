#include "thalweg/query/row_filter.h"

#include <cmath>
#include <limits>

#include "thalweg/query/test_query_internal.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::query {
namespace {

using format::Datum;
using format::LeafFunction;
using format::Predicate;
using ::testing::ElementsAre;

/// One column v of a type, and rows of it.
struct Column {
  Column(const schema::DataType& type, const std::vector<Datum>& values) {
    schema = schema::Schema::Make({.columns = {TestColumn("v", type)}}).ValueOrDie();
    const auto arrow_schema = schema::ToArrowSchema(schema);
    auto builder = arrow::MakeBuilder(arrow_schema->field(0)->type()).ValueOrDie();
    for (const auto& value : values) TW_CHECK(format::AppendDatum(value, *builder).ok());
    rows =
        arrow::RecordBatch::Make(arrow_schema, static_cast<int64_t>(values.size()), {builder->Finish().ValueOrDie()});
  }

  std::vector<uint8_t> Match(const Predicate& predicate) const {
    const auto filter = RowFilter::Make(predicate, schema, {0});
    EXPECT_TRUE(filter.ok()) << filter.status();
    std::vector<uint8_t> mask;
    if (filter.ok()) filter->Match(*rows, &mask);
    return mask;
  }
  std::vector<uint8_t> Match(LeafFunction function, std::vector<Datum> literals) const {
    return Match(Predicate::Leaf(function, 0, std::move(literals)));
  }
  ErrorCode Refused(LeafFunction function, std::vector<Datum> literals) const {
    return CodeOf(RowFilter::Make(Predicate::Leaf(function, 0, std::move(literals)), schema, {0}).status());
  }

  schema::Schema schema;
  std::shared_ptr<arrow::RecordBatch> rows;
};

Datum Text(const std::string& text) { return Datum{text}; }
Datum Number(int64_t number) { return Datum{number}; }
Datum Real(double number) { return Datum{number}; }

TEST(RowFilterTest, NumbersOfEveryWidth) {
  for (const auto kind : {schema::TypeKind::kTinyInt, schema::TypeKind::kSmallInt, schema::TypeKind::kInt,
                          schema::TypeKind::kBigInt, schema::TypeKind::kDate}) {
    const Column column(schema::MakeType(kind), {Number(-5), Datum{}, Number(0), Number(7)});
    EXPECT_THAT(column.Match(LeafFunction::kEqual, {Number(0)}), ElementsAre(0, 0, 1, 0));
    EXPECT_THAT(column.Match(LeafFunction::kNotEqual, {Number(0)}), ElementsAre(1, 0, 0, 1));
    EXPECT_THAT(column.Match(LeafFunction::kLessThan, {Number(0)}), ElementsAre(1, 0, 0, 0));
    EXPECT_THAT(column.Match(LeafFunction::kLessOrEqual, {Number(0)}), ElementsAre(1, 0, 1, 0));
    EXPECT_THAT(column.Match(LeafFunction::kGreaterThan, {Number(0)}), ElementsAre(0, 0, 0, 1));
    EXPECT_THAT(column.Match(LeafFunction::kGreaterOrEqual, {Number(0)}), ElementsAre(0, 0, 1, 1));
    EXPECT_THAT(column.Match(LeafFunction::kIn, {Number(7), Datum{}, Number(-5)}), ElementsAre(1, 0, 0, 1));
    EXPECT_THAT(column.Match(LeafFunction::kNotIn, {Number(7), Number(9)}), ElementsAre(1, 0, 1, 0));
    EXPECT_THAT(column.Match(LeafFunction::kNotIn, {Number(7), Datum{}}), ElementsAre(0, 0, 0, 0));
    EXPECT_THAT(column.Match(LeafFunction::kEqual, {Datum{}}), ElementsAre(0, 0, 0, 0));
    EXPECT_THAT(column.Match(LeafFunction::kIsNull, {}), ElementsAre(0, 1, 0, 0));
    EXPECT_THAT(column.Match(LeafFunction::kIsNotNull, {}), ElementsAre(1, 0, 1, 1));
    // Beyond what the column can hold.
    EXPECT_THAT(column.Match(LeafFunction::kLessThan, {Number(INT64_MAX)}), ElementsAre(1, 0, 1, 1));
    EXPECT_THAT(column.Match(LeafFunction::kNotEqual, {Number(INT64_MIN)}), ElementsAre(1, 0, 1, 1));
    EXPECT_THAT(column.Match(LeafFunction::kGreaterThan, {Number(INT64_MAX)}), ElementsAre(0, 0, 0, 0));
    EXPECT_EQ(column.Refused(LeafFunction::kEqual, {Text("0")}), ErrorCode::kInvalidScanRequest);
    EXPECT_EQ(column.Refused(LeafFunction::kEqual, {}), ErrorCode::kInvalidScanRequest);
    EXPECT_EQ(column.Refused(LeafFunction::kStartsWith, {Number(1)}), ErrorCode::kInvalidScanRequest);
  }
}

TEST(RowFilterTest, TimesInEveryUnitMeetLiteralsBetweenTwoOfThem) {
  const format::TimestampValue two{2'000, 0}, between{2'000, 500};
  for (const int precision : {0, 3, 6}) {
    const Column column(schema::MakeTime(schema::TypeKind::kTimestamp, precision),
                        {Datum{format::TimestampValue{1'000, 0}}, Datum{two}, Datum{format::TimestampValue{3'000, 0}}});
    EXPECT_THAT(column.Match(LeafFunction::kEqual, {Datum{two}}), ElementsAre(0, 1, 0));
    EXPECT_THAT(column.Match(LeafFunction::kEqual, {Datum{between}}), ElementsAre(0, 0, 0));
    EXPECT_THAT(column.Match(LeafFunction::kNotEqual, {Datum{between}}), ElementsAre(1, 1, 1));
    EXPECT_THAT(column.Match(LeafFunction::kLessThan, {Datum{between}}), ElementsAre(1, 1, 0));
    EXPECT_THAT(column.Match(LeafFunction::kGreaterOrEqual, {Datum{between}}), ElementsAre(0, 0, 1));
    EXPECT_THAT(column.Match(LeafFunction::kIn, {Datum{between}, Datum{two}}), ElementsAre(0, 1, 0));
  }
  const Column before(schema::MakeTime(schema::TypeKind::kTimestampLtz, 3),
                      {Datum{format::TimestampValue{-2, 0}}, Datum{format::TimestampValue{-1, 0}}});
  EXPECT_THAT(before.Match(LeafFunction::kGreaterThan, {Datum{format::TimestampValue{-2, 1}}}), ElementsAre(0, 1));
  const Column time(schema::MakeTime(schema::TypeKind::kTime, 0), {Number(1'000), Number(2'000)});
  EXPECT_THAT(time.Match(LeafFunction::kGreaterThan, {Number(1'500)}), ElementsAre(0, 1));
}

TEST(RowFilterTest, NanIsOneValueAboveAllOthers) {
  const double nan = std::nan("");
  for (const auto kind : {schema::TypeKind::kFloat, schema::TypeKind::kDouble}) {
    const Column column(schema::MakeType(kind), {Real(-0.0), Real(1.5), Real(nan), Datum{}});
    EXPECT_THAT(column.Match(LeafFunction::kEqual, {Real(0)}), ElementsAre(1, 0, 0, 0));
    EXPECT_THAT(column.Match(LeafFunction::kEqual, {Real(nan)}), ElementsAre(0, 0, 1, 0));
    EXPECT_THAT(column.Match(LeafFunction::kGreaterThan, {Real(1)}), ElementsAre(0, 1, 1, 0));
    EXPECT_THAT(column.Match(LeafFunction::kIn, {Real(nan), Real(1.5)}), ElementsAre(0, 1, 1, 0));
  }
}

TEST(RowFilterTest, TextsBytesDecimalsAndTruths) {
  const Column text(schema::MakeType(schema::TypeKind::kString), {Text(""), Text("abc"), Text("\xff"), Datum{}});
  EXPECT_THAT(text.Match(LeafFunction::kGreaterThan, {Text("abc")}), ElementsAre(0, 0, 1, 0));
  EXPECT_THAT(text.Match(LeafFunction::kStartsWith, {Text("ab")}), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(text.Match(LeafFunction::kEndsWith, {Text("bc")}), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(text.Match(LeafFunction::kContains, {Text("b")}), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(text.Match(LeafFunction::kNotIn, {Text("abc"), Text("")}), ElementsAre(0, 0, 1, 0));
  const Column fixed(schema::MakeBinary(2), {Text("ab"), Text("cd")});
  EXPECT_THAT(fixed.Match(LeafFunction::kLessThan, {Text("b")}), ElementsAre(1, 0));
  const Column decimal(schema::MakeDecimal(38, 2), {Datum{format::Int128{-150}}, Datum{format::Int128{99}}});
  EXPECT_THAT(decimal.Match(LeafFunction::kLessOrEqual, {Datum{format::Int128{98}}}), ElementsAre(1, 0));
  const Column truth(schema::MakeType(schema::TypeKind::kBoolean), {Datum{true}, Datum{false}, Datum{}});
  EXPECT_THAT(truth.Match(LeafFunction::kEqual, {Datum{true}}), ElementsAre(1, 0, 0));
  EXPECT_THAT(truth.Match(LeafFunction::kNotIn, {Datum{true}}), ElementsAre(0, 1, 0));
  const Column list(schema::MakeArray(schema::MakeType(schema::TypeKind::kInt)), {Datum{Datum::List{}}, Datum{}});
  EXPECT_THAT(list.Match(LeafFunction::kIsNull, {}), ElementsAre(0, 1));
  EXPECT_EQ(list.Refused(LeafFunction::kEqual, {Datum{Datum::List{}}}), ErrorCode::kInvalidScanRequest);
}

TEST(RowFilterTest, ConjunctionsAndDisjunctions) {
  const Column column(schema::MakeType(schema::TypeKind::kInt), {Number(1), Number(2), Number(3), Datum{}});
  const auto at_least_two = Predicate::Leaf(LeafFunction::kGreaterOrEqual, 0, {Number(2)});
  const auto at_most_two = Predicate::Leaf(LeafFunction::kLessOrEqual, 0, {Number(2)});
  const auto is_null = Predicate::Leaf(LeafFunction::kIsNull, 0, {});
  EXPECT_THAT(column.Match(Predicate::And({at_least_two, at_most_two})), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(column.Match(Predicate::Or({Predicate::And({at_least_two, at_most_two}), is_null})),
              ElementsAre(0, 1, 0, 1));
  EXPECT_THAT(column.Match(Predicate::And({})), ElementsAre(1, 1, 1, 1));
  Predicate deep = is_null;
  for (int i = 0; i < 100; ++i) deep = Predicate::And({deep});
  EXPECT_EQ(CodeOf(RowFilter::Make(deep, column.schema, {0}).status()), ErrorCode::kInvalidScanRequest);
}

TEST(RowFilterTest, ApplyCopiesOnlyWhereSomeRowsGo) {
  const Column column(schema::MakeType(schema::TypeKind::kInt), {Number(1), Number(2), Number(3)});
  const auto filter = [&](LeafFunction function, int64_t literal) {
    return RowFilter::Make(Predicate::Leaf(function, 0, {Number(literal)}), column.schema, {0}).ValueOrDie();
  };
  EXPECT_EQ(*filter(LeafFunction::kLessThan, 9).Apply(column.rows), column.rows);
  EXPECT_EQ(*filter(LeafFunction::kLessThan, 0).Apply(column.rows), nullptr);
  const auto some = filter(LeafFunction::kNotEqual, 2).Apply(column.rows->Slice(1)).ValueOrDie();
  EXPECT_EQ(Numbers(*some, 0), (std::vector<int64_t>{3}));
}

}  // namespace
}  // namespace thalweg::query
