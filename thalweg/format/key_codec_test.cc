#include "thalweg/format/key_codec.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/format/random_datum_internal.h"
#include "thalweg/format/row_writer.h"

namespace thalweg::format {
namespace {

using schema::DataType;
using schema::LakeFormat;
using schema::MakeType;
using schema::TypeKind;
using testing::ElementsAre;

constexpr auto kCompacted = KeyFormat::kCompacted, kPaimon = KeyFormat::kPaimon, kIceberg = KeyFormat::kIceberg;

schema::TableConfig ConfigOf(std::optional<LakeFormat> lake, std::optional<int32_t> version) {
  schema::TableConfig config;
  config.lake_format = lake;
  config.kv_format_version = version;
  return config;
}

TEST(KeyFormatTest, FollowsLakeVersionAndBucketKey) {
  const auto format = [](std::optional<LakeFormat> lake, std::optional<int32_t> version, bool is_default) {
    return PrimaryKeyFormat(ConfigOf(lake, version), is_default).ValueOrDie();
  };
  for (const bool is_default : {true, false}) {
    for (const std::optional<int32_t> version : {std::optional<int32_t>(), std::optional(1), std::optional(2)}) {
      EXPECT_EQ(format({}, version, is_default), kCompacted);
      EXPECT_EQ(format(LakeFormat::kLance, version, is_default), kCompacted);
      EXPECT_EQ(format(LakeFormat::kHudi, version, is_default), kCompacted);
      const bool lakes_own = version != 2 || is_default;
      EXPECT_EQ(format(LakeFormat::kPaimon, version, is_default), lakes_own ? kPaimon : kCompacted);
      EXPECT_EQ(format(LakeFormat::kIceberg, version, is_default), lakes_own ? kIceberg : kCompacted);
    }
  }
  EXPECT_EQ(CodeOf(PrimaryKeyFormat(ConfigOf({}, 3), true).status()), ErrorCode::kInvalidConfig);
  EXPECT_EQ(BucketKeyFormat(LakeFormat::kIceberg).ValueOrDie(), kIceberg);
  EXPECT_EQ(BucketFunctionOf(LakeFormat::kPaimon).ValueOrDie(), BucketFunction::kPaimon);
  EXPECT_EQ(BucketFunctionOf({}).ValueOrDie(), BucketFunction::kFluss);
  EXPECT_EQ(CodeOf(BucketKeyFormat(LakeFormat::kHudi).status()), ErrorCode::kUnsupportedVersion);
}

/// A table with `key` as the types of its primary key, behind a column that is none.
schema::TableDescriptor Keyed(const std::vector<DataType>& key) {
  schema::Schema::Parts parts;
  parts.columns.push_back({.name = "other", .type = MakeType(TypeKind::kDouble)});
  for (size_t i = 0; i < key.size(); ++i) {
    parts.primary_key.push_back("k" + std::to_string(i));
    parts.columns.push_back({.name = parts.primary_key.back(), .type = NotNull(key[i])});
  }
  schema::TableDescriptor table;
  table.schema = schema::Schema::Make(std::move(parts)).ValueOrDie();
  EXPECT_TRUE(table.Normalize().ok());
  return table;
}

/// Encodes rows of random keys in both row formats, and decodes the keys.
void CheckRoundTrips(const schema::TableDescriptor& table, std::optional<LakeFormat> lake) {
  const KeyCodec codec = KeyCodec::ForPrimaryKey(table, ConfigOf(lake, 2)).ValueOrDie();
  RandomDatum random(41);
  for (int round = 0; round < 50; ++round) {
    std::vector<Datum> values;
    for (const auto& column : table.schema.columns()) values.push_back(random.Make(column.type));
    std::vector<uint8_t> keys[2];
    for (const RowFormat format : {RowFormat::kCompacted, RowFormat::kIndexed}) {
      const RowLayout layout(format, table.schema);
      const auto bytes = EncodeRow(format, values, layout.types()).ValueOrDie();
      RowView row;
      ASSERT_TRUE(row.Reset(layout, bytes).ok());
      std::vector<uint8_t>& key = keys[static_cast<size_t>(format)];
      ASSERT_TRUE(codec.Encode(row, &key).ok());
      const auto decoded = codec.Decode(key);
      ASSERT_TRUE(decoded.ok()) << decoded.status();
      ASSERT_EQ(decoded->size(), codec.columns().size());
      for (size_t i = 0; i < decoded->size(); ++i) {
        EXPECT_TRUE((*decoded)[i] == values[codec.columns()[i]]) << layout.type(codec.columns()[i]).ToString();
      }
    }
    EXPECT_EQ(keys[0], keys[1]);
  }
}

TEST(KeyCodecTest, EveryTypeComesBack) {
  CheckRoundTrips(Keyed(Scalars()), {});
  CheckRoundTrips(Keyed(Scalars()), LakeFormat::kPaimon);
  for (const DataType& type : {MakeType(TypeKind::kInt), MakeType(TypeKind::kDate), MakeType(TypeKind::kString),
                               MakeType(TypeKind::kBytes), schema::MakeDecimal(30, 2)}) {
    CheckRoundTrips(Keyed({type}), LakeFormat::kIceberg);
  }
}

TEST(KeyCodecTest, IcebergsTimesLoseNanoseconds) {
  const auto table = Keyed({schema::MakeTime(TypeKind::kTimestamp, 6)});
  const KeyCodec codec = KeyCodec::ForPrimaryKey(table, ConfigOf(LakeFormat::kIceberg, 1)).ValueOrDie();
  for (const TimestampValue time : {TimestampValue{12, 345'000}, TimestampValue{-1, 999'000}, TimestampValue{-5, 0}}) {
    const Datum value{time};
    const auto type = NotNull(schema::MakeTime(TypeKind::kTimestamp, 6));
    const auto key = EncodeKey(kIceberg, {&value, 1}, {&type, 1}).ValueOrDie();
    EXPECT_TRUE(codec.Decode(key).ValueOrDie()[0] == value);
  }
}

TEST(KeyCodecTest, LeavesOutThePartition) {
  auto table = Keyed({MakeType(TypeKind::kString), MakeType(TypeKind::kInt), MakeType(TypeKind::kInt)});
  table.partition_keys = {"k0"};
  table.bucket_keys = {"k1"};
  ASSERT_TRUE(table.Normalize().ok());
  EXPECT_THAT(KeyCodec::ForPrimaryKey(table, {}).ValueOrDie().columns(), ElementsAre(2, 3));
  EXPECT_THAT(KeyCodec::ForBucketKey(table, {}).ValueOrDie().columns(), ElementsAre(2));
}

TEST(KeyCodecTest, RefusesDamagedKeys) {
  RandomDatum random(42);
  for (const std::optional<LakeFormat> lake : {std::optional<LakeFormat>(), std::optional(LakeFormat::kPaimon)}) {
    const auto table = Keyed(Scalars());
    const KeyCodec codec = KeyCodec::ForPrimaryKey(table, ConfigOf(lake, 2)).ValueOrDie();
    std::vector<Datum> values;
    for (const DataType& type : Scalars()) values.push_back(random.Make(NotNull(type)));
    const auto types = Scalars();
    const auto good = EncodeKey(codec.format(), values, types).ValueOrDie();
    int refused = 0;
    for (int round = 0; round < 2000; ++round) {
      auto key = good;
      for (int i = 0; i < 3; ++i) key[random.Below(key.size())] = static_cast<uint8_t>(random.Below(256));
      if (random.Below(3) == 0) key.resize(random.Below(key.size()));
      key.shrink_to_fit();
      const auto decoded = codec.Decode(key);
      refused += !decoded.ok();
      if (!decoded.ok()) EXPECT_EQ(CodeOf(decoded.status()), ErrorCode::kCorruptRecord);
    }
    EXPECT_GT(refused, 500);
  }
  const KeyCodec number = KeyCodec::ForPrimaryKey(Keyed({MakeType(TypeKind::kInt)}), {}).ValueOrDie();
  EXPECT_EQ(CodeOf(number.Decode(std::vector<uint8_t>{1, 2}).status()), ErrorCode::kCorruptRecord) << "too long";
}

TEST(KeyCodecTest, KeysAreNeverNull) {
  const auto table = Keyed({MakeType(TypeKind::kInt)});
  const KeyCodec codec = KeyCodec::ForPrimaryKey(table, {}).ValueOrDie();
  const RowLayout layout(RowFormat::kCompacted, table.schema);
  RowView row;
  const std::vector<uint8_t> nothing{0x03};
  ASSERT_TRUE(row.Reset(layout, nothing).ok());
  std::vector<uint8_t> key;
  EXPECT_EQ(CodeOf(codec.Encode(row, &key)), ErrorCode::kInvalidTable);
}

TEST(KeyCodecTest, KeysLoseTheZerosThatIndexedRowsDoNotKeep) {
  using namespace std::string_literals;
  const std::vector<std::vector<DataType>> keys = {
      {schema::MakeBinary(3)}, {schema::MakeChar(3)}, {schema::MakeBinary(3), MakeType(TypeKind::kInt)}};
  for (const auto lake :
       {std::optional<LakeFormat>(), std::optional(LakeFormat::kPaimon), std::optional(LakeFormat::kIceberg)}) {
    for (const auto& types : keys) {
      if (lake == LakeFormat::kIceberg && types.size() > 1) continue;
      const auto table = Keyed(types);
      auto config = ConfigOf(lake, 2);
      EXPECT_FALSE(KeyCodec::ForPrimaryKey(table, config)->drops_zeros()) << "COMPACTED rows keep them";
      config.kv_format = schema::KvFormat::kIndexed;
      const KeyCodec codec = KeyCodec::ForPrimaryKey(table, config).ValueOrDie();
      ASSERT_TRUE(codec.drops_zeros());
      for (const std::string& text : {"ab\0"s, "a\0b"s, "\0\0\0"s, ""s, "abc"s}) {
        const std::vector<Datum> values = {Datum{1.5}, Datum{text}, Datum{int64_t{256}}};
        const RowLayout layout(RowFormat::kIndexed, table.schema);
        const auto bytes =
            EncodeRow(RowFormat::kIndexed, std::span(values).first(1 + types.size()), layout.types()).ValueOrDie();
        RowView row;
        ASSERT_TRUE(row.Reset(layout, bytes).ok());
        std::vector<uint8_t> of_row, stored;
        ASSERT_TRUE(codec.Encode(row, &of_row).ok());
        const auto sent = EncodeKey(codec.format(), std::span(values).subspan(1, types.size()),
                                    std::span(layout.types()).subspan(1, types.size()));
        codec.DropZeros(*sent, &stored);
        EXPECT_EQ(stored, of_row);
        codec.DropZeros(of_row, &stored);
        EXPECT_EQ(stored, of_row) << "once is enough";
      }
    }
  }
  const KeyCodec codec = KeyCodec::ForPrimaryKey(Keyed(keys[2]),
                                                 [] {
                                                   auto config = ConfigOf({}, 2);
                                                   config.kv_format = schema::KvFormat::kIndexed;
                                                   return config;
                                                 }())
                             .ValueOrDie();
  std::vector<uint8_t> stored;
  codec.DropZeros(AsBytes("\x09no key"), &stored);
  EXPECT_EQ(AsText(stored), "\x09no key");
}

}  // namespace
}  // namespace thalweg::format
