#include "thalweg/log/segment_index.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace thalweg::log {
namespace {

/// Batches of 100 bytes and 3 offsets each, a millisecond apart.
SegmentIndex IndexOf(uint32_t batches, uint32_t interval_bytes) {
  SegmentIndex index({}, interval_bytes);
  for (uint32_t i = 0; i < batches; ++i) {
    index.Add({.offset_delta = 3 * i, .position = 100 * i, .timestamp_ms = 1000 + i});
  }
  return index;
}

TEST(SegmentIndexTest, AnEntryForEachInterval) {
  const SegmentIndex index = IndexOf(10, 250);
  ASSERT_EQ(index.entries().size(), 3u);
  EXPECT_EQ(index.entries()[0].position, 300u);
  EXPECT_EQ(index.entries()[2].position, 900u);
  EXPECT_EQ(index.AtOrBelowOffset(8).position, 0u);
  EXPECT_EQ(index.AtOrBelowOffset(9).position, 300u);
  EXPECT_EQ(index.AtOrBelowOffset(1000).position, 900u);
  EXPECT_EQ(index.AtOrBelowPosition(899).position, 600u);
  EXPECT_EQ(index.BeforeTimestamp(1003).position, 0u);
  EXPECT_EQ(index.BeforeTimestamp(1004).position, 300u);
}

TEST(SegmentIndexTest, TheFilesAreFlusss) {
  const SegmentIndex index = IndexOf(4, 250);
  EXPECT_EQ(index.EncodeOffsets(), std::string("\0\0\0\x09\0\0\x01\x2c", 8));
  EXPECT_EQ(index.EncodeTimes(), std::string("\0\0\0\0\0\0\x03\xeb\0\0\0\x09", 12));
  EXPECT_EQ(index.EncodeOffsets(1), "");
}

TEST(SegmentIndexTest, WhatIsReadIsWhatWasWritten) {
  const SegmentIndex index = IndexOf(1000, 250);
  const auto read = SegmentIndex::Decode(AsBytes(index.EncodeOffsets()), AsBytes(index.EncodeTimes()), 100'000, 250);
  ASSERT_EQ(read.entries().size(), index.entries().size());
  for (size_t i = 0; i < read.entries().size(); ++i) {
    EXPECT_EQ(read.entries()[i].offset_delta, index.entries()[i].offset_delta);
    EXPECT_EQ(read.entries()[i].position, index.entries()[i].position);
    EXPECT_EQ(read.entries()[i].timestamp_ms, index.entries()[i].timestamp_ms);
  }
  const auto cut = SegmentIndex::Decode(AsBytes(index.EncodeOffsets()), AsBytes(index.EncodeTimes()), 901, 250);
  EXPECT_EQ(cut.last().position, 900u);
}

TEST(SegmentIndexTest, StaysBounded) {
  constexpr uint32_t kBatches = 5 * SegmentIndex::kEntriesMax;
  const SegmentIndex index = IndexOf(kBatches, 1);
  EXPECT_LE(index.entries().size(), SegmentIndex::kEntriesMax);
  EXPECT_GE(index.entries().size(), SegmentIndex::kEntriesMax / 2);
  EXPECT_EQ(index.thinnings(), 3u);
  for (uint32_t i = 0; i < kBatches; ++i) {
    const IndexEntry& floor = index.AtOrBelowOffset(3 * i);
    ASSERT_LE(floor.position, 100 * i);
    ASSERT_GE(floor.position + 1600, 100 * i) << "entries lie more than two intervals apart";
    ASSERT_EQ(floor.position / 100, floor.offset_delta / 3);
  }
}

TEST(SegmentIndexTest, GoesOnWithWhatWasAddedAfterARestart) {
  SegmentIndex index = IndexOf(10, 250);
  SegmentIndex later({.offset_delta = 30, .position = 1000, .timestamp_ms = 1010}, 250);
  for (uint32_t i = 10; i < 20; ++i) later.Add({.offset_delta = 3 * i, .position = 100 * i, .timestamp_ms = 1000 + i});
  index.Extend(later);
  EXPECT_EQ(index.AtOrBelowOffset(59).offset_delta, 57u);
  EXPECT_EQ(index.last().timestamp_ms, 1019);
}

}  // namespace
}  // namespace thalweg::log
