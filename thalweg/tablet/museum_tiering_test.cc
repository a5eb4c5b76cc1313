// What users of Apache Fluss hit with remote log segments, each by the number of its issue (tests/museum/README.md lists them
// all). Written from the reports alone.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/tablet/test_tiering_internal.h"

namespace thalweg::tablet {
namespace {

using ::testing::ElementsAre;
using testing::Fault;
using ::testing::HasSubstr;
using testing::MemoryFileSystem;
using testing::Operation;

class TieringMuseum : public ::testing::Test {
 protected:
  TieringMuseum() { disk_.CreateDurableDirectories("."); }

  static std::vector<remote::RemoteSegment> Named(MemoryFileSystem& disk) {
    const auto text = io::ReadFile(disk, "data/log/t1/b0/remote.manifest");
    if (!text.ok()) return {};
    return remote::DecodeManifest(*text).ValueOrDie().segments;
  }

  MemoryFileSystem disk_;
};

// Local segments were removed before it was known that remote storage has them: for a while a fetch got "out of range".
TEST_F(TieringMuseum, Fluss4247EveryOffsetCanBeReadWhileSegmentsMove) {
  TieredSim tiered(disk_, 1, false);
  ASSERT_TRUE(tiered.Open());
  for (int64_t end = 1; end <= 40; ++end) {
    ASSERT_TRUE(tiered.sim.Append(TestBucket(0), {TieredSim::Numbered(end - 1)})->ok());
    for (int step = 0; step < 6; ++step) {
      tiered.sim.RunFor(70);
      const int64_t from = (end * 7 + step * 5) % end;
      const ReadResult read =
          tiered.sim.Read({.bucket = TestBucket(0), .from = LogOffset(from), .bytes_max = 1, .at_least_one = true});
      ASSERT_TRUE(read.status.ok()) << "offset " << from << " of " << end << ": " << read.status;
      ASSERT_THAT(SimEngine::Parse(read), ElementsAre(SeenBatch{from, 1, fmt::format("n{}", from)}));
    }
  }
  EXPECT_GT(tiered.sim.engine->stats().copied_segments, 5u);
}

// One segment that could not be copied made all that had been copied with it useless.
TEST_F(TieringMuseum, Fluss2766WhatWasCopiedBeforeAFailureCounts) {
  TieredSim tiered(disk_);
  ASSERT_TRUE(tiered.Open());
  tiered.policy.reset();
  tiered.Append(18);
  // The second and all later turns fail, half-way through the first of them.
  tiered.policy = TieringPolicy{.names = {.database = "db", .table = "t", .partition = {}}, .local_segments = 2};
  disk_.FailNext(Operation::kRename, "00000000000000000008.log", Fault::kIoError, 1000);
  tiered.sim.RunFor(3'000);
  const auto named = Named(disk_);
  ASSERT_EQ(named.size(), 2u);
  EXPECT_EQ(named.back().end, LogOffset(8));
  EXPECT_EQ(tiered.sim.BoundsOf(TestBucket(0))->start, LogOffset(0));
  tiered.ExpectAll(0, 18);
}

// Copies that never counted, interrupted removals and replaced manifests stayed for ever.
TEST_F(TieringMuseum, Fluss3403NothingStaysThatNothingNames) {
  TieredSim tiered(disk_);
  ASSERT_TRUE(tiered.Open());
  disk_.FailNext(Operation::kRename, "metadata/", Fault::kIoError, 3);  // copied, and not committed
  tiered.Append(18);
  disk_.FailNext(Operation::kRemove, "metadata/", Fault::kIoError, 2);  // committed, and the old manifest stays
  tiered.Append(8);
  tiered.policy->ttl_ms = 5'000;
  tiered.sim.RunFor(20'000);
  tiered.policy->ttl_ms = 0;
  tiered.Append(4);
  tiered.sim.Stop();
  TieredSim again(disk_, 2);
  ASSERT_TRUE(again.Open());
  again.sim.RunFor(5'000);
  std::vector<std::string> ids;
  for (const auto& segment : Named(disk_)) ids.push_back(segment.id);
  EXPECT_THAT(again.RemoteFolders(), ::testing::UnorderedElementsAreArray(ids));
  EXPECT_THAT(disk_.List(std::string(TieredSim::kFolder) + "/metadata").ValueOrDie(), ::testing::SizeIs(1));
}

// Segments of different servers overlapped, and what both had could not be read any more.
TEST_F(TieringMuseum, Fluss3822And4272SegmentsAdjoinWhateverTheirSize) {
  int64_t next = 0;
  for (const uint64_t segment_bytes : {TieredSim::kSegmentBytes, 2 * TieredSim::kSegmentBytes, uint64_t{1500}}) {
    TieredSim tiered(disk_, static_cast<uint64_t>(next) + 1);
    tiered.sim.options.log.segment_bytes_max = segment_bytes;
    ASSERT_TRUE(tiered.Open());
    tiered.next = next;
    tiered.Append(15);
    next = tiered.next;
    tiered.ExpectAll(0, next);
  }
  const auto named = Named(disk_);
  ASSERT_GT(named.size(), 8u);
  EXPECT_EQ(named.front().start, LogOffset(0));
  for (size_t i = 1; i < named.size(); ++i) EXPECT_EQ(named[i].start, named[i - 1].end);
}

// A table that is not written to any more kept its local copies, since only a new copy made anybody look.
TEST_F(TieringMuseum, Fluss3728LocalCopiesOfAnIdleTableGoInTime) {
  TieredSim tiered(disk_);
  ASSERT_TRUE(tiered.Open());
  tiered.policy->local_ttl_ms = 30'000;
  tiered.Append(18);
  EXPECT_EQ(tiered.LocalSegments().size(), 2u);
  tiered.sim.RunFor(40'000);
  EXPECT_EQ(tiered.LocalSegments().size(), 1u);
  tiered.ExpectAll(0, 18);
}

// The time to live went by while a copy was still owed, and the log had a hole.
TEST_F(TieringMuseum, Fluss1919And1940TheTimeToLiveMakesNoHole) {
  TieredSim tiered(disk_);
  ASSERT_TRUE(tiered.Open());
  tiered.Append(10);
  disk_.FailNext(Operation::kCreate, "remote/log", Fault::kIoError, 1000);
  tiered.Append(20);
  const auto run = [](SimEngine& sim, int64_t cutoff_ms) -> runtime::Task<arrow::Status> {
    co_return co_await sim.engine->DropExpired(TestBucket(0), cutoff_ms, *sim.shards[0]);
  };
  ASSERT_TRUE(tiered.sim.scheduler.Await(run(tiered.sim, tiered.written_ms[20])).ok());
  const int64_t start = tiered.sim.BoundsOf(TestBucket(0))->start.value;
  for (int64_t from = start; from < 30; ++from) {
    const ReadResult read =
        tiered.sim.Read({.bucket = TestBucket(0), .from = LogOffset(from), .bytes_max = 1, .at_least_one = true});
    if (read.status.ok())
      EXPECT_THAT(SimEngine::Parse(read), ElementsAre(SeenBatch{from, 1, fmt::format("n{}", from)}));
    if (!read.status.ok()) ADD_FAILURE() << "offset " << from << ", the log begins at " << start << ": " << read.status;
  }
}

}  // namespace
}  // namespace thalweg::tablet
