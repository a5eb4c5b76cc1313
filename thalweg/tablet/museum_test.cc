// What users of Apache Fluss hit when a server stopped, was killed or ran out of disk, each by the number of its issue
// (tests/museum/README.md lists them all). Written from the reports alone.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/tablet/test_engine_internal.h"

namespace thalweg::tablet {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MemoryFileSystem;
using testing::PowerLoss;
using ::testing::SizeIs;

class BugMuseum : public ::testing::Test {
 protected:
  void Fill(SimEngine& sim, int from, int count, int64_t run_ms = 0) {
    for (int i = from; i < from + count; ++i) {
      const auto answer = sim.Append(a_, {{.name = fmt::format("m{}", i), .writer = WriterId(7), .sequence = i}});
      ASSERT_TRUE(answer->ok()) << answer->result->status();
      sim.RunFor(run_ms);
    }
  }
  void ExpectFirst(SimEngine& sim, int count) {
    const auto all = sim.ReadAll(a_);
    ASSERT_THAT(all, SizeIs(count));
    for (int i = 0; i < count; ++i) EXPECT_EQ(all[static_cast<size_t>(i)].name, fmt::format("m{}", i));
  }

  MemoryFileSystem disk_;
  const TableBucket a_ = TestBucket(0);
};

/// A log was cut to nothing, or to a high watermark that lagged behind what had been acknowledged, when a server came back.
TEST_F(BugMuseum, Fluss596And674ARestartCutsNothingThatWasAcknowledged) {
  for (const PowerLoss loss : testing::kPowerLosses) {
    for (int64_t run_ms : {0, 150, 700}) {
      MemoryFileSystem disk;
      SimEngine sim(disk);
      ASSERT_TRUE(sim.Open().ok());
      Fill(sim, 0, 12, run_ms);
      const auto after = disk.PowerCut(loss, static_cast<uint64_t>(run_ms));
      SimEngine next(*after);
      ASSERT_TRUE(next.Open().ok());
      ExpectFirst(next, 12);
      EXPECT_EQ(next.BoundsOf(a_)->high_watermark, LogOffset(12));
    }
  }
}

/// A server always believed that it had been stopped in order, and took the writers' state of its last snapshot for the
/// latest one.
TEST_F(BugMuseum, Fluss671AfterAKillWritersAreKnownUpToTheirLastBatch) {
  SimEngine sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 0, 10, 300);
  sim.RunFor(5000);  // a checkpoint
  Fill(sim, 10, 4);  // and what it does not know
  const auto after = disk_.PowerCut(PowerLoss::kDropUnsynced);
  SimEngine next(*after);
  ASSERT_TRUE(next.Open().ok());
  const auto again = next.Append(a_, {{.name = "m13", .writer = WriterId(7), .sequence = 13}});
  ASSERT_TRUE(again->ok());
  EXPECT_EQ(again->base(), 13) << "recognised, with the offset that it got the first time";
  EXPECT_EQ(next.Append(a_, {{.name = "gap", .writer = WriterId(7), .sequence = 15}})->code(),
            ErrorCode::kOutOfOrderSequence);
  Fill(next, 14, 2);
  ExpectFirst(next, 16);
}

/// After a fail-over a writer's every batch was out of order, for ever (589, 703); so was it after a stop in order whose
/// snapshot of the writers was missing (705).
TEST_F(BugMuseum, Fluss589And703And705AWriterGoesOnAfterEveryKindOfStop) {
  std::unique_ptr<MemoryFileSystem> disk = disk_.PowerCut(PowerLoss::kKeepAll);
  int count = 0;
  for (const bool clean : {true, false, true, true, false, false}) {
    SimEngine sim(*disk, static_cast<uint64_t>(count) + 1);
    ASSERT_TRUE(sim.Open().ok());
    Fill(sim, count, 5, count % 3 * 200);
    count += 5;
    if (clean) sim.Stop();
    auto left = disk->PowerCut(PowerLoss::kDropUnsynced);
    if (clean && count == 15) ASSERT_TRUE(left->Remove("data/checkpoint").ok());
    sim.Stop(0);
    disk = std::move(left);
  }
  SimEngine last(*disk);
  ASSERT_TRUE(last.Open().ok());
  ExpectFirst(last, count);
}

/// Files of a table that had been dropped while the server was down stopped its start.
TEST_F(BugMuseum, Fluss1486WhatADroppedTableLeftDoesNotStopTheStart) {
  SimEngine sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 0, 8, 400);
  const TableBucket dropped = TestBucket(0, 2);
  ASSERT_TRUE(sim.Append(dropped, {{.name = "of the dropped"}})->ok());
  sim.RunFor(5000);
  ASSERT_TRUE(sim.Append(dropped, {{.name = "in the journal only"}})->ok());
  const auto after = disk_.PowerCut(PowerLoss::kDropUnsynced);
  SimEngine next(*after);
  next.gone = [&](const TableBucket& bucket) { return bucket == dropped; };
  ASSERT_TRUE(next.Open().ok());
  ExpectFirst(next, 8);
  Fill(next, 8, 2);
  EXPECT_THAT(next.reports, Contains(HasSubstr("is not in the catalog")));
}

/// The disk filled up, the server stopped, and could not recover what it had half written.
TEST_F(BugMuseum, Fluss3224AServerThatRanOutOfDiskStartsWithAllThatItAcknowledged) {
  for (uint64_t free = 0; free < 40'000; free += 1777) {
    MemoryFileSystem disk;
    SimEngine sim(disk, free + 1);
    ASSERT_TRUE(sim.Open().ok());
    Fill(sim, 0, 5, 100);
    disk.SetFreeBytes(free);
    int acknowledged = 5;
    std::vector<std::shared_ptr<Answer>> answers;
    for (int i = 5; i < 60; ++i) {
      const auto answer =
          sim.StartAppend(a_, {{.name = fmt::format("m{}", i), .bytes = 900, .writer = WriterId(7), .sequence = i}});
      sim.scheduler.RunUntil([&] { return answer->done(); }, std::chrono::minutes(2));
      sim.RunFor(150);
      if (!answer->ok()) break;
      ++acknowledged;
    }
    sim.Stop(0);
    for (const PowerLoss loss : {PowerLoss::kKeepAll, PowerLoss::kDropUnsynced}) {
      const auto after = disk.PowerCut(loss, free);
      SimEngine next(*after);
      ASSERT_TRUE(next.Open().ok()) << free;
      const auto all = next.ReadAll(a_);
      ASSERT_GE(all.size(), static_cast<size_t>(acknowledged)) << free;
      for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].name, fmt::format("m{}", i));
      Fill(next, static_cast<int>(all.size()), 1);
    }
  }
}

/// Once the disk was full, readers were sent bytes that were no records, until the next restart.
TEST_F(BugMuseum, Fluss722AFullDiskDoesNotReachTheReaders) {
  SimEngine sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 0, 20, 100);
  disk_.SetFreeBytes(700);
  for (int i = 20; i < 40; ++i) {
    const auto answer =
        sim.StartAppend(a_, {{.name = fmt::format("m{}", i), .bytes = 5000, .writer = WriterId(7), .sequence = i}});
    sim.RunFor(500);
    // ReadAll checks every CRC and that the offsets are dense.
    const auto all = sim.ReadAll(a_);
    ASSERT_GE(all.size(), 20u);
    for (size_t n = 0; n < all.size(); ++n) ASSERT_EQ(all[n].name, fmt::format("m{}", n));
  }
}

/// Nothing stopped writers before the disk was full to the last byte, and with it everything else on it (3338, 3340).
TEST_F(BugMuseum, Fluss3338And3340WritesAreRefusedBeforeTheDiskIsFull) {
  constexpr uint64_t kReserve = 256 << 10;
  SimEngine sim(disk_);
  sim.options.disk.bytes = kReserve;
  disk_.SetFreeBytes(2 << 20);
  ASSERT_TRUE(sim.Open().ok());
  int acknowledged = 0;
  ErrorCode refusal = ErrorCode::kNone;
  for (; refusal == ErrorCode::kNone && acknowledged < 1000; ++acknowledged) {
    const auto answer = sim.Append(
        a_,
        {{.name = fmt::format("m{}", acknowledged), .bytes = 5000, .writer = WriterId(7), .sequence = acknowledged}});
    refusal = answer->ok() ? ErrorCode::kNone : answer->code();
    if (!answer->ok()) break;
  }
  EXPECT_EQ(refusal, ErrorCode::kDiskWriteLocked);
  EXPECT_GE(disk_.FreeBytes("data").ValueOrDie(), kReserve - kReserve / 8);
  ExpectFirst(sim, acknowledged);  // reads go on
  disk_.SetFreeBytes(8 << 20);
  sim.RunFor(10'000);
  Fill(sim, acknowledged, 3);  // and so do writes, once there is room
  ExpectFirst(sim, acknowledged + 3);
}

/// After a kill all segments were read again, synced ones too; it took so long that the health check killed the server, again
/// and again.
TEST_F(BugMuseum, Fluss2028And3546ARestartReadsOnlyWhatIsBehindTheCheckpoint) {
  SimEngine sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(sim.Append(a_, {{.name = fmt::format("m{}", i), .bytes = 4000}})->ok());
    sim.RunFor(100);
  }
  sim.RunFor(10'000);
  ASSERT_TRUE(sim.Append(a_, {{.name = "last"}})->ok());
  const auto after = disk_.PowerCut(PowerLoss::kDropUnsynced);
  SimEngine next(*after);
  ASSERT_TRUE(next.Open().ok());
  EXPECT_EQ(next.engine->stats().open_files, 0u) << "no segment was even opened";
  EXPECT_THAT(next.ReadAll(a_), SizeIs(201));
}

/// A bucket whose log could not be read aborted the start of all the others (LogManager's "Failed to recover logs"; 3009).
TEST_F(BugMuseum, Fluss3009OneDamagedBucketDoesNotStopTheOthers) {
  SimEngine sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 0, 30, 100);
  const TableBucket other = TestBucket(1);
  ASSERT_TRUE(sim.Append(other, {{.name = "other"}})->ok());
  sim.RunFor(8000);
  const auto after = disk_.PowerCut(PowerLoss::kDropUnsynced);
  ASSERT_TRUE((*after->Open("data/log/t1/b0/00000000000000000000.log", {.mode = io::OpenOptions::Mode::kReadWrite}))
                  ->Truncate(30)
                  .ok());
  SimEngine next(*after);
  ASSERT_TRUE(next.Open().ok());
  EXPECT_THAT(next.ReadAll(other), SizeIs(1));
  EXPECT_TRUE(next.Append(other, {{.name = "more"}})->ok());
  EXPECT_EQ(next.Append(a_, {{.name = "x", .writer = WriterId(7), .sequence = 30}})->code(), ErrorCode::kLogStorage)
      << "what was acknowledged and is gone is told, not cut off";
}

}  // namespace
}  // namespace thalweg::tablet
