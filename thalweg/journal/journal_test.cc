#include "thalweg/journal/journal.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/journal/test_journal_internal.h"

namespace thalweg::journal {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class JournalTest : public ::testing::Test {
 protected:
  void Open(uint64_t from_sequence = 0) { ASSERT_TRUE(sim_.Open(from_sequence).ok()); }
  /// Sequences of what was committed.
  std::vector<uint64_t> Sequences() const {
    std::vector<uint64_t> sequences;
    for (const auto& said : sim_.sink.committed) sequences.push_back(said.sequence);
    return sequences;
  }
  /// Fills the ring until it stalls; gives the number of entries that were appended.
  int64_t FillRing() {
    int64_t next = 0;
    for (; sim_.journal->stats().ring_stalls == 0 && next < 1000; ++next) {
      sim_.Append(kBucketA, next, 1, 4000);
      sim_.Run();
    }
    return next;
  }

  testing::MemoryFileSystem disk_;
  SimJournal sim_{disk_};
};

TEST_F(JournalTest, CommitsInTheOrderOfAppendsWithDenseSequences) {
  Open();
  for (int64_t i = 0; i < 20; ++i) sim_.Append(i % 3 == 0 ? kBucketB : kBucketA, i, 1, 100 + i, "stats");
  sim_.Run();
  EXPECT_THAT(sim_.sink.committed, ElementsAreArray(sim_.appended));
  const auto sequences = Sequences();
  for (size_t i = 0; i < sequences.size(); ++i) EXPECT_EQ(sequences[i], i + 1);
  EXPECT_EQ(sim_.journal->next_sequence(), 21u);
}

TEST_F(JournalTest, WhatIsQueuedTogetherIsOneDeviceWrite) {
  Open();
  const uint64_t before = disk_.operations();
  for (int64_t i = 0; i < 50; ++i) sim_.Append(kBucketA, i, 1, 100);
  sim_.scheduler.RunReady();
  EXPECT_THAT(sim_.sink.group_sizes, ElementsAre(50));
  EXPECT_EQ(disk_.operations() - before, 1u);
  EXPECT_EQ(sim_.journal->stats().groups, 1u);
  EXPECT_EQ(sim_.journal->stats().entries, 50u);
  EXPECT_EQ(sim_.journal->stats().device_bytes % kGroupAlignment, 0u);
}

TEST_F(JournalTest, NothingIsToldBeforeItIsDurable) {
  Open();
  sim_.Append(kBucketA, 0, 1, 100);
  EXPECT_THAT(sim_.sink.committed, IsEmpty());
  sim_.Run();
  ASSERT_THAT(sim_.sink.committed, SizeIs(1));
  const auto after = disk_.PowerCut(testing::PowerLoss::kDropUnsynced);
  SimJournal next(*after);
  ASSERT_TRUE(next.Open().ok());
  EXPECT_THAT(next.replayed, ElementsAreArray(sim_.appended));
}

TEST_F(JournalTest, AnIdleJournalCommitsAtOnceAndABusyOneGathers) {
  sim_.options.group_bytes_max = 4096;
  Open();
  sim_.Append(kBucketA, 0, 1, 100);
  const int64_t start = sim_.clock.MonotonicNs();
  sim_.scheduler.RunReady();
  EXPECT_EQ(sim_.clock.MonotonicNs(), start);
  EXPECT_THAT(sim_.sink.committed, SizeIs(1));
  // Two that do not go together: the second waits for a window, during which more may come.
  sim_.Append(kBucketA, 1, 1, 2500);
  sim_.Append(kBucketA, 2, 1, 2500);
  sim_.scheduler.RunReady();
  EXPECT_THAT(sim_.sink.committed, SizeIs(2));
  sim_.scheduler.RunFor(std::chrono::nanoseconds(sim_.options.window_ns_min));
  EXPECT_THAT(sim_.sink.committed, SizeIs(3));
  EXPECT_THAT(sim_.sink.group_sizes, ElementsAre(1, 1, 1));
}

TEST_F(JournalTest, AFullGroupDoesNotWaitForTheWindow) {
  sim_.options.group_bytes_max = 4096;
  Open();
  for (int64_t i = 0; i < 5; ++i) sim_.Append(kBucketA, i, 1, 3000);
  const int64_t start = sim_.clock.MonotonicNs();
  sim_.scheduler.RunReady();
  EXPECT_THAT(sim_.sink.committed, SizeIs(4)) << "all but the last have a full group behind them";
  EXPECT_EQ(sim_.clock.MonotonicNs(), start);
}

TEST_F(JournalTest, LargeEntriesGoToTheirSegmentAndOnlyADescriptorIsJournaled) {
  Open();
  sim_.Append(kBucketA, 0, 10, 9000);
  sim_.Append(kBucketB, 0, 1, 100);
  sim_.Run();
  ASSERT_THAT(sim_.sink.asked_direct, SizeIs(1));
  EXPECT_THAT(sim_.sink.committed, SizeIs(1)) << "the small one of the other bucket does not wait";
  sim_.sink.AnswerDirect(arrow::Status::OK());
  sim_.Run();
  ASSERT_THAT(sim_.sink.committed, SizeIs(2));
  EXPECT_TRUE(sim_.sink.committed[1].direct);
  EXPECT_EQ(sim_.journal->stats().direct_bytes, 9000u);
  EXPECT_LT(sim_.journal->stats().device_bytes, 9000u);
  const auto after = disk_.PowerCut(testing::PowerLoss::kDropUnsynced);
  SimJournal next(*after);
  ASSERT_TRUE(next.Open().ok());
  ASSERT_THAT(next.replayed, SizeIs(2));
  EXPECT_TRUE(next.replayed[1].direct);
  EXPECT_EQ(next.replayed[1].first, 0);
  EXPECT_EQ(next.replayed[1].count, 10u);
}

TEST_F(JournalTest, SmallEntriesThatAreLargeTogetherGoDirect) {
  Open();
  for (int64_t i = 0; i < 4; ++i) sim_.Append(kBucketA, i, 1, 3000);
  sim_.Run();
  EXPECT_THAT(sim_.sink.asked_direct, SizeIs(4));
  sim_.sink.AnswerDirect(arrow::Status::OK());
  sim_.Run();
  EXPECT_THAT(sim_.sink.committed, SizeIs(4));
}

TEST_F(JournalTest, EntriesBehindALargeOneOfTheirBucketWaitForIt) {
  Open();
  sim_.Append(kBucketA, 0, 1, 9000);
  sim_.Run();
  sim_.Append(kBucketA, 1, 1, 100);
  sim_.Append(kBucketB, 0, 1, 100);
  sim_.Append(kBucketA, 2, 1, 100);
  sim_.Run();
  EXPECT_THAT(sim_.sink.committed, SizeIs(1));
  sim_.sink.AnswerDirect(arrow::Status::OK());
  sim_.Run();
  ASSERT_THAT(sim_.sink.committed, SizeIs(4));
  EXPECT_EQ(sim_.sink.committed[1].first, 0);
  EXPECT_EQ(sim_.sink.committed[2].first, 1);
  EXPECT_EQ(sim_.sink.committed[3].first, 2);
}

TEST_F(JournalTest, WhatASegmentRefusesIsJournaled) {
  Open();
  sim_.Append(kBucketA, 0, 1, 9000, "its statistics");
  sim_.Append(kBucketA, 1, 1, 100);
  sim_.Run();
  sim_.sink.AnswerDirect(Error(ErrorCode::kStorage, "no"));
  sim_.Run();
  EXPECT_THAT(sim_.sink.committed, ElementsAreArray(sim_.appended));
  const auto after = disk_.PowerCut(testing::PowerLoss::kDropUnsynced);
  SimJournal next(*after);
  ASSERT_TRUE(next.Open().ok());
  EXPECT_THAT(next.replayed, ElementsAreArray(sim_.appended));
}

/// Small and large ones, some of which have to be journaled, of two buckets, in groups of any composition; direct writes
/// that are answered at any time, some of them refused.
TEST_F(JournalTest, NoEntryOvertakesAnotherOfItsBucket) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    testing::MemoryFileSystem disk;
    SimJournal sim(disk, seed);
    ASSERT_TRUE(sim.Open().ok());
    testing::SimScheduler dice(seed);
    std::unordered_map<TableBucket, int64_t> appended;
    std::unordered_map<TableBucket, int64_t> next_direct;
    for (int step = 0; step < 60; ++step) {
      const TableBucket& bucket = dice.Draw(3) == 0 ? kBucketB : kBucketA;
      Entry entry = TestEntry(bucket, appended[bucket]++, 1, dice.Draw(4) == 0 ? 9000 : 50 + dice.Draw(3000));
      entry.journal_only = dice.Draw(3) == 0;
      sim.journal->Append(std::move(entry));
      if (dice.Draw(3) == 0) sim.scheduler.RunReady();
      // What is being written directly must follow all that was committed before, and nothing else.
      for (const auto& [entries, done] : sim.sink.direct) {
        const int64_t committed = std::ranges::count(sim.sink.committed, entries.front().bucket, &Said::bucket);
        ASSERT_EQ(entries.front().first.value, committed);
      }
      if (dice.Draw(5) == 0) {
        sim.sink.AnswerDirect(dice.Draw(3) == 0 ? Error(ErrorCode::kStorage, "no") : arrow::Status::OK());
      }
      if (!sim.sink.committed.empty()) sim.journal->Release(sim.sink.committed.back().sequence + 1);
    }
    for (int i = 0; i < 60 && sim.sink.committed.size() < 60; ++i) {
      sim.Run();
      sim.sink.AnswerDirect(arrow::Status::OK());
      if (!sim.sink.committed.empty()) sim.journal->Release(sim.sink.committed.back().sequence + 1);
    }
    std::unordered_map<TableBucket, int64_t> committed;
    for (const auto& said : sim.sink.committed) ASSERT_EQ(said.first, committed[said.bucket]++);
    EXPECT_EQ(committed, appended);
  }
}

TEST_F(JournalTest, AfterARefusalLargerOnesOfTheBucketDoNotOvertake) {
  // A second direct write while the refused one is being journaled would reach the segment first.
  Open();
  sim_.Append(kBucketA, 0, 1, 9000);
  sim_.Run();
  sim_.Append(kBucketA, 1, 1, 9000);
  sim_.Run();
  sim_.sink.AnswerDirect(Error(ErrorCode::kStorage, "no"));
  sim_.scheduler.RunReady();
  ASSERT_THAT(sim_.sink.committed, SizeIs(1));
  EXPECT_EQ(sim_.sink.committed[0].first, 0);
  sim_.Run();
  ASSERT_THAT(sim_.sink.direct, SizeIs(1)) << "asked for only when the first was committed";
  sim_.sink.AnswerDirect(arrow::Status::OK());
  sim_.Run();
  ASSERT_THAT(sim_.sink.committed, SizeIs(2));
  EXPECT_EQ(sim_.sink.committed[1].first, 1);
}

TEST_F(JournalTest, AFullRingHoldsCommitsUntilRelease) {
  Open();
  const int64_t count = FillRing();
  EXPECT_GT(sim_.journal->pressure(), 0.8);
  sim_.Append(kBucketB, 0, 1, 100);
  sim_.Run();
  ASSERT_THAT(sim_.sink.committed, SizeIs(count - 1));
  const int64_t idle_from = sim_.clock.MonotonicNs();
  EXPECT_FALSE(sim_.scheduler.RunUntil([] { return false; })) << "a stalled journal does not poll";
  EXPECT_EQ(sim_.clock.MonotonicNs(), idle_from);
  sim_.journal->Release(sim_.journal->next_sequence());
  sim_.Run();
  EXPECT_THAT(sim_.sink.committed, ElementsAreArray(sim_.appended));
  EXPECT_EQ(sim_.journal->stats().ring_stalls, 1u);
}

TEST_F(JournalTest, EntriesStayInOrderAcrossAStall) {
  Open();
  FillRing();
  for (int64_t i = 0; i < 30; ++i) sim_.Append(kBucketB, i, 1, 200);
  sim_.Run();
  sim_.journal->Release(sim_.journal->next_sequence());
  sim_.Run();
  EXPECT_THAT(sim_.sink.committed, ElementsAreArray(sim_.appended));
}

TEST_F(JournalTest, AFailedWriteEndsEverythingAndIsNotTriedAgain) {
  Open();
  sim_.Append(kBucketA, 0, 1, 100);
  sim_.Run();
  disk_.FailNext(testing::Operation::kWriteDurable, "journal", testing::Fault::kIoError);
  sim_.Append(kBucketA, 1, 1, 100);
  sim_.Run();
  const uint64_t operations = disk_.operations();
  sim_.Append(kBucketA, 2, 1, 100);
  sim_.Append(kBucketB, 0, 1, 9000);
  sim_.Run();
  EXPECT_THAT(sim_.sink.committed, SizeIs(1));
  EXPECT_THAT(sim_.sink.failed, SizeIs(3));
  EXPECT_THAT(sim_.sink.asked_direct, IsEmpty());
  EXPECT_EQ(disk_.operations(), operations);
  EXPECT_EQ(CodeOf(sim_.journal->failure()), ErrorCode::kStorage);
  EXPECT_THAT(sim_.journal->failure().message(), HasSubstr(".wal"));
}

TEST_F(JournalTest, AFailureTakesWaitingAndDirectEntriesWithIt) {
  Open();
  sim_.Append(kBucketA, 0, 1, 9000);
  sim_.Run();
  sim_.Append(kBucketA, 1, 1, 100);
  sim_.Run();
  disk_.FailNext(testing::Operation::kWriteDurable, "journal", testing::Fault::kNoSpace);
  sim_.Append(kBucketB, 0, 1, 100);
  sim_.Run();
  EXPECT_THAT(sim_.sink.failed, SizeIs(2)) << "B's, and what waited behind A's large one";
  sim_.sink.AnswerDirect(arrow::Status::OK());
  sim_.Run();
  EXPECT_THAT(sim_.sink.failed, SizeIs(3));
  EXPECT_THAT(sim_.sink.committed, IsEmpty());
}

TEST_F(JournalTest, CloseCommitsWhatIsQueuedAndRefusesTheRest) {
  Open();
  for (int64_t i = 0; i < 30; ++i) sim_.Append(kBucketA, i, 1, 250);
  sim_.Append(kBucketB, 0, 1, 9000);
  sim_.scheduler.Step();
  sim_.journal->BeginClose();
  sim_.Append(kBucketA, 30, 1, 100);
  EXPECT_THAT(sim_.sink.failed, SizeIs(1));
  sim_.Run();
  sim_.sink.AnswerDirect(arrow::Status::OK());
  sim_.Run();
  EXPECT_THAT(sim_.sink.committed, SizeIs(31));
  EXPECT_THAT(sim_.sink.failed, SizeIs(1));
  sim_.journal->Close();
}

TEST_F(JournalTest, CloseOfAStalledJournalFailsWhatHasNoRoom) {
  Open();
  const int64_t count = FillRing();
  sim_.Append(kBucketB, 0, 1, 100);
  sim_.journal->BeginClose();
  sim_.Run();
  EXPECT_THAT(sim_.sink.committed, SizeIs(count - 1));
  EXPECT_THAT(sim_.sink.failed, SizeIs(2));
  sim_.journal->Close();
  // A last checkpoint may come after Close: it must not set anything going.
  sim_.journal->Release(sim_.journal->next_sequence());
  EXPECT_FALSE(sim_.scheduler.Step());
}

TEST_F(JournalTest, AFileThatCannotBePreparedIsToldAndTriedAgain) {
  Open();
  disk_.FailNext(testing::Operation::kSync, ".wal.tmp", testing::Fault::kNoSpace);
  FillRing();
  EXPECT_THAT(sim_.reports, ElementsAre(HasSubstr("No further journal file")));
  EXPECT_TRUE(sim_.journal->failure().ok());
  sim_.journal->Release(sim_.journal->next_sequence());
  sim_.Run();
  EXPECT_THAT(sim_.sink.committed, ElementsAreArray(sim_.appended));
}

TEST_F(JournalTest, ReadBackGivesWhatIsStillInTheRing) {
  Open();
  for (int64_t i = 0; i < 12; ++i) {
    sim_.Append(i % 2 == 0 ? kBucketA : kBucketB, i, 1, 3000, "st");
    sim_.Run();
  }
  std::vector<Said> read;
  ASSERT_TRUE(sim_.journal
                  ->ReadBack(kBucketA, LogOffset(4),
                             [&](const RecordHeader& header, ByteView payload) {
                               read.push_back(SaidBy(header, payload));
                               return arrow::Status::OK();
                             })
                  .ok());
  std::vector<Said> expected;
  for (const auto& said : sim_.appended) {
    if (said.bucket == kBucketA && said.first >= 4) expected.push_back(said);
  }
  EXPECT_THAT(read, ElementsAreArray(expected));
}

TEST_F(JournalTest, PageCacheModeSurvivesAKilledProcess) {
  sim_.options.durability = Durability::kPageCache;
  Open();
  for (int64_t i = 0; i < 10; ++i) sim_.Append(kBucketA, i, 1, 500);
  sim_.Run();
  EXPECT_THAT(sim_.sink.committed, SizeIs(10));
  const auto killed = disk_.PowerCut(testing::PowerLoss::kKeepAll);
  SimJournal next(*killed);
  ASSERT_TRUE(next.Open().ok());
  EXPECT_THAT(next.replayed, ElementsAreArray(sim_.appended));
  const auto cut = disk_.PowerCut(testing::PowerLoss::kDropUnsynced);
  SimJournal other(*cut);
  ASSERT_TRUE(other.Open().ok());
  EXPECT_THAT(other.replayed, IsEmpty()) << "the mode gives up exactly this";
}

}  // namespace
}  // namespace thalweg::journal
