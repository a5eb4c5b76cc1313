#include "thalweg/remote/segment_reader.h"

#include <algorithm>
#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/remote/test_segments_internal.h"

namespace thalweg::remote {
namespace {

class SegmentReaderTest : public ::testing::Test {
 protected:
  SegmentReaderTest() {
    all_.Append(150);
    segment_ = all_.Upload(0);
    for (const auto& batch : all_.batches) {
      if (BaseOf(batch.batch) < segment_.end) inside_.push_back(batch);
    }
    EXPECT_GT(inside_.size(), 40u);
  }

  static LogOffset BaseOf(const Bytes& batch) { return format::ParseHeader(batch.view()).ValueOrDie().base_offset; }
  RemoteBatches Read(int64_t from, uint64_t bytes_max, int64_t limit = INT64_MAX, bool statistics = false) {
    auto read = reader_.Read(LogAndStore::kFolder, segment_, LogOffset(from), LogOffset(limit), bytes_max, statistics);
    EXPECT_TRUE(read.ok()) << read.status();
    return read.ValueOr({});
  }

  LogAndStore all_;
  RemoteSegment segment_;
  std::vector<log::LogBatch> inside_;
  SegmentReader reader_{*all_.store};
};

TEST_F(SegmentReaderTest, ReadsFromAnyOffsetInPiecesOfAnySize) {
  for (const uint64_t bytes_max : {1, 700, 1500, 100'000}) {
    for (int64_t from = 0; from < segment_.end.value; ++from) {
      const RemoteBatches read = Read(from, bytes_max);
      ASSERT_FALSE(read.batches.empty());
      uint64_t bytes = 0;
      auto expected = inside_.begin() + from / 2;
      EXPECT_EQ(read.first, LogOffset(from / 2 * 2));
      for (const auto& batch : read.batches) {
        ASSERT_EQ(AsText(batch.bytes.view()), AsText(expected->batch.view()));
        bytes += batch.bytes.size();
        ++expected;
      }
      ASSERT_EQ(read.bytes, bytes);
      ASSERT_TRUE(read.batches.size() == 1 || bytes <= bytes_max);
      ASSERT_EQ(read.next, expected == inside_.end() ? segment_.end : BaseOf(expected->batch));
      if (bytes_max > 50'000) ASSERT_EQ(expected, inside_.end()) << "nothing is in the way";
    }
  }
}

TEST_F(SegmentReaderTest, KeepsToTheLimit) {
  EXPECT_EQ(Read(4, 100'000, 10).next, LogOffset(10));
  EXPECT_EQ(Read(4, 100'000, 9).next, LogOffset(8)) << "a batch that reaches beyond it is not given";
  EXPECT_TRUE(Read(4, 100'000, 5).batches.empty());
}

TEST_F(SegmentReaderTest, GivesStatisticsWhereAsked) {
  for (const auto& batch : Read(0, 100'000).batches) EXPECT_TRUE(batch.statistics.empty());
  for (const auto& batch : Read(0, 100'000, INT64_MAX, true).batches) {
    const int64_t base = BaseOf(batch.bytes).value;
    EXPECT_EQ(AsText(batch.statistics.view()), base % 3 == 0 ? fmt::format("statistics of {}", base) : "");
  }
}

TEST_F(SegmentReaderTest, FindsPlacesAndTimes) {
  uint64_t position = 0;
  for (const auto& batch : inside_) {
    const LogOffset base = BaseOf(batch.batch);
    for (const LogOffset offset : {base, base + 1}) {
      EXPECT_EQ(reader_.PositionOf(LogAndStore::kFolder, segment_, offset).ValueOrDie(), position);
    }
    const int64_t time = 1000 + 5 * base.value;
    const auto found = [&](int64_t ms) {
      return reader_.OffsetForTimestamp(LogAndStore::kFolder, segment_, ms).ValueOrDie();
    };
    EXPECT_EQ(found(time), base);
    EXPECT_EQ(found(time - 9), base);
    position += batch.batch.size();
  }
  EXPECT_EQ(reader_.OffsetForTimestamp(LogAndStore::kFolder, segment_, segment_.max_timestamp_ms + 1).ValueOrDie(),
            std::nullopt);
}

TEST_F(SegmentReaderTest, WorksWithoutAnIndex) {
  segment_.index_bytes = segment_.time_index_bytes = 0;  // as Fluss leaves them where a segment is small
  const RemoteBatches read = Read(31, 700);
  EXPECT_EQ(read.first, LogOffset(30));
  EXPECT_EQ(AsText(read.batches.front().bytes.view()), AsText(inside_[15].batch.view()));
}

TEST_F(SegmentReaderTest, DamageIsTold) {
  const std::string path = "remote/" + SegmentKey(LogAndStore::kFolder, segment_, "log");
  all_.disk.FlipBits(path, 0, 0xFF);
  const auto damaged = reader_.Read(LogAndStore::kFolder, segment_, LogOffset(0), LogOffset(100), 1000, false);
  EXPECT_EQ(CodeOf(damaged.status()), ErrorCode::kLogStorage) << damaged.status();
  ASSERT_TRUE(all_.disk.Remove(path).ok());
  EXPECT_FALSE(reader_.PositionOf(LogAndStore::kFolder, segment_, LogOffset(10)).ok());
}

TEST_F(SegmentReaderTest, TheCacheIsBounded) {
  SegmentReader small(*all_.store, 1);
  const RemoteSegment second = all_.Upload(segment_.end.value);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(small.PositionOf(LogAndStore::kFolder, segment_, LogOffset(10)).ok());
    EXPECT_TRUE(small.PositionOf(LogAndStore::kFolder, second, second.start + 10).ok());
  }
  EXPECT_LE(small.cached_segments(), 1u);
}

}  // namespace
}  // namespace thalweg::remote
