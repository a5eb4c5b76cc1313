#include "thalweg/format/aligned_row.h"

#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/format/decimal_bytes.h"

namespace thalweg::format {
namespace {

using schema::DataType;
using schema::MakeType;
using schema::TypeKind;
using testing::ElementsAreArray;

const std::vector<DataType>& EveryScalar() {
  static const std::vector<DataType> types{MakeType(TypeKind::kBoolean),
                                           MakeType(TypeKind::kTinyInt),
                                           MakeType(TypeKind::kSmallInt),
                                           MakeType(TypeKind::kInt),
                                           MakeType(TypeKind::kBigInt),
                                           MakeType(TypeKind::kFloat),
                                           MakeType(TypeKind::kDouble),
                                           schema::MakeChar(3),
                                           MakeType(TypeKind::kString),
                                           MakeType(TypeKind::kBytes),
                                           schema::MakeDecimal(10, 2),
                                           schema::MakeDecimal(30, 2),
                                           MakeType(TypeKind::kDate),
                                           schema::MakeTime(TypeKind::kTime, 3),
                                           schema::MakeTime(TypeKind::kTimestamp, 3),
                                           schema::MakeTime(TypeKind::kTimestampLtz, 9)};
  return types;
}

std::vector<Datum> Values() {
  return {{true},
          {int64_t{-3}},
          {int64_t{-300}},
          {int64_t{-70000}},
          {int64_t{-1} << 40},
          {1.5},
          {-2.25},
          {std::string("abc")},
          {std::string("eight by")},
          {std::string()},
          {Int128{-12345}},
          {Int128{1} << 90},
          {int64_t{-1}},
          {int64_t{86'399'999}},
          {TimestampValue{-5, 0}},
          {TimestampValue{-5, 123'456}}};
}

TEST(AlignedRowTest, EveryScalarComesBack) {
  const auto values = Values();
  const auto& types = EveryScalar();
  const auto bytes = EncodeAlignedRow(values, types).ValueOrDie();
  EXPECT_EQ(bytes.size() % 8, 0u);
  const AlignedRowView row = AlignedRowView::Make(bytes, types.size()).ValueOrDie();
  for (size_t i = 0; i < types.size(); ++i)
    EXPECT_EQ(row.Get(i, types[i]).ValueOrDie(), values[i]) << types[i].ToString();

  const auto nulls = EncodeAlignedRow(std::vector<Datum>(types.size()), types).ValueOrDie();
  const AlignedRowView null_row = AlignedRowView::Make(nulls, types.size()).ValueOrDie();
  for (size_t i = 0; i < types.size(); ++i) EXPECT_TRUE(null_row.Get(i, types[i]).ValueOrDie().is_null());
}

TEST(AlignedRowTest, LiesAsThePaperSays) {
  const std::vector<DataType> types{MakeType(TypeKind::kInt), MakeType(TypeKind::kString), MakeType(TypeKind::kString)};
  const auto bytes =
      EncodeAlignedRow(std::vector<Datum>{{int64_t{7}}, {std::string("ab")}, {std::string("0123456789")}}, types)
          .ValueOrDie();
  const std::vector<uint8_t> expected{0,   0,   0,   0,   0,   0,   0,   0,     // header, no nulls
                                      7,   0,   0,   0,   0,   0,   0,   0,     // INT
                                      'a', 'b', 0,   0,   0,   0,   0,   0x82,  // in the slot
                                      10,  0,   0,   0,   32,  0,   0,   0,     // 10 bytes at 32
                                      '0', '1', '2', '3', '4', '5', '6', '7',
                                      '8', '9', 0,   0,   0,   0,   0,   0};  // to a multiple of 8
  EXPECT_THAT(bytes, ElementsAreArray(expected));
}

TEST(AlignedRowTest, NoByteLeadsOutOfTheRow) {
  const auto& types = EveryScalar();
  const auto good = EncodeAlignedRow(Values(), types).ValueOrDie();
  std::mt19937 random(5);
  for (int round = 0; round < 5000; ++round) {
    std::vector<uint8_t> bytes = good;
    for (int i = 0; i < 8; ++i) bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
    bytes.resize(random() % (bytes.size() + 1));
    bytes.shrink_to_fit();
    const auto row = AlignedRowView::Make(bytes, types.size());
    if (!row.ok()) continue;
    for (size_t i = 0; i < types.size(); ++i) {
      const auto value = row->Get(i, types[i]);
      if (!value.ok()) EXPECT_EQ(CodeOf(value.status()), ErrorCode::kCorruptRecord);
    }
  }
}

TEST(DecimalBytesTest, AreAsFewAsJavaWrites) {
  const auto encodes = [](Int128 value, std::vector<uint8_t> expected) {
    const std::string bytes = DecimalToBytes(value);
    EXPECT_THAT(AsBytes(bytes), ElementsAreArray(expected));
    Int128 back = 0;
    EXPECT_TRUE(DecimalFromBytes(AsBytes(bytes), &back));
    EXPECT_TRUE(back == value);
  };
  encodes(0, {0});
  encodes(127, {127});
  encodes(128, {0, 128});
  encodes(-1, {0xFF});
  encodes(-128, {0x80});
  encodes(-129, {0xFF, 0x7F});
  encodes(Int128{1} << 64, {1, 0, 0, 0, 0, 0, 0, 0, 0});
  Int128 value;
  EXPECT_FALSE(DecimalFromBytes({}, &value));
  EXPECT_FALSE(DecimalFromBytes(std::vector<uint8_t>(17), &value));
}

}  // namespace
}  // namespace thalweg::format
