#include "thalweg/app/memory_shares.h"

#include "gtest/gtest.h"
#include "thalweg/log/segment_index.h"

namespace thalweg::app {
namespace {

uint64_t Sum(const MemoryShares& shares, size_t shards) {
  return shares.requests + shares.answers + 2 * shares.unwritten + shares.in_flight * shards + shares.kv_dirty +
         shares.kv_block_cache + shares.kv_write_buffers + shares.queries +
         shares.segment_indexes * log::SegmentIndex::kEntriesMax * sizeof(log::IndexEntry) +
         static_cast<uint64_t>(shares.connections) * (6 << 10) + shares.remote_reads + shares.remote_indexes +
         static_cast<uint64_t>(shares.remote_copiers) * (24 << 20);
}

TEST(MemorySharesTest, TheyStayWithinTheBudgetWhateverItIs) {
  for (const uint64_t budget : {kMemoryBudgetMin, 2 * kMemoryBudgetMin, uint64_t{1} << 30, uint64_t{64} << 30}) {
    for (const size_t shards : {1, 2, 8}) {
      EXPECT_LE(Sum(ShareOut(budget, shards, false), shards), budget * 7 / 8) << budget << " over " << shards;
      EXPECT_LE(Sum(ShareOut(budget, shards, true), shards), budget * 15 / 16) << budget << " over " << shards;
    }
  }
}

TEST(MemorySharesTest, TheLargestRequestFitsIntoTheSmallestBudget) {
  EXPECT_GE(ShareOut(kMemoryBudgetMin, 4, true).requests, uint64_t{100} << 20);
}

TEST(MemorySharesTest, MoreThanEnoughIsNotTaken) {
  const MemoryShares shares = ShareOut(uint64_t{1} << 40, 4, true);
  EXPECT_EQ(shares.requests, uint64_t{256} << 20);
  EXPECT_EQ(shares.unwritten, uint64_t{64} << 20);
  EXPECT_EQ(shares.connections, 20'000);
  EXPECT_EQ(shares.remote_reads, uint64_t{128} << 20);
  EXPECT_EQ(shares.remote_copiers, 16);
}

TEST(MemorySharesTest, SqlTakesHalfAsMuchAgain) {
  for (const uint64_t budget : {kMemoryBudgetMin, 3 * kMemoryBudgetMin, uint64_t{12} << 30, uint64_t{64} << 30}) {
    const SqlShares shares = SqlSharesOf(budget);
    EXPECT_GE(shares.sessions, 1u);
    EXPECT_GE(shares.session_bytes, uint64_t{64} << 20);
    EXPECT_LE(shares.sessions * shares.session_bytes, budget / 2);
  }
  EXPECT_EQ(SqlSharesOf(uint64_t{64} << 30).session_bytes, uint64_t{512} << 20);
}

TEST(MemorySharesTest, TheDefaultIsAShareOfTheMachine) {
  EXPECT_GE(DefaultMemoryBudget(), kMemoryBudgetMin);
  EXPECT_LT(DefaultMemoryBudget(), uint64_t{1} << 50) << "no limit was taken for one";
}

}  // namespace
}  // namespace thalweg::app
