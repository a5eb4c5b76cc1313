#include "thalweg/format/row_view.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/random_datum_internal.h"
#include "thalweg/format/row_writer.h"

namespace thalweg::format {
namespace {

using schema::DataType;
using schema::MakeType;
using schema::TypeKind;
using testing::ElementsAreArray;

class RowViewTest : public testing::TestWithParam<RowFormat> {};

TEST_P(RowViewTest, ReadsWhatWasWritten) {
  const std::vector<DataType> types = EveryColumnType();
  const RowLayout layout(GetParam(), types);
  RandomDatum random(21);
  RowView view;
  RowWriter writer(&layout), copier(&layout);
  for (int round = 0; round < 100; ++round) {
    std::vector<Datum> values;
    for (const DataType& type : types) values.push_back(random.Make(type));
    const auto bytes = EncodeRow(GetParam(), values, types).ValueOrDie();
    ASSERT_TRUE(view.Reset(layout, bytes).ok());
    writer.Start();
    copier.Start();
    for (size_t i = 0; i < types.size(); ++i) {
      EXPECT_EQ(view.IsNull(i), values[i].is_null());
      EXPECT_TRUE(view.ToDatum(i).ValueOrDie() == values[i]) << types[i].ToString();
      ASSERT_TRUE(writer.Value(values[i]).ok()) << types[i].ToString();
      copier.Copy(view, i);
    }
    EXPECT_THAT(writer.Finish(), ElementsAreArray(bytes));
    EXPECT_THAT(copier.Finish(), ElementsAreArray(bytes));
  }
}

TEST_P(RowViewTest, NoByteLeadsOutOfTheRow) {
  const std::vector<DataType> types = EveryColumnType();
  const RowLayout layout(GetParam(), types);
  RandomDatum random(22);
  std::vector<Datum> values;
  for (const DataType& type : types) values.push_back(random.Make(type));
  const auto good = EncodeRow(GetParam(), values, types).ValueOrDie();
  RowView view;
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<uint8_t> bytes = good;
    for (uint64_t i = 0, count = 1 + random.Below(4); i < count; ++i) {
      bytes[random.Below(bytes.size())] = static_cast<uint8_t>(random.Below(256));
    }
    if (random.Below(3) == 0) bytes.resize(random.Below(bytes.size()));
    bytes.shrink_to_fit();
    const auto found = view.Reset(layout, bytes);
    refused += !found.ok();
    if (!found.ok()) {
      EXPECT_EQ(CodeOf(found), ErrorCode::kCorruptRecord) << found;
      continue;
    }
    // The two readers agree on everything that is not nested.
    const auto decoded = DecodeRow(GetParam(), bytes, types);
    for (size_t i = 0; i < types.size(); ++i) {
      const auto value = view.ToDatum(i);
      if (!value.ok()) EXPECT_TRUE(types[i].IsNested() && !decoded.ok());
      // What is not a number equals nothing, inside of others neither.
      if (!decoded.ok() || types[i].IsNested() || value->get_if<double>() != nullptr) continue;
      EXPECT_TRUE(*value == (*decoded)[i]) << types[i].ToString();
    }
  }
  EXPECT_GT(refused, 100);
}

TEST_P(RowViewTest, ReadsTheExtremesOfEveryNumber) {
  const std::vector<DataType> types{MakeType(TypeKind::kBoolean),  MakeType(TypeKind::kTinyInt),
                                    MakeType(TypeKind::kSmallInt), MakeType(TypeKind::kInt),
                                    MakeType(TypeKind::kBigInt),   schema::MakeDecimal(18, 0),
                                    schema::MakeDecimal(38, 0),    schema::MakeTime(TypeKind::kTimestamp, 9)};
  const RowLayout layout(GetParam(), types);
  RowWriter writer(&layout);
  RowView view;
  for (const bool low : {true, false}) {
    const auto extreme = [&](auto zero) {
      using Limits = std::numeric_limits<decltype(zero)>;
      return int64_t{low ? Limits::min() : Limits::max()};
    };
    const Int128 wide = (Int128{1} << 126) * (low ? -1 : 1);
    writer.Start();
    writer.Integer(!low);
    writer.Integer(extreme(int8_t{}));
    writer.Integer(extreme(int16_t{}));
    writer.Integer(extreme(int32_t{}));
    writer.Integer(extreme(int64_t{}));
    writer.Decimal(extreme(int64_t{}));
    writer.Decimal(wide);
    writer.Timestamp({extreme(int64_t{}), 999'999});
    ASSERT_TRUE(view.Reset(layout, writer.Finish()).ok());
    EXPECT_EQ(view.Boolean(0), !low);
    EXPECT_EQ(view.Integer(1), extreme(int8_t{}));
    EXPECT_EQ(view.Integer(2), extreme(int16_t{}));
    EXPECT_EQ(view.Integer(3), extreme(int32_t{}));
    EXPECT_EQ(view.Integer(4), extreme(int64_t{}));
    EXPECT_TRUE(view.Decimal(5) == extreme(int64_t{}));
    EXPECT_TRUE(view.Decimal(6) == wide);
    EXPECT_EQ(view.Timestamp(7), (TimestampValue{extreme(int64_t{}), 999'999}));
  }
}

TEST_P(RowViewTest, KeepsTheBitsOfNaNs) {
  const std::vector<DataType> types{MakeType(TypeKind::kFloat), MakeType(TypeKind::kDouble)};
  const RowLayout layout(GetParam(), types);
  constexpr uint32_t kSignalling = 0x7F800001;
  std::vector<uint8_t> bytes(13);
  StoreLittle(bytes.data() + 1, kSignalling);
  StoreLittle(bytes.data() + 5, uint64_t{0xFFF0000000000123});
  RowView view;
  ASSERT_TRUE(view.Reset(layout, bytes).ok());
  EXPECT_EQ(static_cast<uint32_t>(view.FloatingBits(0)), kSignalling);
  EXPECT_EQ(view.FloatingBits(1), 0xFFF0000000000123u);
}

schema::Schema MakeSchema(std::vector<schema::Column> columns) {
  return schema::Schema::Make({.columns = std::move(columns)}).ValueOrDie();
}

TEST_P(RowViewTest, ReadsOldRowsAsNewOnes) {
  const auto column = [](std::string name, TypeKind kind, int32_t id) {
    return schema::Column{.name = std::move(name), .type = MakeType(kind), .id = id};
  };
  const schema::Schema old_schema = MakeSchema(
      {column("id", TypeKind::kInt, 0), column("gone", TypeKind::kString, 1), column("name", TypeKind::kString, 2)});
  const schema::Schema new_schema = MakeSchema(
      {column("name", TypeKind::kString, 2), column("id", TypeKind::kInt, 0), column("more", TypeKind::kBigInt, 3)});
  const std::vector<Datum> values{{int64_t{7}}, {std::string("left out")}, {std::string("kept")}};
  const auto bytes = EncodeRow(GetParam(), values, RowLayout(GetParam(), old_schema).types()).ValueOrDie();

  const RowLayout layout(GetParam(), old_schema, new_schema), same(GetParam(), new_schema);
  EXPECT_FALSE(layout.identity());
  EXPECT_TRUE(same.identity());
  RowView view;
  for (int round = 0; round < 2; ++round) {
    // What another layout's row left in the view is not seen.
    const std::vector<Datum> full{{std::string("x")}, {int64_t{1}}, {int64_t{2}}};
    const auto other = EncodeRow(GetParam(), full, same.types()).ValueOrDie();
    ASSERT_TRUE(view.Reset(same, other).ok());
    EXPECT_EQ(view.Integer(2), 2);
    ASSERT_TRUE(view.Reset(layout, bytes).ok());
    EXPECT_EQ(view.column_count(), 3u);
    EXPECT_EQ(view.Text(0), "kept");
    EXPECT_EQ(view.Integer(1), 7);
    EXPECT_TRUE(view.IsNull(2));
  }
  RowWriter writer(&same);
  writer.Start();
  for (size_t i = 0; i < 3; ++i) writer.Copy(view, i);
  const std::vector<Datum> wanted{{std::string("kept")}, {int64_t{7}}, {}};
  EXPECT_THAT(writer.Finish(), ElementsAreArray(EncodeRow(GetParam(), wanted, same.types()).ValueOrDie()));
}

INSTANTIATE_TEST_SUITE_P(Formats, RowViewTest, testing::Values(RowFormat::kCompacted, RowFormat::kIndexed));

TEST(RowWriterTest, FillsUpAndRefusesWhatIsTooLong) {
  const RowLayout layout(RowFormat::kIndexed, {schema::MakeChar(3)});
  RowWriter writer(&layout);
  writer.Start();
  EXPECT_EQ(CodeOf(writer.Bytes(AsBytes("four"))), ErrorCode::kInvalidTable);
  ASSERT_TRUE(writer.Bytes(AsBytes("ab")).ok());
  EXPECT_THAT(writer.Finish(), testing::ElementsAre(0, 'a', 'b', 0));
}

}  // namespace
}  // namespace thalweg::format
