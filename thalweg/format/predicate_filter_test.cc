#include "thalweg/format/predicate_filter.h"

#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "thalweg/format/aligned_row.h"

namespace thalweg::format {
namespace {

using schema::DataType;
using schema::MakeType;
using schema::Schema;
using schema::TypeKind;
using enum LeafFunction;

/// A column `c` of id 5 behind another one, so that position and id differ.
Schema SchemaOf(const DataType& type) {
  return Schema::Make({.columns = {{.name = "first", .type = MakeType(TypeKind::kInt), .id = 9},
                                   {.name = "c", .type = type, .id = 5}}})
      .ValueOrDie();
}

/// Statistics of column 1 alone.
std::vector<uint8_t> Statistics(const DataType& type, const Datum& min, const Datum& max, int32_t null_count) {
  std::vector<uint8_t> block{1, 1, 0, 1, 0, 0, 0, 0, 0};
  StoreLittle(block.data() + 5, null_count);
  for (const Datum* bound : {&min, &max}) {
    const auto row = EncodeAlignedRow({bound, 1}, {&type, 1}).ValueOrDie();
    block.resize(block.size() + sizeof(int32_t));
    StoreLittle(block.data() + block.size() - sizeof(int32_t), static_cast<int32_t>(row.size()));
    block.insert(block.end(), row.begin(), row.end());
  }
  return block;
}

constexpr int32_t kRows = 100;

/// Whether rows of `type` between `min` and `max` may match a leaf.
struct Column {
  DataType type;
  Datum min{};
  Datum max{};
  int32_t null_count = 0;

  bool May(const Predicate& predicate) const {
    const Schema schema = SchemaOf(type);
    const auto block = Statistics(type, min, max, null_count);
    return BatchFilter(predicate, schema, schema).MayMatch(StatisticsView::Parse(block).ValueOrDie(), kRows);
  }
  bool May(LeafFunction function, std::vector<Datum> literals) const {
    return May(Predicate::Leaf(function, 5, std::move(literals)));
  }
};

Datum Int(int64_t value) { return Datum{value}; }
Datum Text(std::string value) { return Datum{std::move(value)}; }

TEST(BatchFilterTest, ComparesNumbers) {
  const Column c{MakeType(TypeKind::kInt), Int(10), Int(20)};
  EXPECT_FALSE(c.May(kEqual, {Int(9)}));
  EXPECT_TRUE(c.May(kEqual, {Int(10)}));
  EXPECT_TRUE(c.May(kEqual, {Int(20)}));
  EXPECT_FALSE(c.May(kEqual, {Int(21)}));
  EXPECT_FALSE(c.May(kLessThan, {Int(10)}));
  EXPECT_TRUE(c.May(kLessThan, {Int(11)}));
  EXPECT_FALSE(c.May(kLessOrEqual, {Int(9)}));
  EXPECT_TRUE(c.May(kLessOrEqual, {Int(10)}));
  EXPECT_FALSE(c.May(kGreaterThan, {Int(20)}));
  EXPECT_TRUE(c.May(kGreaterThan, {Int(19)}));
  EXPECT_FALSE(c.May(kGreaterOrEqual, {Int(21)}));
  EXPECT_TRUE(c.May(kGreaterOrEqual, {Int(20)}));
  EXPECT_TRUE(c.May(kNotEqual, {Int(10)}));
  EXPECT_TRUE(c.May(kIn, {Int(1), Datum{}, Int(15)}));
  EXPECT_FALSE(c.May(kIn, {Int(1), Datum{}, Int(25)}));
  EXPECT_TRUE(c.May(kNotIn, {Int(10), Int(20)}));
  EXPECT_FALSE(c.May(kNotIn, {Datum{}}));

  const Column one{MakeType(TypeKind::kInt), Int(7), Int(7)};
  EXPECT_FALSE(one.May(kNotEqual, {Int(7)}));
  EXPECT_TRUE(one.May(kNotEqual, {Int(8)}));
  EXPECT_FALSE(one.May(kNotIn, {Int(3), Int(7)}));
  EXPECT_TRUE(one.May(kNotIn, {Int(3), Int(8)}));
}

TEST(BatchFilterTest, NullsMatchOnlyTheNullTest) {
  const DataType type = MakeType(TypeKind::kBigInt);
  const Column none{type, Int(1), Int(2), 0}, some{type, Int(1), Int(2), 5}, all{type, {}, {}, kRows};
  EXPECT_FALSE(none.May(kIsNull, {}));
  EXPECT_TRUE(some.May(kIsNull, {}));
  EXPECT_TRUE(all.May(kIsNull, {}));
  EXPECT_TRUE(none.May(kIsNotNull, {}));
  EXPECT_TRUE(some.May(kIsNotNull, {}));
  EXPECT_FALSE(all.May(kIsNotNull, {}));
  for (const LeafFunction function : {kEqual, kNotEqual, kLessThan, kGreaterOrEqual, kContains, kIn, kNotIn}) {
    EXPECT_FALSE(all.May(function, {Int(1)})) << static_cast<int>(function);
  }
  EXPECT_FALSE(none.May(kEqual, {Datum{}})) << "nothing equals null";
  for (const int32_t odd : {-1, kRows + 1}) {
    const Column unknown{type, Int(1), Int(2), odd};
    EXPECT_TRUE(unknown.May(kIsNull, {}));
    EXPECT_TRUE(unknown.May(kIsNotNull, {}));
  }
  EXPECT_TRUE((Column{type, {}, {}, 5}.May(kEqual, {Int(1)}))) << "no bounds are known";
}

TEST(BatchFilterTest, ComparesTextByBytes) {
  const Column c{MakeType(TypeKind::kString), Text("banana"), Text("caf\xC3\xA9")};
  EXPECT_TRUE(c.May(kStartsWith, {Text("ban")}));
  EXPECT_TRUE(c.May(kStartsWith, {Text("bz")}));
  EXPECT_TRUE(c.May(kStartsWith, {Text("")}));
  EXPECT_TRUE(c.May(kStartsWith, {Text("caf\xC3\xA9")}));
  EXPECT_FALSE(c.May(kStartsWith, {Text("bam")}));
  EXPECT_FALSE(c.May(kStartsWith, {Text("cag")}));
  EXPECT_FALSE(c.May(kStartsWith, {Text("caf\xC3\xA9s")}));
  EXPECT_TRUE(c.May(kContains, {Text("zzz")}));
  EXPECT_TRUE(c.May(kEndsWith, {Text("zzz")}));
  EXPECT_TRUE(c.May(kEqual, {Text("caf\xC3")}));
  EXPECT_FALSE(c.May(kGreaterThan, {Text("caf\xC3\xAA")}));
}

TEST(BatchFilterTest, ComparesEveryOtherType) {
  const Column flag{MakeType(TypeKind::kBoolean), {false}, {false}};
  EXPECT_FALSE(flag.May(kEqual, {{true}}));
  EXPECT_TRUE(flag.May(kEqual, {{false}}));
  for (const int precision : {10, 30}) {
    const Column price{schema::MakeDecimal(precision, 2), {Int128{-500}}, {Int128{250}}};
    EXPECT_TRUE(price.May(kLessThan, {{Int128{-499}}}));
    EXPECT_FALSE(price.May(kLessThan, {{Int128{-500}}}));
  }
  for (const int precision : {3, 9}) {
    const Column at{schema::MakeTime(TypeKind::kTimestamp, precision), {TimestampValue{5, 0}}, {TimestampValue{9, 0}}};
    EXPECT_FALSE(at.May(kGreaterThan, {{TimestampValue{9, 0}}}));
    EXPECT_TRUE(at.May(kGreaterThan, {{TimestampValue{8, 999'999}}}));
  }
  const Column day{MakeType(TypeKind::kDate), Int(-10), Int(10)};
  EXPECT_FALSE(day.May(kGreaterThan, {Int(10)}));
}

TEST(BatchFilterTest, KeepsWhereWritersCutTime) {
  const Column exact{schema::MakeTime(TypeKind::kTime, 3), Int(5), Int(9)};
  EXPECT_FALSE(exact.May(kGreaterThan, {Int(9)}));
  const Column cut{schema::MakeTime(TypeKind::kTime, 6), Int(5), Int(9)};
  EXPECT_TRUE(cut.May(kGreaterThan, {Int(9)})) << "9.7 ms was written as 9";
  EXPECT_FALSE(cut.May(kGreaterThan, {Int(10)}));
}

TEST(BatchFilterTest, KeepsWhereFloatsAreOdd) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const DataType type = MakeType(TypeKind::kDouble);
  const Column plain{type, {1.0}, {2.0}};
  EXPECT_FALSE(plain.May(kGreaterThan, {{2.0}}));
  EXPECT_TRUE(plain.May(kEqual, {{nan}}));
  EXPECT_TRUE(plain.May(kIn, {{nan}}));
  const Column with_nan{type, {1.0}, {nan}};
  EXPECT_TRUE(with_nan.May(kGreaterThan, {{1e300}}));
  EXPECT_FALSE(with_nan.May(kLessThan, {{0.5}}));
  const Column zeros{type, {-0.0}, {0.0}};
  EXPECT_TRUE(zeros.May(kNotEqual, {{0.0}}));
  EXPECT_TRUE(zeros.May(kEqual, {{0.0}}));
  EXPECT_TRUE(zeros.May(kGreaterThan, {{-0.0}}));
  const Column small{MakeType(TypeKind::kFloat), {1.5}, {2.5}};
  EXPECT_FALSE(small.May(kEqual, {{3.5}}));
}

TEST(BatchFilterTest, CombinesLeaves) {
  const Column c{MakeType(TypeKind::kInt), Int(10), Int(20)};
  const Predicate yes = Predicate::Leaf(kEqual, 5, {Int(15)}), no = Predicate::Leaf(kEqual, 5, {Int(5)});
  EXPECT_TRUE(c.May(Predicate::And({yes, yes})));
  EXPECT_FALSE(c.May(Predicate::And({yes, no})));
  EXPECT_TRUE(c.May(Predicate::Or({no, yes})));
  EXPECT_FALSE(c.May(Predicate::Or({no, Predicate::And({yes, no})})));
  EXPECT_TRUE(c.May(Predicate::Or({}))) << "in doubt";
}

TEST(BatchFilterTest, KeepsWhatItCannotJudge) {
  const Column c{MakeType(TypeKind::kInt), Int(10), Int(20)};
  EXPECT_TRUE(c.May(Predicate::Leaf(kEqual, 9, {Int(5)}))) << "a column without statistics";
  EXPECT_TRUE(c.May(Predicate::Leaf(kEqual, 77, {Int(5)}))) << "an unknown column";
  EXPECT_TRUE(c.May(kEqual, {Text("x")})) << "a literal of another type";
  EXPECT_TRUE(c.May(kEqual, {})) << "no literal";
}

TEST(BatchFilterTest, FollowsColumnIdsThroughSchemaVersions) {
  const DataType type = MakeType(TypeKind::kInt);
  const auto block = Statistics(type, Int(10), Int(20), 0);
  const StatisticsView statistics = StatisticsView::Parse(block).ValueOrDie();
  const Predicate no = Predicate::Leaf(kEqual, 5, {Int(5)});
  const Schema moved = Schema::Make({.columns = {{.name = "c", .type = type, .id = 5}}}).ValueOrDie();
  EXPECT_FALSE(BatchFilter(no, moved, SchemaOf(type)).MayMatch(statistics, kRows));
  EXPECT_TRUE(BatchFilter(no, SchemaOf(type), moved).MayMatch(statistics, kRows)) << "column 1 is another one there";
  const Schema retyped =
      Schema::Make({.columns = {{.name = "c", .type = MakeType(TypeKind::kBigInt), .id = 5}}}).ValueOrDie();
  EXPECT_TRUE(BatchFilter(no, retyped, SchemaOf(type)).MayMatch(statistics, kRows));
}

}  // namespace
}  // namespace thalweg::format
