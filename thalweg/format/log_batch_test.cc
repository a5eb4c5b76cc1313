#include "thalweg/format/log_batch.h"

#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/format/hex_internal.h"

namespace thalweg::format {
namespace {

constexpr std::string_view kEmptyBatch =
    "0000000000000000 24000000 00 0000000000000000 1f2b1728 0100 00 00000000 ffffffffffffffff ffffffff 00000000";
constexpr std::string_view kOneRowBatch =
    "0000000000000000 2d000000 00 0000000000000000 1912186b 0100 01 00000000 ffffffffffffffff ffffffff 01000000 "
    "05000000 00 00010161";

std::vector<uint8_t> Joined(const std::vector<std::vector<uint8_t>>& parts) {
  std::vector<uint8_t> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

TEST(LogBatchTest, ReadsTheReferenceVectors) {
  const auto bytes = FromHex(kOneRowBatch);
  const LogBatchView batch = ParseBatch(bytes).ValueOrDie();
  EXPECT_TRUE(VerifyCrc(batch).ok());
  EXPECT_EQ(batch.header.schema_id, SchemaId(1));
  EXPECT_TRUE(batch.header.append_only());
  EXPECT_EQ(batch.header.record_count, 1);
  EXPECT_FALSE(batch.header.has_writer());
  EXPECT_EQ(batch.body().size(), 9u);

  const auto empty = FromHex(kEmptyBatch);
  const LogBatchView empty_batch = ParseBatch(empty).ValueOrDie();
  EXPECT_TRUE(VerifyCrc(empty_batch).ok());
  EXPECT_TRUE(empty_batch.empty());
  EXPECT_EQ(empty_batch.header.next_offset(), LogOffset(1)) << "a batch without records takes one offset";
}

TEST(LogBatchTest, WritesTheReferenceVector) {
  const auto expected = FromHex(kEmptyBatch);
  std::vector<uint8_t> bytes(kHeaderBytesV0);
  BatchHeader header;
  header.schema_id = SchemaId(1);
  WriteHeaderV0(header, bytes);
  StoreCrc(bytes);
  EXPECT_EQ(bytes, expected);
}

TEST(LogBatchTest, PlaceAndTimeAreOutsideTheCrc) {
  auto bytes = FromHex(kOneRowBatch);
  AssignOffset(bytes, LogOffset(77), 1'700'000'000'123);
  const LogBatchView batch = ParseBatch(bytes).ValueOrDie();
  EXPECT_TRUE(VerifyCrc(batch).ok());
  EXPECT_EQ(batch.header.base_offset, LogOffset(77));
  EXPECT_EQ(batch.header.next_offset(), LogOffset(78));
  EXPECT_EQ(batch.header.commit_timestamp_ms, 1'700'000'000'123);
}

TEST(LogBatchTest, EveryOtherFlippedBitIsFound) {
  const auto good = FromHex(kOneRowBatch);
  for (size_t bit = kCrcAtV0 * 8; bit < good.size() * 8; ++bit) {
    auto bytes = good;
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_EQ(CodeOf(ValidateForAppend(bytes, 1 << 20).status()), ErrorCode::kCorruptRecord) << bit;
  }
}

TEST(ValidateForAppendTest, CountsWhatWasSentAndCutsTheTail) {
  const auto one = FromHex(kOneRowBatch), empty = FromHex(kEmptyBatch);
  auto records = Joined({one, empty, one});
  const size_t whole = records.size();
  for (const size_t tail : {0, 5, 13, 48, 56}) {
    records.resize(whole);
    records.insert(records.end(), one.begin(), one.begin() + tail);
    const AppendSummary summary = ValidateForAppend(records, 1 << 20).ValueOrDie();
    EXPECT_EQ(summary.valid_bytes, whole) << tail;
    EXPECT_EQ(summary.batch_count, 3);
    EXPECT_EQ(summary.record_count, 2);
    EXPECT_EQ(summary.offset_count, 3);
  }
}

TEST(ValidateForAppendTest, RefusesWhatIsNoBatch) {
  const auto one = FromHex(kOneRowBatch);
  EXPECT_EQ(CodeOf(ValidateForAppend({}, 100).status()), ErrorCode::kCorruptRecord);
  EXPECT_EQ(CodeOf(ValidateForAppend(ByteView(one).first(50), 100).status()), ErrorCode::kCorruptRecord);
  EXPECT_EQ(CodeOf(ValidateForAppend(one, one.size() - 1).status()), ErrorCode::kRecordTooLarge);

  struct Damage {
    size_t at;
    uint8_t value;
  };
  for (const Damage damage :
       {Damage{kMagicAt, 3}, Damage{kLengthAt, 1}, Damage{kLengthAt + 3, 0x80},
        Damage{kCrcAtV0 + kRecordCountAfterCrc, 2}, Damage{kCrcAtV0 + kLastOffsetDeltaAfterCrc, 1},
        Damage{kCrcAtV0 + kRecordCountAfterCrc + 3, 0xFF}}) {
    auto bytes = one;
    bytes[damage.at] = damage.value;
    StoreCrc(bytes);
    EXPECT_EQ(CodeOf(ValidateForAppend(bytes, 1 << 20).status()), ErrorCode::kCorruptRecord) << damage.at;
  }
}

TEST(ValidateForAppendTest, RecordsWithoutACountAreRefused) {
  auto bytes = FromHex(kOneRowBatch);
  bytes[kCrcAtV0 + kRecordCountAfterCrc] = 0;
  StoreCrc(bytes);
  EXPECT_EQ(CodeOf(ValidateForAppend(bytes, 1 << 20).status()), ErrorCode::kCorruptRecord);
}

}  // namespace
}  // namespace thalweg::format
