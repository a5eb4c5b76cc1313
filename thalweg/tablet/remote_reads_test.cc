#include "thalweg/tablet/remote_reads.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/tablet/test_tiering_internal.h"
#include "thalweg/testing/sim_clock.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::tablet {
namespace {

using testing::MemoryFileSystem;

class RemoteReadsTest : public ::testing::Test {
 protected:
  arrow::Result<RemoteReads::Pass> Enter(int64_t bytes, int64_t wait_ms = 0) {
    return scheduler_.Await(reads_.Enter(bytes, wait_ms, pool_));
  }
  void Wait(int64_t ms) { scheduler_.RunFor(std::chrono::milliseconds(ms)); }

  testing::SimScheduler scheduler_{1};
  testing::SimClock clock_{scheduler_};
  runtime::Executor& pool_ = scheduler_.MakePool("pool");
  std::vector<std::string> reports_;
  RemoteReads reads_{clock_, 1000, [this](const std::string& text) { reports_.push_back(text); }};
  const arrow::Status failed_ = Error(ErrorCode::kStorage, "no answer");
};

TEST_F(RemoteReadsTest, MemoryIsCountedUntilTheLastPieceIsGone) {
  Bytes piece;
  {
    auto pass = Enter(600).ValueOrDie();
    EXPECT_EQ(reads_.memory_bytes(), 600);
    EXPECT_EQ(CodeOf(Enter(600).status()), ErrorCode::kStorage);
    reads_.Leave(pass, arrow::Status::OK());
    const Bytes window = pass.Hold(Bytes::Copy(AsBytes(std::string(400, 'x'))));
    piece = window.Slice(100, 10);
  }
  EXPECT_EQ(reads_.memory_bytes(), 400) << "a slice keeps all of it";
  EXPECT_TRUE(Enter(600).ok());
  piece = {};
  EXPECT_EQ(reads_.memory_bytes(), 0);
}

TEST_F(RemoteReadsTest, WhoHasToWaitGetsInWhenThereIsRoom) {
  auto first = std::make_unique<RemoteReads::Pass>(Enter(1000).ValueOrDie());
  pool_.PostAfter(std::chrono::milliseconds(300), [&] { first.reset(); });
  EXPECT_TRUE(Enter(1000, 2000).ok());
}

TEST_F(RemoteReadsTest, AReadOfMoreThanThereIsGetsThroughAlone) {
  auto large = Enter(5000);
  ASSERT_TRUE(large.ok());
  EXPECT_FALSE(Enter(1).ok());
}

TEST_F(RemoteReadsTest, OnceTheStoreIsSilentOnlyOneAsksItNowAndThen) {
  auto slow = Enter(10).ValueOrDie();
  auto also_slow = Enter(10).ValueOrDie();
  Wait(3000);
  reads_.Leave(slow, failed_);
  reads_.Leave(also_slow, failed_);
  EXPECT_THAT(reports_, ::testing::ElementsAre(::testing::HasSubstr("does not answer")));
  EXPECT_EQ(CodeOf(Enter(10).status()), ErrorCode::kStorage) << "at once";
  Wait(6000);
  auto probe = Enter(10);
  ASSERT_TRUE(probe.ok()) << probe.status();
  EXPECT_FALSE(Enter(10).ok()) << "one is enough";
  Wait(3000);
  reads_.Leave(*probe, failed_);
  EXPECT_FALSE(Enter(10).ok());
  Wait(6000);
  probe = Enter(10);
  ASSERT_TRUE(probe.ok());
  reads_.Leave(*probe, arrow::Status::OK());
  EXPECT_TRUE(Enter(10).ok());
  EXPECT_TRUE(Enter(10).ok());
  EXPECT_THAT(reports_, ::testing::ElementsAre(::testing::_, ::testing::HasSubstr("answers again")));
  EXPECT_EQ(reads_.failures(), 3u);
}

TEST_F(RemoteReadsTest, AnObjectThatIsMissingSaysNothingAboutTheStore) {
  for (int i = 0; i < 10; ++i) {
    auto pass = Enter(10).ValueOrDie();
    reads_.Leave(pass, failed_);
  }
  EXPECT_TRUE(Enter(10).ok());
  EXPECT_THAT(reports_, ::testing::IsEmpty());
}

TEST(RemoteAllowanceTest, TheReadsOfOneRequestShareIt) {
  RemoteAllowance allowance(100);
  EXPECT_EQ(allowance.Take(60), 60u);
  EXPECT_EQ(allowance.Take(60), 40u);
  EXPECT_EQ(allowance.Take(60), 0u);
  allowance.Settle(40, 10);
  EXPECT_EQ(allowance.Take(60), 30u);
  allowance.Settle(30, 500);  // one batch was larger
  EXPECT_EQ(allowance.Take(1), 0u);
}

TEST(EngineRemoteReadTest, ReadsTakeNoMoreMemoryThanThereIs) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories(".");
  TieredSim tiered(disk, 1, false);
  tiered.sim.options.tiering.read_bytes_max = 6'000;
  ASSERT_TRUE(tiered.Open());
  tiered.Append(18);
  std::vector<ReadResult> kept;
  while (kept.size() < 100) {
    ReadResult read = tiered.ReadRemote(0);
    if (!read.status.ok()) break;
    ASSERT_GT(read.bytes, 0u);
    kept.push_back(std::move(read));
  }
  EXPECT_GE(kept.size(), 1u);
  EXPECT_LE(kept.size(), 3u);
  EXPECT_EQ(CodeOf(tiered.ReadRemote(0).status), ErrorCode::kStorage) << "clients try that again";
  EXPECT_LE(tiered.sim.engine->stats().remote_read_memory_bytes, 8'000u) << "the last one may have needed more";
  EXPECT_GT(tiered.ReadRemote(13).bytes, 0u) << "what is here needs none of it";
  kept.clear();
  EXPECT_EQ(tiered.sim.engine->stats().remote_read_memory_bytes, 0u);
  tiered.ExpectAll(0, 18);
}

TEST(EngineRemoteReadTest, OneRequestReadsNoMoreThanItMaySend) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories(".");
  TieredSim tiered(disk, 1, false);
  ASSERT_TRUE(tiered.Open());
  tiered.Append(18);
  const auto allowance = std::make_shared<RemoteAllowance>(2'500);
  uint64_t bytes = 0;
  int with_records = 0;
  for (int i = 0; i < 10; ++i) {
    const ReadResult read = tiered.sim.Read({.bucket = TestBucket(0),
                                             .from = LogOffset(i),
                                             .bytes_max = 3000,
                                             .at_least_one = true,
                                             .remote_allowance = allowance});
    ASSERT_TRUE(read.status.ok()) << read.status;
    bytes += read.bytes;
    with_records += read.bytes > 0 ? 1 : 0;
  }
  EXPECT_GE(with_records, 1);
  EXPECT_LE(bytes, 2'500 + TieredSim::kBodyBytes + 100);
}

}  // namespace
}  // namespace thalweg::tablet
