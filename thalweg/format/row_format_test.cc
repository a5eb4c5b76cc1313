#include "thalweg/format/row_format.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/format/binary_array.h"
#include "thalweg/format/random_datum_internal.h"

namespace thalweg::format {
namespace {

using schema::DataType;
using schema::MakeType;
using schema::TypeKind;
using testing::ElementsAre;
using testing::ElementsAreArray;

class RowFormatTest : public testing::TestWithParam<RowFormat> {};

TEST_P(RowFormatTest, EveryTypeComesBack) {
  const std::vector<DataType> types = EveryColumnType();
  RandomDatum random(11);
  for (int round = 0; round < 100; ++round) {
    std::vector<Datum> values;
    for (const DataType& type : types) values.push_back(random.Make(type));
    const auto bytes = EncodeRow(GetParam(), values, types).ValueOrDie();
    const auto back = DecodeRow(GetParam(), bytes, types).ValueOrDie();
    for (size_t i = 0; i < types.size(); ++i) EXPECT_TRUE(back[i] == values[i]) << types[i].ToString();
  }
}

TEST_P(RowFormatTest, NoByteLeadsOutOfTheRow) {
  const std::vector<DataType> types = EveryColumnType();
  RandomDatum random(12);
  std::vector<Datum> values;
  for (const DataType& type : types) values.push_back(random.Make(type));
  const auto good = EncodeRow(GetParam(), values, types).ValueOrDie();
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<uint8_t> bytes = good;
    for (uint64_t i = 0, count = 1 + random.Below(4); i < count; ++i) {
      bytes[random.Below(bytes.size())] = static_cast<uint8_t>(random.Below(256));
    }
    if (random.Below(3) == 0) bytes.resize(random.Below(bytes.size()));
    bytes.shrink_to_fit();
    const auto row = DecodeRow(GetParam(), bytes, types);
    refused += !row.ok();
    if (!row.ok()) EXPECT_EQ(CodeOf(row.status()), ErrorCode::kCorruptRecord) << row.status();
  }
  EXPECT_GT(refused, 200);
}

TEST_P(RowFormatTest, RefusesValuesOfAnotherType) {
  for (const DataType& type : EveryColumnType()) {
    const bool is_text = type.kind == TypeKind::kString || type.kind == TypeKind::kBytes;
    const Datum wrong = is_text ? Datum{true} : Datum{std::string("far too long for any")};
    EXPECT_EQ(CodeOf(EncodeRow(GetParam(), {&wrong, 1}, {&type, 1}).status()),
              type.kind == TypeKind::kChar || type.kind == TypeKind::kBinary
                  ? (GetParam() == RowFormat::kIndexed ? ErrorCode::kInvalidTable : ErrorCode::kNone)
                  : ErrorCode::kInvalidTable)
        << type.ToString();
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, RowFormatTest, testing::Values(RowFormat::kCompacted, RowFormat::kIndexed));

TEST(CompactedRowTest, LiesAsThePaperSays) {
  const std::vector<DataType> types{MakeType(TypeKind::kInt), MakeType(TypeKind::kString)};
  const auto encode = [&](Datum number, Datum text) {
    return EncodeRow(RowFormat::kCompacted, std::vector<Datum>{number, text}, types).ValueOrDie();
  };
  EXPECT_THAT(encode({int64_t{1}}, {std::string("a")}), ElementsAre(0x00, 0x01, 0x01, 0x61));
  EXPECT_THAT(encode({int64_t{-1}}, {}), ElementsAre(0x02, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F)) << "no zigzag";
}

TEST(IndexedRowTest, LiesAsThePaperSays) {
  const std::vector<DataType> types{MakeType(TypeKind::kString), MakeType(TypeKind::kInt), MakeType(TypeKind::kString),
                                    schema::MakeChar(3)};
  const std::vector<Datum> values{{}, {int64_t{258}}, {std::string("ab")}, {std::string("c")}};
  EXPECT_THAT(EncodeRow(RowFormat::kIndexed, values, types).ValueOrDie(),
              ElementsAre(0x01,        // the first is null
                          2, 0, 0, 0,  // the size of "ab", in the first place
                          0, 0, 0, 0,  // not needed
                          2, 1, 0, 0,  // 258
                          'a', 'b', 'c', 0, 0));
}

TEST(BinaryArrayTest, LiesAsThePaperSays) {
  const auto ints =
      EncodeBinaryArray({{int64_t{1}}, {}, {int64_t{3}}}, MakeType(TypeKind::kInt), RowFormat::kCompacted);
  EXPECT_THAT(ints.ValueOrDie(), ElementsAre(3, 0, 0, 0,  // count
                                             2, 0, 0, 0,  // the second is null
                                             1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0));
  const auto texts = EncodeBinaryArray({{std::string("12345678")}, {std::string("7")}}, MakeType(TypeKind::kString),
                                       RowFormat::kCompacted);
  EXPECT_THAT(texts.ValueOrDie(), ElementsAre(2, 0, 0, 0, 0, 0, 0, 0,       // count, nulls
                                              8, 0, 0, 0, 24, 0, 0, 0,      // 8 bytes at 24
                                              '7', 0, 0, 0, 0, 0, 0, 0x81,  // in the slot
                                              '1', '2', '3', '4', '5', '6', '7', '8'));
  const auto decimals =
      EncodeBinaryArray({{Int128{5}}, {Int128{6}}}, schema::MakeDecimal(20, 0), RowFormat::kCompacted).ValueOrDie();
  EXPECT_EQ(decimals.size(), 8u + 2 * 8 + 2 * 16) << "16 bytes of room for each long decimal";
}

TEST(BinaryArrayTest, ElementsCannotClaimTheSameBytes) {
  const DataType type = MakeType(TypeKind::kString);
  auto bytes =
      EncodeBinaryArray({{std::string(100, 'a')}, {std::string(100, 'b')}}, type, RowFormat::kCompacted).ValueOrDie();
  EXPECT_TRUE(DecodeBinaryArray(bytes, type, RowFormat::kCompacted).ok());
  for (const size_t slot : {8, 16}) bytes[slot] = 200, bytes[slot + 4] = 24;
  EXPECT_EQ(CodeOf(DecodeBinaryArray(bytes, type, RowFormat::kCompacted).status()), ErrorCode::kCorruptRecord);
}

}  // namespace
}  // namespace thalweg::format
