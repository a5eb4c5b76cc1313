// Old segments that go, and what must not go with them: whatever a restart looks for, whatever is still to be read.

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/tablet/test_engine_internal.h"
#include "thalweg/testing/crash_points.h"

namespace thalweg::tablet {
namespace {

using testing::CrashState;
using testing::MemoryFileSystem;

const TableBucket kBucket = TestBucket(0);
// Of a batch: four of them fill a segment of these tests.
constexpr size_t kBodyBytes = 1000;
constexpr uint64_t kSegmentBytes = 4400;

TestBatch Numbered(int64_t i) { return {.name = fmt::format("n{}", i), .bytes = kBodyBytes}; }

class EngineRetentionTest : public ::testing::Test {
 protected:
  EngineRetentionTest() {
    disk_.CreateDurableDirectories(".");
    sim_.options.log.segment_bytes_max = kSegmentBytes;
  }
  void Open() { ASSERT_TRUE(sim_.Open().ok()); }
  /// One batch a second, the files and a checkpoint behind it.
  void Append(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(sim_.Append(kBucket, {Numbered(next_++)})->ok());
      written_ms_.push_back(sim_.clock.WallMs());
      sim_.RunFor(1000);
    }
    sim_.RunFor(4000);
  }
  int64_t Start() { return sim_.BoundsOf(kBucket)->start.value; }

  MemoryFileSystem disk_;
  SimEngine sim_{disk_};
  int64_t next_ = 0;
  std::vector<int64_t> written_ms_;
};

TEST_F(EngineRetentionTest, WholeSegmentsGoOnceTheirLastBatchIsTooOld) {
  Open();
  Append(14);  // 0-3, 4-7, 8-11, and the last one
  ASSERT_TRUE(sim_.DropExpired(kBucket, written_ms_[3]).ok());
  EXPECT_EQ(Start(), 0) << "batch 3 is as young as is kept";
  ASSERT_TRUE(sim_.DropExpired(kBucket, written_ms_[3] + 1).ok());
  EXPECT_EQ(Start(), 4);
  ASSERT_TRUE(sim_.DropExpired(kBucket, written_ms_[10]).ok());
  EXPECT_EQ(Start(), 8);
  ASSERT_TRUE(sim_.DropExpired(kBucket, INT64_MAX).ok());
  EXPECT_EQ(Start(), 12) << "the last segment stays";
  const auto all = sim_.ReadAll(kBucket);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all.front(), (SeenBatch{12, 1, "n12"}));
}

TEST_F(EngineRetentionTest, ReadersBelowTheStartAreToldSo) {
  Open();
  Append(9);
  ASSERT_TRUE(sim_.DropExpired(kBucket, INT64_MAX).ok());
  ASSERT_EQ(Start(), 8);
  const auto below = sim_.Read({.bucket = kBucket, .from = LogOffset(7), .bytes_max = 5000});
  EXPECT_EQ(CodeOf(below.status), ErrorCode::kLogOffsetOutOfRange) << below.status;
  EXPECT_TRUE(sim_.Read({.bucket = kBucket, .from = LogOffset(8), .bytes_max = 5000}).status.ok());
  EXPECT_EQ(sim_.Read({.bucket = kBucket, .from = kEarliest, .bytes_max = 5000}).first, LogOffset(8));
}

TEST_F(EngineRetentionTest, AReaderAtWorkKeepsWhatItHolds) {
  Open();
  Append(9);
  const auto held = sim_.Read({.bucket = kBucket, .from = LogOffset(0), .bytes_max = 5000, .at_least_one = true});
  ASSERT_TRUE(held.status.ok());
  ASSERT_TRUE(sim_.DropExpired(kBucket, INT64_MAX).ok());
  EXPECT_EQ(SimEngine::Parse(held).front().name, "n0");
}

TEST_F(EngineRetentionTest, ARestartFindsTheStartAndGoesOnDropping) {
  Open();
  Append(14);
  ASSERT_TRUE(sim_.DropExpired(kBucket, written_ms_[3] + 1).ok());
  sim_.Stop();
  SimEngine next(disk_);
  next.options.log.segment_bytes_max = kSegmentBytes;
  ASSERT_TRUE(next.Open().ok());
  // Nobody has opened the bucket yet.
  ASSERT_TRUE(next.DropExpired(kBucket, written_ms_[7] + 1).ok());
  EXPECT_EQ(next.BoundsOf(kBucket)->start, LogOffset(8));
  EXPECT_EQ(next.ReadAll(kBucket).size(), 6u);
  EXPECT_THAT(next.reports, ::testing::IsEmpty());
}

TEST_F(EngineRetentionTest, NothingGoesThatTheLastCheckpointNames) {
  Open();
  disk_.FailNext(testing::Operation::kRename, "checkpoint", testing::Fault::kIoError, 1000);
  Append(14);
  ASSERT_TRUE(sim_.DropExpired(kBucket, INT64_MAX).ok());
  EXPECT_EQ(Start(), 0) << "no checkpoint was written, so a restart would look for all of them";
}

TEST_F(EngineRetentionTest, ABucketThatHoldsNothingOrIsGoneIsNoError) {
  Open();
  EXPECT_TRUE(sim_.DropExpired(TestBucket(5), INT64_MAX).ok());
  Append(9);
  ASSERT_TRUE(sim_.Drop({kBucket}).ok());
  EXPECT_TRUE(sim_.DropExpired(kBucket, INT64_MAX).ok());
}

TEST(EngineRetentionCrashTest, EveryCrashPointKeepsWhatIsNotTooOld) {
  std::vector<std::shared_ptr<Answer>> answers;
  int64_t dropped_below = 0;
  uint64_t with_drops = 0;
  const uint64_t states = testing::ForEachCrashState(
      {.seeds = 2},
      [&](MemoryFileSystem& disk) {
        answers.clear();
        dropped_below = 0;
        SimEngine sim(disk);
        sim.options.log.segment_bytes_max = kSegmentBytes;
        if (!sim.Open().ok()) return;
        for (int64_t i = 0; i < 22; ++i) {
          answers.push_back(sim.StartAppend(kBucket, {Numbered(i)}));
          sim.RunFor(i % 5 == 4 ? 2500 : 100);
          if (i % 7 != 6 || disk.crashed()) continue;
          dropped_below = i - 2;  // may have gone so far, should the crash come inside of this
          (void)sim.DropExpired(kBucket, sim.clock.WallMs() - 2000);
        }
        sim.Stop(0);
      },
      [&](MemoryFileSystem& disk, const CrashState& state) {
        if (::testing::Test::HasFatalFailure()) return;
        SCOPED_TRACE(state.ToString());
        SimEngine sim(disk, state.seed + 1);
        sim.options.log.segment_bytes_max = kSegmentBytes;
        ASSERT_TRUE(sim.Open().ok());
        size_t acknowledged = 0;
        for (size_t i = 0; i < answers.size(); ++i) {
          if (answers[i]->ok()) acknowledged = i + 1;
        }
        const auto all = sim.ReadAll(kBucket);
        if (acknowledged > 0) {
          ASSERT_FALSE(all.empty());
          ASSERT_LE(all.front().base, dropped_below);
          ASSERT_GE(all.back().base + 1, static_cast<int64_t>(acknowledged));
        }
        for (const auto& seen : all) ASSERT_EQ(seen.name, fmt::format("n{}", seen.base));
        EXPECT_THAT(sim.reports, ::testing::Not(::testing::Contains(::testing::HasSubstr("missing"))));
        with_drops += !all.empty() && all.front().base > 0 ? 1 : 0;
        // It goes on: what is appended and dropped now does no harm either.
        ASSERT_TRUE(sim.Append(kBucket, {Numbered(99)})->ok());
        ASSERT_TRUE(sim.DropExpired(kBucket, sim.clock.WallMs()).ok());
        sim.Stop(0);
      });
  EXPECT_GT(states, 400u);
  EXPECT_GT(with_drops, 100u) << "too few of them had dropped anything";
}

}  // namespace
}  // namespace thalweg::tablet
