#include "thalweg/format/statistics.h"

#include <algorithm>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::format {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

void Put(std::vector<uint8_t>* out, std::initializer_list<uint8_t> bytes) { out->insert(out->end(), bytes); }

/// Two columns, positions 4 and 1, null counts 0 and 3; rows of 24 bytes.
std::vector<uint8_t> Block() {
  std::vector<uint8_t> block{1, 2, 0, 4, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0};
  for (const uint8_t fill : {0x11, 0x22}) {
    Put(&block, {24, 0, 0, 0});
    block.insert(block.end(), 24, fill);
  }
  return block;
}

std::vector<uint8_t> Body(uint8_t seed, size_t size) {
  std::vector<uint8_t> body(size);
  for (size_t i = 0; i < size; ++i) body[i] = static_cast<uint8_t>(seed + i * 7);
  return body;
}

std::vector<uint8_t> MakeBatch(uint8_t magic, const std::vector<uint8_t>& statistics, const std::vector<uint8_t>& body,
                               int32_t record_count) {
  BatchHeader header;
  header.magic = magic;
  header.schema_id = SchemaId(9);
  header.attributes = kAppendOnlyAttribute;
  header.writer_id = WriterId(5);
  header.batch_sequence = 11;
  header.record_count = record_count;
  // Magic 0 first, then the extra fields are put where the newer versions have them.
  std::vector<uint8_t> v0(kHeaderBytesV0);
  WriteHeaderV0(header, v0);
  std::vector<uint8_t> bytes(v0.begin(), v0.begin() + kCrcAtV0);
  if (magic == 2) Put(&bytes, {8, 0, 0, 0});
  bytes.insert(bytes.end(), v0.begin() + kCrcAtV0, v0.end());
  if (magic > 0) {
    bytes.resize(bytes.size() + sizeof(int32_t));
    StoreLittle(bytes.data() + bytes.size() - sizeof(int32_t), static_cast<int32_t>(statistics.size()));
    bytes.insert(bytes.end(), statistics.begin(), statistics.end());
  }
  bytes.insert(bytes.end(), body.begin(), body.end());
  bytes[kMagicAt] = magic;
  StoreLittle(bytes.data() + kLengthAt, static_cast<int32_t>(bytes.size() - kLengthPrefixBytes));
  StoreCrc(bytes);
  return bytes;
}

TEST(StatisticsViewTest, ReadsABlock) {
  const auto block = Block();
  const StatisticsView view = StatisticsView::Parse(block).ValueOrDie();
  EXPECT_EQ(view.column_count(), 2u);
  EXPECT_EQ(view.column(0), 4);
  EXPECT_EQ(view.null_count(1), 3);
  EXPECT_EQ(view.IndexOf(1), 1);
  EXPECT_EQ(view.IndexOf(2), -1);
  EXPECT_THAT(view.min_row(), ElementsAreArray(std::vector<uint8_t>(24, 0x11)));
  EXPECT_THAT(view.max_row(), ElementsAreArray(std::vector<uint8_t>(24, 0x22)));
}

TEST(StatisticsViewTest, RefusesEveryCutAndBadValues) {
  const auto block = Block();
  for (size_t size = 0; size < block.size(); ++size) {
    EXPECT_EQ(CodeOf(StatisticsView::Parse(ByteView(block).first(size)).status()), ErrorCode::kCorruptRecord) << size;
  }
  const auto refuses = [&](size_t at, uint8_t value) {
    auto bytes = block;
    bytes[at] = value;
    return !StatisticsView::Parse(bytes).ok();
  };
  EXPECT_TRUE(refuses(0, 2)) << "version";
  EXPECT_TRUE(refuses(2, 0x80)) << "column count";
  EXPECT_TRUE(refuses(4, 0x80)) << "position below zero";
  EXPECT_TRUE(refuses(5, 4)) << "position twice";
  EXPECT_TRUE(refuses(18, 0x80)) << "row size below zero";
}

TEST(DowngradeTest, KeepsTheBodyWhereItIs) {
  for (const uint8_t magic : {1, 2}) {
    const auto body = Body(3, 1000);
    auto bytes = MakeBatch(magic, Block(), body, 10);
    ASSERT_TRUE(ValidateForAppend(bytes, 1 << 20).ok());
    const DowngradedBatches result = DowngradeToV0(bytes);
    EXPECT_THAT(result.batches, ElementsAreArray(MakeBatch(0, {}, body, 10)));
    EXPECT_EQ(result.batches.data() + result.batches.size(), bytes.data() + bytes.size());
    ASSERT_EQ(result.statistics.size(), 1u);
    EXPECT_THAT(result.statistics[0].statistics.block.view(), ElementsAreArray(Block()));
    EXPECT_EQ(result.statistics[0].statistics.schema_id, SchemaId(9));
    EXPECT_EQ(result.statistics[0].statistics.record_count, 10);
  }
}

TEST(DowngradeTest, ClosesTheGapsBetweenBatches) {
  const std::vector<std::vector<uint8_t>> bodies{Body(1, 100), Body(2, 3), {}, Body(4, 200), Body(5, 50)};
  const std::vector<uint8_t> magics{1, 0, 1, 2, 1};
  std::vector<uint8_t> bytes, expected;
  for (size_t i = 0; i < bodies.size(); ++i) {
    const int32_t count = bodies[i].empty() ? 0 : 4;
    const auto statistics = i == 4 ? std::vector<uint8_t>{1, 2, 3} : i == 2 ? std::vector<uint8_t>{} : Block();
    const auto batch = MakeBatch(magics[i], statistics, bodies[i], count);
    const auto plain = MakeBatch(0, {}, bodies[i], count);
    bytes.insert(bytes.end(), batch.begin(), batch.end());
    expected.insert(expected.end(), plain.begin(), plain.end());
  }
  const DowngradedBatches result = DowngradeToV0(bytes);
  EXPECT_THAT(result.batches, ElementsAreArray(expected));
  EXPECT_TRUE(ValidateForAppend(result.batches, 1 << 20).ok());
  std::vector<int32_t> with_statistics;
  for (const auto& entry : result.statistics) with_statistics.push_back(entry.index);
  EXPECT_THAT(with_statistics, ElementsAre(0, 3)) << "unreadable statistics are dropped";
}

}  // namespace
}  // namespace thalweg::format
