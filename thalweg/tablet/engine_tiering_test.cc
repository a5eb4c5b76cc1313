// Segments that go to remote storage and are read from there, whatever fails in between.

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/tablet/test_tiering_internal.h"
#include "thalweg/testing/crash_points.h"

namespace thalweg::tablet {
namespace {

using testing::CrashState;
using testing::Fault;
using testing::MemoryFileSystem;
using testing::Operation;

const TableBucket kBucket = TestBucket(0);

class EngineTieringTest : public ::testing::Test {
 protected:
  EngineTieringTest() { disk_.CreateDurableDirectories("."); }

  MemoryFileSystem disk_;
};

TEST_F(EngineTieringTest, ClosedSegmentsAreCopiedAndAllButTheLatestGoFromHere) {
  TieredSim tiered(disk_);
  ASSERT_TRUE(tiered.Open());
  tiered.Append(18);  // 0-3, 4-7, 8-11, 12-15, and the last one
  EXPECT_THAT(tiered.LocalSegments(), ::testing::ElementsAre("00000000000000000012.log", "00000000000000000016.log"));
  EXPECT_EQ(tiered.RemoteFolders().size(), 4u) << "also those that stay here";
  EXPECT_EQ(tiered.sim.BoundsOf(kBucket)->start, LogOffset(0));
  tiered.ExpectAll(0, 18);
  EXPECT_THAT(tiered.sim.reports, ::testing::IsEmpty());
  const EngineStats stats = tiered.sim.engine->stats();
  EXPECT_EQ(stats.copied_segments, 4u);
  EXPECT_EQ(stats.remote_segments, 4u);
  EXPECT_EQ(stats.copied_bytes, stats.remote_bytes);
  EXPECT_GT(stats.remote_bytes, 16 * TieredSim::kBodyBytes);
  EXPECT_EQ(stats.tiering_failures, 0u);
  EXPECT_GT(stats.remote_reads, 0u);
  EXPECT_EQ(stats.remote_read_failures, 0u);
  EXPECT_EQ(stats.remote_read_memory_bytes, 0u) << "all that was read is gone";
}

TEST_F(EngineTieringTest, AClientIsToldWhereItFindsSegments) {
  TieredSim tiered(disk_);
  ASSERT_TRUE(tiered.Open());
  tiered.Append(18);
  const auto told = tiered.ReadRemote(6);
  ASSERT_TRUE(told.status.ok()) << told.status;
  const auto* range = std::get_if<RemoteRange>(&told.data);
  ASSERT_NE(range, nullptr);
  EXPECT_EQ(range->folder, "file://remote/log/db/t-1/0");
  ASSERT_EQ(range->segments.size(), 3u);
  EXPECT_EQ(range->segments.front().start, LogOffset(4));
  EXPECT_EQ(range->segments.back().end, LogOffset(16));
  EXPECT_EQ(told.next, LogOffset(16));
  // As the client goes about it: the file, from that position on.
  const std::string path = fmt::format("{}/{}/00000000000000000004.log", TieredSim::kFolder, range->segments[0].id);
  const std::string content = io::ReadFile(disk_, path).ValueOrDie();
  EXPECT_EQ(content.size(), range->segments[0].bytes);
  const auto batch = format::ParseBatch(AsBytes(content).subspan(range->first_position));
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(batch->header.base_offset, LogOffset(6));
  EXPECT_EQ(range->segments[0].max_timestamp_ms, tiered.written_ms[7]);
  // What is here is given from here.
  EXPECT_GT(tiered.ReadRemote(13).bytes, 0u);
}

TEST_F(EngineTieringTest, NothingIsToldOfAStoreThatTakesKeys) {
  TieredSim tiered(disk_, 1, false);
  ASSERT_TRUE(tiered.Open());
  tiered.Append(18);
  const auto read = tiered.ReadRemote(6);
  EXPECT_THAT(SimEngine::Parse(read), ::testing::ElementsAre(SeenBatch{6, 1, "n6"}, SeenBatch{7, 1, "n7"}));
}

TEST_F(EngineTieringTest, TimesAreFoundInRemoteSegments) {
  TieredSim tiered(disk_);
  ASSERT_TRUE(tiered.Open());
  tiered.Append(18);
  for (const int64_t at : {0, 1, 5, 8, 13, 17}) {
    const auto offset_at = [&](int64_t time) {
      const auto run = [](SimEngine& sim, int64_t ms) -> runtime::Task<arrow::Result<LogOffset>> {
        co_return co_await sim.engine->OffsetForTimestamp(kBucket, ms, *sim.shards[0]);
      };
      return tiered.sim.scheduler.Await(run(tiered.sim, time)).ValueOrDie().value;
    };
    EXPECT_EQ(offset_at(tiered.written_ms[static_cast<size_t>(at)]), at);
    EXPECT_EQ(offset_at(tiered.written_ms[static_cast<size_t>(at)] + 1), at + 1);
  }
}

TEST_F(EngineTieringTest, ARestartKnowsWhatIsRemoteAndGoesOn) {
  {
    TieredSim tiered(disk_);
    ASSERT_TRUE(tiered.Open());
    tiered.Append(18);
  }
  TieredSim tiered(disk_, 2);
  ASSERT_TRUE(tiered.Open());
  tiered.ExpectAll(0, 18);
  tiered.next = 18;
  tiered.Append(8);
  EXPECT_EQ(tiered.RemoteFolders().size(), 6u);
  EXPECT_EQ(tiered.LocalSegments().size(), 2u);
  tiered.ExpectAll(0, 26);
}

TEST_F(EngineTieringTest, OldSegmentsGoFromRemoteStorageToo) {
  TieredSim tiered(disk_);
  ASSERT_TRUE(tiered.Open());
  tiered.Append(8);
  tiered.sim.RunFor(60'000);
  tiered.Append(10);
  tiered.policy->ttl_ms = 40'000;
  tiered.sim.RunFor(1500);
  EXPECT_EQ(tiered.sim.BoundsOf(kBucket)->start, LogOffset(8));
  EXPECT_EQ(tiered.sim.engine->stats().expired_segments, 2u);
  EXPECT_EQ(tiered.sim.engine->stats().remote_segments, 2u);
  EXPECT_EQ(tiered.RemoteFolders().size(), 4u) << "somebody may be reading them";
  tiered.policy->ttl_ms = 0;
  tiered.sim.RunFor(5000);
  EXPECT_EQ(tiered.RemoteFolders().size(), 2u);
  EXPECT_EQ(CodeOf(tiered.ReadRemote(7).status), ErrorCode::kLogOffsetOutOfRange);
  tiered.ExpectAll(8, 18);
}

TEST_F(EngineTieringTest, WhatIsTooOldIsNotCopiedAgain) {
  TieredSim tiered(disk_);
  ASSERT_TRUE(tiered.Open());
  tiered.Append(18);
  tiered.policy->ttl_ms = 5'000;
  tiered.sim.RunFor(30'000);
  EXPECT_THAT(tiered.RemoteFolders(), ::testing::IsEmpty());
  EXPECT_EQ(tiered.LocalSegments().size(), 2u) << "their turn comes with the next look at local segments";
  EXPECT_EQ(tiered.sim.engine->stats().copied_segments, 4u);
  EXPECT_EQ(tiered.sim.BoundsOf(kBucket)->start, LogOffset(12));
  tiered.ExpectAll(12, 18);
  tiered.policy->ttl_ms = 0;
  tiered.Append(4);
  tiered.ExpectAll(12, 22);
}

TEST_F(EngineTieringTest, LocalTimeToLiveDropsMore) {
  TieredSim tiered(disk_);
  ASSERT_TRUE(tiered.Open());
  tiered.policy->local_segments = 4;
  tiered.Append(18);
  EXPECT_EQ(tiered.LocalSegments().size(), 4u);
  tiered.policy->local_ttl_ms = 60'000;
  tiered.sim.RunFor(70'000);
  EXPECT_THAT(tiered.LocalSegments(), ::testing::ElementsAre("00000000000000000016.log"));
  tiered.ExpectAll(0, 18);
}

TEST_F(EngineTieringTest, ADropRemovesWhatIsRemote) {
  TieredSim tiered(disk_);
  ASSERT_TRUE(tiered.Open());
  tiered.Append(18);
  EXPECT_EQ(tiered.sim.engine->stats().remote_segments, 4u);
  ASSERT_TRUE(tiered.sim.Drop({kBucket}).ok());
  EXPECT_EQ(tiered.sim.engine->stats().remote_segments, 0u);
  tiered.sim.RunFor(100);
  EXPECT_FALSE(disk_.Exists("remote/log/db/t-1").ValueOrDie());
  EXPECT_TRUE(disk_.List("data/remote-drops").ValueOrDie().empty());
  tiered.sim.RunFor(5000);
  EXPECT_THAT(tiered.sim.reports, ::testing::IsEmpty());
}

TEST_F(EngineTieringTest, ADropIsFinishedAfterARestart) {
  {
    TieredSim tiered(disk_);
    ASSERT_TRUE(tiered.Open());
    tiered.Append(18);
    disk_.FailNext(Operation::kRemove, "remote/log", Fault::kIoError, 1000);
    ASSERT_TRUE(tiered.sim.Drop({kBucket}).ok());
    tiered.sim.RunFor(100);
    EXPECT_THAT(tiered.sim.reports, ::testing::Contains(::testing::HasSubstr("will be tried again")));
    tiered.sim.Stop();
  }
  ASSERT_TRUE(disk_.Exists("remote/log/db/t-1").ValueOrDie());
  auto after = disk_.PowerCut(testing::PowerLoss::kDropUnsynced);
  TieredSim tiered(*after, 2);
  ASSERT_TRUE(tiered.Open());
  tiered.sim.RunFor(2000);
  EXPECT_FALSE(after->Exists("remote/log/db/t-1").ValueOrDie());
}

TEST_F(EngineTieringTest, WhatIsLeftOfADroppedTableGoesFromRemoteStorageToo) {
  {
    TieredSim tiered(disk_);
    ASSERT_TRUE(tiered.Open());
    tiered.Append(18);
  }
  // The table was dropped, and the server ended before anything else.
  TieredSim tiered(disk_, 2);
  tiered.sim.gone = [](const TableBucket&) { return true; };
  ASSERT_TRUE(tiered.Open());
  const auto run = [](SimEngine& sim) -> runtime::Task<arrow::Status> {
    co_return co_await sim.engine->RemoveFolders(TableId(1), kNoPartition, *sim.shards[0]);
  };
  ASSERT_TRUE(tiered.sim.scheduler.Await(run(tiered.sim)).ok());
  EXPECT_FALSE(disk_.Exists("data/log/t1").ValueOrDie());
  tiered.sim.RunFor(2000);
  EXPECT_FALSE(disk_.Exists("remote/log/db/t-1").ValueOrDie());
}

TEST_F(EngineTieringTest, WhatCannotBeCopiedStaysHereAndIsCopiedLater) {
  for (const auto operation : {Operation::kWrite, Operation::kSync, Operation::kRename, Operation::kSyncDirectory}) {
    SCOPED_TRACE(static_cast<int>(operation));
    MemoryFileSystem disk;
    disk.CreateDurableDirectories(".");
    TieredSim tiered(disk);
    ASSERT_TRUE(tiered.Open());
    disk.FailNext(operation, "remote/log", Fault::kIoError, 40);
    tiered.Append(18);
    EXPECT_EQ(tiered.LocalSegments().size(), 5u);
    EXPECT_EQ(tiered.sim.reports.size(), 1u) << "told once";
    EXPECT_GT(tiered.sim.engine->stats().tiering_failures, 1u);
    tiered.ExpectAll(0, 18);
    tiered.sim.RunFor(60'000);
    EXPECT_EQ(tiered.LocalSegments().size(), 2u);
    EXPECT_EQ(tiered.RemoteFolders().size(), 4u) << "what failed copies left is gone";
    tiered.ExpectAll(0, 18);
  }
}

TEST_F(EngineTieringTest, WithoutItsStoreABucketSaysWhatIsMissing) {
  {
    TieredSim tiered(disk_);
    ASSERT_TRUE(tiered.Open());
    tiered.Append(18);
  }
  SimEngine sim(disk_, 2);
  sim.options.log.segment_bytes_max = TieredSim::kSegmentBytes;
  ASSERT_TRUE(sim.Open().ok());
  EXPECT_EQ(sim.BoundsOf(kBucket)->start, LogOffset(12));
  EXPECT_THAT(sim.reports, ::testing::Contains(::testing::HasSubstr("set remote.data.dir")));
}

TEST(EngineTieringCrashTest, EveryCrashPointKeepsAllThatWasAcknowledged) {
  std::vector<std::shared_ptr<Answer>> answers;
  uint64_t with_remote = 0;
  const uint64_t states = testing::ForEachCrashState(
      {.seeds = 2},
      [&](MemoryFileSystem& disk) {
        disk.CreateDurableDirectories(".");
        answers.clear();
        TieredSim tiered(disk);
        if (!tiered.Open()) return;
        for (int64_t i = 0; i < 14; ++i) {
          answers.push_back(tiered.sim.StartAppend(kBucket, {TieredSim::Numbered(i)}));
          tiered.sim.RunFor(i % 5 == 4 ? 2500 : 100);
        }
        tiered.sim.RunFor(3000);
      },
      [&](MemoryFileSystem& disk, const CrashState& state) {
        if (::testing::Test::HasFatalFailure()) return;
        SCOPED_TRACE(state.ToString());
        TieredSim tiered(disk, state.seed + 2);
        ASSERT_TRUE(tiered.Open());
        int64_t acknowledged = 0;
        for (size_t i = 0; i < answers.size(); ++i) {
          if (answers[i]->ok()) acknowledged = static_cast<int64_t>(i) + 1;
        }
        const auto all = tiered.sim.ReadAll(kBucket);
        ASSERT_GE(static_cast<int64_t>(all.size()), acknowledged);
        for (size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i].name, fmt::format("n{}", i));
        with_remote += tiered.RemoteFolders().size() > 1 ? 1 : 0;
        // It goes on, and what the crash left behind goes.
        tiered.next = static_cast<int64_t>(all.size());
        tiered.Append(10);
        if (::testing::Test::HasFatalFailure()) return;
        const auto more = tiered.sim.ReadAll(kBucket);
        ASSERT_EQ(more.size(), all.size() + 10);
        for (size_t i = 0; i < more.size(); ++i) ASSERT_EQ(more[i].name, fmt::format("n{}", i));
        ASSERT_EQ(tiered.LocalSegments().size(), 2u);
        const auto told = tiered.ReadRemote(0);
        const auto* range = std::get_if<RemoteRange>(&told.data);
        ASSERT_NE(range, nullptr);
        // All that is named is there, and nothing else.
        const auto folders = tiered.RemoteFolders();
        for (const auto& segment : range->segments) ASSERT_THAT(folders, ::testing::Contains(segment.id));
        ASSERT_EQ(folders.size(), range->segments.size());
      });
  EXPECT_GT(states, 1000u);
  EXPECT_GT(with_remote, 100u) << "too few of them had copied anything";
}

// Expiry and drop: what no manifest names goes, whenever the server was killed, and what one names stays.
TEST(EngineTieringCrashTest, EveryCrashPointOfExpiryAndDropLeavesNothingBehind) {
  bool drop_begun = false;
  uint64_t dropped = 0;
  uint64_t expired = 0;
  const uint64_t states = testing::ForEachCrashState(
      {.seeds = 1},
      [&](MemoryFileSystem& disk) {
        disk.CreateDurableDirectories(".");
        drop_begun = false;
        TieredSim tiered(disk);
        if (!tiered.Open()) return;
        const auto append = [&](int64_t from, int64_t to) {
          for (int64_t i = from; i < to; ++i) {
            tiered.sim.StartAppend(kBucket, {TieredSim::Numbered(i)});
            tiered.sim.RunFor(100);
          }
        };
        append(0, 14);
        tiered.sim.RunFor(30'000);
        append(14, 22);
        tiered.policy->ttl_ms = 20'000;
        tiered.sim.RunFor(8'000);  // they leave the manifest, and after the grace remote storage
        if (disk.crashed()) return;
        drop_begun = true;
        (void)tiered.sim.Drop({kBucket});
        tiered.sim.RunFor(2'000);
      },
      [&](MemoryFileSystem& disk, const CrashState& state) {
        if (::testing::Test::HasFatalFailure()) return;
        SCOPED_TRACE(state.ToString());
        TieredSim tiered(disk, state.seed + 2);
        if (drop_begun) tiered.sim.gone = [](const TableBucket&) { return true; };
        ASSERT_TRUE(tiered.Open());
        if (drop_begun) {
          ++dropped;
          // As a start does with what the catalog remembers to have dropped.
          const auto run = [](SimEngine& sim) -> runtime::Task<arrow::Status> {
            co_return co_await sim.engine->RemoveFolders(TableId(1), kNoPartition, *sim.shards[0]);
          };
          ASSERT_TRUE(tiered.sim.scheduler.Await(run(tiered.sim)).ok());
          tiered.sim.RunFor(2'000);
          ASSERT_FALSE(disk.Exists("remote/log/db/t-1").ValueOrDie());
          ASSERT_FALSE(disk.Exists("data/log/t1").ValueOrDie());
          return;
        }
        const auto all = tiered.sim.ReadAll(kBucket);
        for (size_t i = 1; i < all.size(); ++i) ASSERT_EQ(all[i].base, all[i - 1].base + 1);
        if (!all.empty() && all.front().base > 0) ++expired;
        for (const auto& seen : all) ASSERT_EQ(seen.name, fmt::format("n{}", seen.base));
        tiered.next = all.empty() ? 0 : all.back().base + 1;
        tiered.Append(14);
        if (::testing::Test::HasFatalFailure()) return;
        const auto told = tiered.ReadRemote(tiered.sim.BoundsOf(kBucket)->start.value);
        const auto* range = std::get_if<RemoteRange>(&told.data);
        ASSERT_NE(range, nullptr);
        const auto folders = tiered.RemoteFolders();
        for (const auto& segment : range->segments) ASSERT_THAT(folders, ::testing::Contains(segment.id));
        ASSERT_EQ(folders.size(), range->segments.size()) << "objects that nothing names";
      });
  EXPECT_GT(states, 500u);
  EXPECT_GT(dropped, 10u);
  EXPECT_GT(expired, 50u);
}

}  // namespace
}  // namespace thalweg::tablet
