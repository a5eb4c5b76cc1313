#include "thalweg/tablet/engine.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/tablet/test_engine_internal.h"

namespace thalweg::tablet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const WriterId kWriter{17};

TestBatch Numbered(int32_t sequence, size_t bytes = 100) {
  return {.name = fmt::format("s{}", sequence), .bytes = bytes, .writer = kWriter, .sequence = sequence};
}

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() { disk_.CreateDurableDirectories("."); }
  void Open() { ASSERT_TRUE(sim_.Open().ok()); }

  testing::MemoryFileSystem disk_;
  SimEngine sim_{disk_};
  const TableBucket a_ = TestBucket(0);
  const TableBucket b_ = TestBucket(1);
};

TEST_F(EngineTest, WhatIsAppendedIsReadInOrder) {
  Open();
  EXPECT_EQ(sim_.Append(a_, {{.name = "one", .records = 3}})->base(), 0);
  EXPECT_EQ(sim_.Append(a_, {{.name = "two"}, {.name = "three", .records = 2}})->base(), 3);
  EXPECT_EQ(sim_.Append(b_, {{.name = "other"}})->base(), 0);
  EXPECT_THAT(sim_.ReadAll(a_), ElementsAre(SeenBatch{0, 3, "one"}, SeenBatch{3, 1, "two"}, SeenBatch{4, 2, "three"}));
  EXPECT_THAT(sim_.ReadAll(b_), ElementsAre(SeenBatch{0, 1, "other"}));
  EXPECT_EQ(sim_.BoundsOf(a_)->high_watermark, LogOffset(6));
}

TEST_F(EngineTest, NothingIsVisibleBeforeItIsDurable) {
  Open();
  sim_.Append(a_, {{.name = "one"}});
  disk_.FailNext(testing::Operation::kWriteDurable, "journal", testing::Fault::kIoError);
  const auto answer = sim_.Append(a_, {{.name = "two"}});
  EXPECT_EQ(answer->code(), ErrorCode::kStorage);
  EXPECT_THAT(sim_.ReadAll(a_), ElementsAre(SeenBatch{0, 1, "one"}));
  EXPECT_EQ(sim_.BoundsOf(a_)->high_watermark, LogOffset(1));
}

TEST_F(EngineTest, AnAcknowledgedAppendIsDurableAndVisible) {
  Open();
  ASSERT_TRUE(sim_.Append(a_, {{.name = "one"}})->ok());
  const auto after = disk_.PowerCut(testing::PowerLoss::kDropUnsynced);
  SimEngine next(*after);
  ASSERT_TRUE(next.Open().ok());
  EXPECT_THAT(next.ReadAll(a_), ElementsAre(SeenBatch{0, 1, "one"}));
}

TEST_F(EngineTest, SeveralInFlightKeepTheirOrderEvenWhileTheBucketOpens) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    testing::MemoryFileSystem disk;
    SimEngine sim(disk, seed);
    ASSERT_TRUE(sim.Open().ok());
    std::vector<std::shared_ptr<Answer>> answers;
    for (int32_t i = 0; i < 10; ++i) answers.push_back(sim.StartAppend(a_, {Numbered(i)}));
    sim.RunFor(100);
    for (int32_t i = 0; i < 10; ++i) {
      ASSERT_TRUE(answers[i]->ok()) << "seed " << seed << ", " << i << ": " << answers[i]->result->status();
      EXPECT_EQ(answers[i]->base(), i);
    }
  }
}

TEST_F(EngineTest, ADuplicateInFlightWaitsForTheFirstAndGetsItsOffset) {
  Open();
  sim_.Append(a_, {{.name = "before"}});
  const auto first = sim_.StartAppend(a_, {Numbered(0)});
  const auto again = sim_.StartAppend(a_, {Numbered(0)});
  sim_.RunFor(100);
  EXPECT_EQ(first->base(), 1);
  EXPECT_EQ(again->base(), 1);
  EXPECT_THAT(sim_.ReadAll(a_), SizeIs(2));
}

TEST_F(EngineTest, ADuplicateOfAFailedOneFailsWithIt) {
  Open();
  sim_.Append(a_, {{.name = "before"}});
  disk_.FailNext(testing::Operation::kWriteDurable, "journal", testing::Fault::kIoError);
  const auto first = sim_.StartAppend(a_, {Numbered(0)});
  const auto again = sim_.StartAppend(a_, {Numbered(0)});
  sim_.RunFor(100);
  EXPECT_EQ(first->code(), ErrorCode::kStorage);
  EXPECT_EQ(again->code(), ErrorCode::kStorage);
}

TEST_F(EngineTest, ADuplicateOfADurableOneIsAnsweredAtOnceAlsoAfterARestart) {
  Open();
  for (int32_t i = 0; i < 3; ++i) EXPECT_EQ(sim_.Append(a_, {Numbered(i)})->base(), i);
  EXPECT_EQ(sim_.Append(a_, {Numbered(1)})->base(), 1);
  for (const bool flushed : {false, true}) {
    if (flushed) sim_.RunFor(10'000);
    const auto after = disk_.PowerCut(testing::PowerLoss::kDropUnsynced);
    SimEngine next(*after);
    ASSERT_TRUE(next.Open().ok());
    EXPECT_EQ(next.Append(a_, {Numbered(2)})->base(), 2);
    EXPECT_EQ(next.Append(a_, {Numbered(3)})->base(), 3);
    EXPECT_THAT(next.ReadAll(a_), SizeIs(4));
  }
}

TEST_F(EngineTest, ASequenceOutOfOrderChangesNothing) {
  Open();
  ASSERT_TRUE(sim_.Append(a_, {Numbered(0)})->ok());
  EXPECT_EQ(sim_.Append(a_, {Numbered(2)})->code(), ErrorCode::kOutOfOrderSequence);
  EXPECT_EQ(sim_.Append(a_, {Numbered(1)})->base(), 1);
  EXPECT_EQ(sim_.engine->stats().journal.entries, 2u);
}

TEST_F(EngineTest, NewBatchesAmongRepeatedOnesAreRefusedNotDropped) {
  Open();
  ASSERT_TRUE(sim_.Append(a_, {Numbered(0)})->ok());
  EXPECT_EQ(sim_.Append(a_, {Numbered(0), {.name = "new"}})->code(), ErrorCode::kOutOfOrderSequence);
  EXPECT_EQ(sim_.Append(a_, {{.name = "new"}, Numbered(0)})->code(), ErrorCode::kOutOfOrderSequence);
  EXPECT_EQ(sim_.Append(a_, {Numbered(0), Numbered(1)})->code(), ErrorCode::kOutOfOrderSequence);
  EXPECT_THAT(sim_.ReadAll(a_), SizeIs(1));
  EXPECT_EQ(sim_.Append(a_, {{.name = "new"}, Numbered(1), {.name = "newer"}})->base(), 1);
  EXPECT_THAT(sim_.ReadAll(a_), SizeIs(4));
}

TEST_F(EngineTest, WithoutWaitingTheOffsetComesBeforeTheSync) {
  Open();
  sim_.Append(a_, {{.name = "before"}});
  disk_.FailNext(testing::Operation::kWriteDurable, "journal", testing::Fault::kIoError);
  const auto answer = sim_.StartAppend(a_, {{.name = "fire and forget"}}, false);
  sim_.RunFor(100);
  EXPECT_EQ(answer->base(), 1) << "acks 0: it may be lost";
}

TEST_F(EngineTest, AWaitingReaderIsWokenByTheNextAppend) {
  Open();
  sim_.Append(a_, {{.name = "one"}});
  auto waiter = std::make_shared<ReadWaiter>();
  const auto empty = sim_.Read({.bucket = a_, .from = LogOffset(1), .bytes_max = 1000, .waiter = waiter});
  EXPECT_TRUE(empty.status.ok());
  EXPECT_EQ(empty.bytes, 0u);
  sim_.RunFor(2000);
  EXPECT_FALSE(waiter->woken());
  sim_.Append(b_, {{.name = "elsewhere"}});
  EXPECT_FALSE(waiter->woken());
  sim_.Append(a_, {{.name = "two"}});
  EXPECT_TRUE(waiter->woken());
  EXPECT_EQ(sim_.Read({.bucket = a_, .from = LogOffset(1), .bytes_max = 1000}).bytes, 148u);
}

TEST_F(EngineTest, OffsetsOutsideTheLogAreRefused) {
  Open();
  sim_.Append(a_, {{.name = "one"}});
  EXPECT_EQ(CodeOf(sim_.Read({.bucket = a_, .from = LogOffset(2), .bytes_max = 10}).status),
            ErrorCode::kLogOffsetOutOfRange);
  EXPECT_EQ(CodeOf(sim_.Read({.bucket = a_, .from = LogOffset(-1), .bytes_max = 10}).status),
            ErrorCode::kLogOffsetOutOfRange);
}

TEST_F(EngineTest, ByteLimitsCutBetweenBatchesInMemoryAsInFiles) {
  Open();
  sim_.Append(a_, {{.name = "one"}, {.name = "two"}, {.name = "three"}});
  sim_.Append(a_, {{.name = "four"}});
  for (const bool in_files : {false, true}) {
    if (in_files) sim_.RunFor(2000);
    const auto names = [&](int64_t from, uint64_t bytes_max, bool at_least_one) {
      std::vector<std::string> result;
      for (const auto& seen : SimEngine::Parse(sim_.Read(
               {.bucket = a_, .from = LogOffset(from), .bytes_max = bytes_max, .at_least_one = at_least_one}))) {
        result.push_back(seen.name);
      }
      return result;
    };
    EXPECT_THAT(names(0, 1000, false), ElementsAre("one", "two", "three", "four")) << in_files;
    EXPECT_THAT(names(0, 300, false), ElementsAre("one", "two")) << in_files;
    EXPECT_THAT(names(1, 300, false), ElementsAre("two", "three")) << in_files;
    EXPECT_THAT(names(2, 300, false), ElementsAre("three", "four")) << in_files;
    EXPECT_THAT(names(0, 100, false), IsEmpty()) << in_files;
    EXPECT_THAT(names(0, 100, true), ElementsAre("one")) << in_files;
    EXPECT_THAT(names(3, 148, false), ElementsAre("four")) << in_files;
  }
}

TEST_F(EngineTest, TheTailGoesToFilesInItsTimeAndReadsDoNotNotice) {
  Open();
  for (int i = 0; i < 5; ++i) sim_.Append(a_, {{.name = fmt::format("m{}", i)}});
  auto read = sim_.Read({.bucket = a_, .from = LogOffset(0), .bytes_max = 10'000});
  EXPECT_TRUE(std::holds_alternative<MemoryRange>(read.data));
  EXPECT_GT(sim_.engine->stats().unwritten_bytes, 0u);
  sim_.RunFor(600);
  EXPECT_EQ(sim_.engine->stats().unwritten_bytes, 0u) << "write_delay is half a second";
  read = sim_.Read({.bucket = a_, .from = LogOffset(0), .bytes_max = 10'000});
  EXPECT_TRUE(std::holds_alternative<log::LogRange>(read.data));
  sim_.Append(a_, {{.name = "m5"}});
  EXPECT_THAT(sim_.ReadAll(a_), SizeIs(6)) << "first from the file, then from memory";
}

TEST_F(EngineTest, ColdFilesAreReadOnThePool) {
  Open();
  sim_.Append(a_, {{.name = "one"}});
  sim_.RunFor(600);
  disk_.SetCold(true);
  EXPECT_THAT(sim_.ReadAll(a_), SizeIs(1));
}

TEST_F(EngineTest, LargeAppendsMixWithSmallOnes) {
  Open();
  std::vector<std::shared_ptr<Answer>> answers;
  for (int i = 0; i < 12; ++i) {
    const size_t bytes = i % 3 == 1 ? 20'000 : 200;
    answers.push_back(sim_.StartAppend(a_, {{.name = fmt::format("m{}", i), .bytes = bytes}}));
    if (i % 4 == 3) sim_.RunFor(3);
  }
  sim_.RunFor(100);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(answers[i]->base(), i);
  EXPECT_GT(sim_.engine->stats().journal.direct_bytes, 0u);
  EXPECT_THAT(sim_.ReadAll(a_), SizeIs(12));
  const auto after = disk_.PowerCut(testing::PowerLoss::kDropUnsynced);
  SimEngine next(*after);
  ASSERT_TRUE(next.Open().ok());
  EXPECT_THAT(next.ReadAll(a_), SizeIs(12));
}

TEST_F(EngineTest, SmallAppendsThatAreLargeTogetherAreJournaledBehindManyOthers) {
  Open();
  const auto direct_bytes = [this] { return sim_.engine->stats().journal.direct_bytes; };
  const auto append_together = [this](const TableBucket& bucket) {
    for (int i = 0; i < 30; ++i) sim_.StartAppend(bucket, {{.name = "small", .bytes = 1000}});
    sim_.RunFor(100);
  };
  append_together(b_);
  const uint64_t alone = direct_bytes();
  EXPECT_GT(alone, 0u);
  for (int i = 0; i < 70; ++i) sim_.Append(a_, {{.name = "small", .bytes = 1000}});
  append_together(a_);
  EXPECT_EQ(direct_bytes(), alone);
  EXPECT_TRUE(sim_.Append(a_, {{.name = "large by itself", .bytes = 20'000}})->ok());
  EXPECT_GT(direct_bytes(), alone);
  EXPECT_THAT(sim_.ReadAll(a_), SizeIs(101));
}

TEST_F(EngineTest, AfterTheCheckpointTheJournalIsFreeAndARestartReadsNothing) {
  Open();
  for (int i = 0; i < 40; ++i) sim_.Append(TestBucket(i % 5), {{.name = fmt::format("m{}", i), .bytes = 3000}});
  EXPECT_GT(sim_.engine->stats().journal.live_bytes, 0u);
  sim_.RunFor(5000);
  EXPECT_EQ(sim_.engine->stats().journal.live_bytes, 0u);
  EXPECT_FALSE(sim_.scheduler.RunUntil([] { return false; })) << "an idle engine does nothing at all";
  const auto after = disk_.PowerCut(testing::PowerLoss::kDropUnsynced);
  SimEngine next(*after);
  ASSERT_TRUE(next.Open().ok());
  EXPECT_EQ(next.engine->stats().open_files, 0u);
  for (int i = 0; i < 5; ++i) EXPECT_THAT(next.ReadAll(TestBucket(i)), SizeIs(8));
  EXPECT_THAT(next.reports, IsEmpty());
}

TEST_F(EngineTest, ACleanStopLeavesNothingToReplay) {
  Open();
  for (int i = 0; i < 20; ++i) sim_.StartAppend(a_, {{.name = fmt::format("m{}", i)}});
  sim_.scheduler.Step();
  sim_.Stop();
  SimEngine next(disk_);
  ASSERT_TRUE(next.Open().ok());
  EXPECT_EQ(next.engine->stats().open_files, 0u);
  EXPECT_THAT(next.reports, IsEmpty());
}

TEST_F(EngineTest, StopMakesWhatIsInFlightDurableAndRefusesTheRest) {
  Open();
  sim_.Append(a_, {{.name = "before"}});
  const auto in_flight = sim_.StartAppend(a_, {{.name = "in flight"}});
  while (sim_.engine->stats().journal.entry_bytes < 200) sim_.scheduler.Step();
  sim_.engine->BeginStop();
  const auto late = sim_.StartAppend(a_, {{.name = "late"}});
  sim_.RunFor(10);
  EXPECT_TRUE(in_flight->ok());
  EXPECT_EQ(late->code(), ErrorCode::kNotLeaderOrFollower);
}

TEST_F(EngineTest, DropFailsWhatIsInFlightWakesReadersAndRemovesFiles) {
  Open();
  sim_.Append(a_, {{.name = "one"}});
  sim_.Append(b_, {{.name = "stays"}});
  sim_.RunFor(600);
  auto waiter = std::make_shared<ReadWaiter>();
  sim_.Read({.bucket = a_, .from = LogOffset(1), .bytes_max = 10, .waiter = waiter});
  std::vector<std::shared_ptr<Answer>> answers;
  for (int i = 0; i < 5; ++i) {
    answers.push_back(sim_.StartAppend(a_, {{.name = "x", .bytes = i == 2 ? size_t{20'000} : 100}}));
  }
  sim_.scheduler.Step();
  ASSERT_TRUE(sim_.Drop({a_}).ok());
  sim_.RunFor(3000);
  EXPECT_TRUE(waiter->woken());
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer->done());
    if (!answer->ok()) EXPECT_EQ(answer->code(), ErrorCode::kUnknownTableOrBucket);
  }
  EXPECT_EQ(sim_.Append(a_, {{.name = "late"}})->code(), ErrorCode::kUnknownTableOrBucket);
  EXPECT_EQ(CodeOf(sim_.Read({.bucket = a_, .from = LogOffset(0), .bytes_max = 10}).status),
            ErrorCode::kUnknownTableOrBucket);
  EXPECT_FALSE(*disk_.Exists("data/log/t1/b0"));
  EXPECT_THAT(sim_.ReadAll(b_), SizeIs(1));
  EXPECT_EQ(sim_.engine->stats().unwritten_bytes, 0u);
  EXPECT_EQ(sim_.engine->stats().journal.live_bytes, 0u) << "a dropped bucket holds nothing back";
  sim_.Stop();
  SimEngine next(disk_);
  next.gone = [&](const TableBucket& bucket) { return bucket == a_; };
  ASSERT_TRUE(next.Open().ok());
  EXPECT_THAT(next.ReadAll(b_), SizeIs(1));
}

TEST_F(EngineTest, TimesAreFoundInMemoryAndInFiles) {
  Open();
  std::vector<int64_t> times;
  for (int i = 0; i < 6; ++i) {
    times.push_back(sim_.clock.WallMs());
    sim_.Append(a_, {{.name = fmt::format("m{}", i)}});
    sim_.RunFor(i == 3 ? 1000 : 10);
  }
  const auto find = [&](int64_t time) {
    const auto run = [](SimEngine& sim, TableBucket id, int64_t at) -> runtime::Task<arrow::Result<LogOffset>> {
      runtime::Executor& shard = sim.engine->ShardOf(id);
      co_return co_await sim.engine->OffsetForTimestamp(id, at, shard);
    };
    return sim_.scheduler.Await(run(sim_, a_, time)).ValueOrDie().value;
  };
  for (int i = 0; i < 6; ++i) EXPECT_EQ(find(times[i]), i);
  EXPECT_EQ(find(0), 0);
  EXPECT_EQ(find(times.back() + 1'000'000), 6);
}

TEST_F(EngineTest, CommitTimesDoNotGoBackWithTheClock) {
  Open();
  sim_.Append(a_, {{.name = "one"}});
  sim_.RunFor(600);
  sim_.clock.SetWallSkewMs(-3'600'000);
  ASSERT_TRUE(sim_.Append(a_, {{.name = "two"}})->ok());
  sim_.RunFor(600);
  EXPECT_THAT(sim_.ReadAll(a_), SizeIs(2));
  EXPECT_THAT(sim_.reports, IsEmpty());
}

}  // namespace
}  // namespace thalweg::tablet
