#include "thalweg/format/kv_batch.h"

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/crc32c.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/hex_internal.h"
#include "thalweg/format/kv_vectors_internal.h"
#include "thalweg/format/value_batch.h"

namespace thalweg::format {
namespace {

using testing::ElementsAre;

constexpr std::string_view kOnePut =
    "22000000 00 d23b5c7e 0100 00 ffffffffffffffff ffffffff 01000000 06000000 01 01 00010161";
constexpr std::string_view kOneDelete =
    "1e000000 00 00c757b0 0100 00 ffffffffffffffff ffffffff 01000000 02000000 01 01";

arrow::Status ReadAll(ByteView bytes, std::vector<KvRecord>* records) {
  records->clear();
  ARROW_ASSIGN_OR_RAISE(const KvBatchView batch, ParseKvBatch(bytes));
  for (KvRecordIterator it(batch); !it.AtEnd();) {
    ARROW_ASSIGN_OR_RAISE(records->emplace_back(), it.Next());
  }
  return arrow::Status::OK();
}

TEST(KvBatchTest, WritesAndReadsTheReferenceVectors) {
  const auto key = FromHex("01"), row = FromHex("00010161");
  KvBatchBuilder builder;
  builder.Append(key, row);
  EXPECT_EQ(builder.record_count(), 1);
  const auto put = FromHex(kOnePut);
  EXPECT_EQ(ToHex(builder.Finish(SchemaId(1), kNoWriter, -1)), ToHex(put));
  builder.Start();
  builder.Append(key, {});
  EXPECT_EQ(ToHex(builder.Finish(SchemaId(1), kNoWriter, -1)), ToHex(FromHex(kOneDelete)));

  const KvBatchView batch = ParseKvBatch(put).ValueOrDie();
  EXPECT_TRUE(VerifyKvCrc(batch).ok());
  EXPECT_EQ(batch.schema_id, SchemaId(1));
  EXPECT_EQ(batch.record_count, 1);
  EXPECT_EQ(batch.batch_sequence, -1);
  KvRecordIterator it(batch);
  const KvRecord record = it.Next().ValueOrDie();
  EXPECT_EQ(ToHex(record.key), "01");
  EXPECT_EQ(ToHex(record.row.value()), "00010161");
  EXPECT_TRUE(it.AtEnd());
}

TEST(KvBatchTest, ReadsAndWritesWhatJavaWrote) {
  const auto bytes = FromHex(kKvBatch);
  const KvBatchView batch = ParseKvBatch(bytes).ValueOrDie();
  EXPECT_TRUE(VerifyKvCrc(batch).ok());
  EXPECT_EQ(batch.schema_id, SchemaId(3));
  EXPECT_EQ(batch.writer_id, WriterId(77));
  EXPECT_EQ(batch.batch_sequence, 5);
  std::vector<KvRecord> records;
  ASSERT_TRUE(ReadAll(bytes, &records).ok());
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(ToHex(records[0].key), "01");
  EXPECT_EQ(ToHex(records[1].key), "feffffff0f");
  EXPECT_FALSE(records[1].row.has_value());
  EXPECT_TRUE(records[2].row.has_value());
  KvBatchBuilder builder;
  for (const KvRecord& record : records) builder.Append(record.key, record.row);
  EXPECT_EQ(ToHex(builder.Finish(SchemaId(3), WriterId(77), 5)), kKvBatch);
}

TEST(KvBatchTest, AnEmptyBatchIsOne) {
  KvBatchBuilder builder;
  std::vector<KvRecord> records;
  EXPECT_TRUE(ReadAll(builder.Finish(SchemaId(1), WriterId(1), 0), &records).ok());
  EXPECT_TRUE(records.empty());
}

TEST(KvBatchTest, EveryFlippedBitIsFound) {
  const auto good = FromHex(kKvBatch);
  std::vector<KvRecord> records;
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bytes = good;
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    const auto batch = ParseKvBatch(bytes);
    const arrow::Status status = batch.ok() ? VerifyKvCrc(*batch) : batch.status();
    EXPECT_EQ(CodeOf(status), ErrorCode::kCorruptRecord) << bit;
  }
}

TEST(KvBatchTest, RefusesWhatIsNoBatch) {
  const auto good = FromHex(kKvBatch);
  std::vector<KvRecord> records;
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(CodeOf(ReadAll(ByteView(good).first(size), &records)), ErrorCode::kCorruptRecord) << size;
  }
  auto longer = good;
  longer.push_back(0);
  EXPECT_EQ(CodeOf(ReadAll(longer, &records)), ErrorCode::kCorruptRecord);
  auto fewer = good;
  fewer[kKvRecordCountAt] = 2;
  EXPECT_EQ(CodeOf(ReadAll(fewer, &records)), ErrorCode::kCorruptRecord) << "bytes are left";
  fewer[kKvRecordCountAt] = 0;
  EXPECT_EQ(CodeOf(ReadAll(fewer, &records)), ErrorCode::kCorruptRecord);
  auto more = good;
  more[kKvRecordCountAt] = 4;
  EXPECT_EQ(CodeOf(ReadAll(more, &records)), ErrorCode::kCorruptRecord);
  more[kKvRecordCountAt + 3] = 0x7F;
  EXPECT_EQ(CodeOf(ReadAll(more, &records)), ErrorCode::kCorruptRecord);
}

TEST(KvBatchTest, NoByteLeadsOutOfTheBatch) {
  const auto good = FromHex(kKvBatch);
  std::mt19937 random(31);
  std::vector<KvRecord> records;
  int refused = 0;
  for (int round = 0; round < 5000; ++round) {
    auto bytes = good;
    for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
    bytes.shrink_to_fit();
    const arrow::Status status = ReadAll(bytes, &records);
    refused += !status.ok();
    if (!status.ok()) EXPECT_EQ(CodeOf(status), ErrorCode::kCorruptRecord);
  }
  EXPECT_GT(refused, 1000);
}

TEST(KvBatchTest, RandomRecordsComeBack) {
  std::mt19937 random(32);
  KvBatchBuilder builder;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::pair<std::string, std::optional<std::string>>> wanted;
    builder.Start();
    for (uint32_t i = 0, count = random() % 20; i < count; ++i) {
      std::string key(random() % 300, static_cast<char>(random()));
      std::optional<std::string> row;
      if (random() % 4 != 0) row.emplace(1 + random() % 200, static_cast<char>(random()));
      builder.Append(AsBytes(key), row ? std::optional(AsBytes(*row)) : std::nullopt);
      wanted.emplace_back(std::move(key), std::move(row));
    }
    const ByteView bytes = builder.Finish(SchemaId(2), WriterId(9), round);
    EXPECT_TRUE(VerifyKvCrc(ParseKvBatch(bytes).ValueOrDie()).ok());
    std::vector<KvRecord> records;
    ASSERT_TRUE(ReadAll(bytes, &records).ok());
    ASSERT_EQ(records.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_EQ(AsText(records[i].key), wanted[i].first);
      ASSERT_EQ(records[i].row.has_value(), wanted[i].second.has_value());
      if (records[i].row) EXPECT_EQ(AsText(*records[i].row), *wanted[i].second);
    }
  }
}

TEST(ValueBatchTest, WritesAndReadsWhatJavaWrote) {
  std::vector<uint8_t> value;
  EncodeStoredValue(SchemaId(3), FromHex("00010161"), &value);
  EXPECT_EQ(ToHex(value), kKvValue);
  const StoredValue stored = ParseStoredValue(value).ValueOrDie();
  EXPECT_EQ(stored.schema_id, SchemaId(3));
  EXPECT_EQ(ToHex(stored.row), "00010161");
  EXPECT_EQ(CodeOf(ParseStoredValue(ByteView(value).first(1)).status()), ErrorCode::kCorruptRecord);

  const auto java = FromHex(kValueBatch);
  const auto values = ParseValueBatch(java).ValueOrDie();
  ASSERT_EQ(values.size(), 2u);
  EXPECT_EQ(ToHex(values[0]), kKvValue);
  ValueBatchBuilder builder;
  for (const ByteView each : values) builder.Append(each);
  EXPECT_EQ(builder.bytes(), java.size());
  EXPECT_EQ(ToHex(builder.Finish()), kValueBatch);
  builder.Start();
  EXPECT_TRUE(ParseValueBatch(builder.Finish()).ValueOrDie().empty());
  for (size_t size = 0; size < java.size(); ++size) {
    EXPECT_EQ(CodeOf(ParseValueBatch(ByteView(java).first(size)).status()), ErrorCode::kCorruptRecord) << size;
  }
}

}  // namespace
}  // namespace thalweg::format
