#include "thalweg/journal/record.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

namespace thalweg::journal {
namespace {

constexpr std::string_view kPayload = "batches and statistics";

std::vector<uint8_t> Sealed(RecordHeader header) {
  std::vector<uint8_t> record(RecordBytes(kPayload.size()));
  std::ranges::copy(kPayload, record.begin() + kRecordHeaderBytes);
  header.length = kPayload.size();
  SealRecord(header, record.data());
  return record;
}

const RecordHeader kHeader{.epoch = 5,
                           .sequence = 0x1122334455,
                           .bucket = {TableId(7), PartitionId(-1), BucketId(12)},
                           .kind = RecordKind::kBatches,
                           .first_of_group = true,
                           .first = LogOffset(1'000'000'000'000),
                           .count = 17,
                           .statistics_bytes = 10};

TEST(RecordTest, ReadsWhatItWrote) {
  const auto record = Sealed(kHeader);
  const auto read = ParseRecord(record);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->length, kPayload.size());
  EXPECT_EQ(read->epoch, kHeader.epoch);
  EXPECT_EQ(read->sequence, kHeader.sequence);
  EXPECT_EQ(read->bucket, kHeader.bucket);
  EXPECT_EQ(read->kind, RecordKind::kBatches);
  EXPECT_TRUE(read->first_of_group);
  EXPECT_FALSE(read->last_of_group);
  EXPECT_EQ(read->first, kHeader.first);
  EXPECT_EQ(read->count, 17u);
  EXPECT_EQ(read->statistics_bytes, 10u);
}

TEST(RecordTest, EveryFlippedBitIsFound) {
  const auto good = Sealed(kHeader);
  for (size_t bit = 0; bit < (kRecordHeaderBytes + kPayload.size()) * 8; ++bit) {
    auto record = good;
    record[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(ParseRecord(record).has_value()) << "bit " << bit;
  }
}

TEST(RecordTest, ACutRecordIsNone) {
  const auto record = Sealed(kHeader);
  for (size_t bytes = 0; bytes < kRecordHeaderBytes + kPayload.size(); ++bytes) {
    EXPECT_FALSE(ParseRecord(ByteView(record).first(bytes)).has_value()) << bytes;
  }
  const std::vector<uint8_t> zeros(4096);
  EXPECT_FALSE(ParseRecord(zeros).has_value());
}

TEST(RecordTest, LayoutIsPinned) {
  const auto record = Sealed(kHeader);
  EXPECT_EQ(record[4], kPayload.size());
  EXPECT_EQ(record[8], 5);
  EXPECT_EQ(record[16], 0x55);
  EXPECT_EQ(record[24], 7);
  EXPECT_EQ(record[32], 0xFF);
  EXPECT_EQ(record[40], 12);
  EXPECT_EQ(record[44], 1);
  EXPECT_EQ(record[45], 1);
  EXPECT_EQ(record[56], 17);
  EXPECT_EQ(record[60], 10);
}

}  // namespace
}  // namespace thalweg::journal
