// What the engine does when the device or its own limits say no.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/tablet/test_engine_internal.h"

namespace thalweg::tablet {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using testing::Fault;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Operation;
using ::testing::SizeIs;

class EngineFaultsTest : public ::testing::Test {
 protected:
  void Open() { ASSERT_TRUE(sim_.Open().ok()); }
  /// Appends until nothing is admitted any more, with nothing of it reaching the files.
  int Fill(size_t bytes) {
    int accepted = 0;
    while (accepted < 1000) {
      const auto answer = sim_.StartAppend(TestBucket(accepted % 3), {{.name = "fill", .bytes = bytes}}, true, 50);
      sim_.scheduler.RunUntil([&] { return answer->done(); });
      if (!answer->ok()) {
        EXPECT_EQ(answer->code(), ErrorCode::kRequestTimeOut);
        break;
      }
      ++accepted;
    }
    return accepted;
  }

  testing::MemoryFileSystem disk_;
  SimEngine sim_{disk_};
  const TableBucket a_ = TestBucket(0);
  const TableBucket b_ = TestBucket(1);
};

TEST_F(EngineFaultsTest, AFullRingStopsAdmissionUntilTheFilesAreSynced) {
  sim_.options.flusher.sync_delay_ns = 10'000'000'000;
  Open();
  sim_.Append(a_, {{.name = "first"}});
  sim_.RunFor(1000);  // the first round of syncs is over, the next one is far away
  const int accepted = Fill(4000);
  EXPECT_GT(accepted, 50);
  EXPECT_GE(sim_.engine->stats().journal.live_bytes, 460'000u);
  const auto waiting = sim_.StartAppend(a_, {{.name = "waits"}}, true, 60'000);
  sim_.RunFor(100);
  EXPECT_FALSE(waiting->done());
  sim_.RunFor(30'000);
  EXPECT_TRUE(waiting->ok());
  EXPECT_LT(sim_.engine->stats().journal.live_bytes, 100'000u);
}

TEST_F(EngineFaultsTest, TheSmallestRingTakesAnyAmountInTheEnd) {
  // Where all room is in the active file, that file has to be used again.
  sim_.options.journal.ring.bytes_max = 0;
  Open();
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(sim_.Append(a_, {{.name = fmt::format("m{}", i), .bytes = 3000}})->ok()) << i;
  }
  EXPECT_THAT(sim_.ReadAll(a_), SizeIs(300));
}

TEST_F(EngineFaultsTest, BytesInFlightAreBoundedPerShard) {
  sim_.options.in_flight_bytes_max = 1000;
  Open();
  sim_.Append(a_, {{.name = "opens it"}});
  std::vector<std::shared_ptr<Answer>> answers;
  for (int i = 0; i < 20; ++i) {
    answers.push_back(sim_.StartAppend(a_, {{.name = fmt::format("m{}", i), .bytes = 300}}));
  }
  for (int step = 0; step < 100'000 && !answers.back()->done(); ++step) {
    const auto stats = sim_.engine->stats().journal;
    EXPECT_LE(stats.entry_bytes - 148, 1100 + 348 * (stats.entries - 1));
    sim_.scheduler.Step();
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(answers[i]->base(), i + 1);
}

TEST_F(EngineFaultsTest, OneAppendMayExceedTheLimitAlone) {
  sim_.options.in_flight_bytes_max = 1000;
  Open();
  EXPECT_TRUE(sim_.Append(a_, {{.name = "large", .bytes = 5000}})->ok());
}

TEST_F(EngineFaultsTest, WhatNoJournalFileCouldHoldIsRefused) {
  Open();
  EXPECT_EQ(sim_.Append(a_, {{.name = "huge", .bytes = 60'000}})->code(), ErrorCode::kRecordTooLarge);
  EXPECT_TRUE(sim_.Append(a_, {{.name = "large", .bytes = 50'000}})->ok());
}

TEST_F(EngineFaultsTest, ManyRefusedWaitersDoNotNest) {
  sim_.options.in_flight_bytes_max = 200;
  Open();
  ASSERT_TRUE(sim_.Append(a_, {{.name = "s0", .writer = WriterId(5), .sequence = 0}})->ok());
  std::vector<std::shared_ptr<Answer>> answers;
  answers.push_back(sim_.StartAppend(a_, {{.name = "ahead"}}));
  for (int i = 0; i < 20'000; ++i) {
    answers.push_back(sim_.StartAppend(a_, {{.name = "bad", .writer = WriterId(5), .sequence = 9}}));
  }
  sim_.RunFor(1000);
  for (size_t i = 1; i < answers.size(); ++i) ASSERT_EQ(answers[i]->code(), ErrorCode::kOutOfOrderSequence);
}

TEST_F(EngineFaultsTest, AFailedJournalMakesTheEngineReadOnly) {
  Open();
  ASSERT_TRUE(sim_.Append(a_, {{.name = "one"}})->ok());
  disk_.FailNext(Operation::kWriteDurable, "journal", Fault::kIoError);
  std::vector<std::shared_ptr<Answer>> answers;
  for (int i = 0; i < 5; ++i) answers.push_back(sim_.StartAppend(TestBucket(i), {{.name = "lost"}}));
  sim_.RunFor(100);
  for (const auto& answer : answers) EXPECT_EQ(answer->code(), ErrorCode::kStorage);
  EXPECT_EQ(CodeOf(sim_.engine->health()), ErrorCode::kStorage);
  EXPECT_THAT(sim_.engine->health().message(), HasSubstr(".wal"));
  EXPECT_EQ(sim_.Append(b_, {{.name = "later"}})->code(), ErrorCode::kStorage);
  EXPECT_THAT(sim_.ReadAll(a_), SizeIs(1));
  sim_.RunFor(5000);
  EXPECT_THAT(sim_.ReadAll(a_), SizeIs(1)) << "the files are still written";
}

TEST_F(EngineFaultsTest, WaitersForRoomAreToldOfAFailedJournalAndOfAStop) {
  for (const bool stop : {false, true}) {
    testing::MemoryFileSystem disk;
    SimEngine sim(disk);
    sim.options.in_flight_bytes_max = 300;
    ASSERT_TRUE(sim.Open().ok());
    sim.Append(a_, {{.name = "opens it"}});
    if (!stop) disk.FailNext(Operation::kWriteDurable, "journal", Fault::kIoError);
    std::vector<std::shared_ptr<Answer>> answers;
    for (int i = 0; i < 5; ++i) answers.push_back(sim.StartAppend(a_, {{.name = "x", .bytes = 200}}, true, 1'000'000));
    if (stop) {
      while (sim.engine->stats().journal.entry_bytes < 200) sim.scheduler.Step();
      sim.engine->BeginStop();
    }
    sim.RunFor(100);
    for (const auto& answer : answers) ASSERT_TRUE(answer->done());
    EXPECT_EQ(answers.back()->code(), stop ? ErrorCode::kNotLeaderOrFollower : ErrorCode::kStorage);
  }
}

/// Segment writes and syncs that fail, at any time: nothing is lost, and the files are mended from the journal.
TEST_F(EngineFaultsTest, AFailingSegmentIsRebuiltFromTheJournal) {
  const std::pair<Operation, Fault> faults[] = {
      {Operation::kWrite, Fault::kIoError},      {Operation::kWrite, Fault::kShortWrite},
      {Operation::kWrite, Fault::kLoseUnsynced}, {Operation::kSync, Fault::kIoError},
      {Operation::kSync, Fault::kLoseUnsynced},  {Operation::kCreate, Fault::kNoSpace},
      {Operation::kWriteBack, Fault::kIoError},  {Operation::kWriteBack, Fault::kLoseUnsynced}};
  for (const auto& [operation, fault] : faults) {
    for (int times = 1; times <= 3; ++times) {
      testing::MemoryFileSystem disk;
      SimEngine sim(disk, static_cast<uint64_t>(times));
      ASSERT_TRUE(sim.Open().ok());
      std::vector<std::string> names;
      for (int i = 0; i < 60; ++i) {
        if (i == 13 || i == 31 || i == 45) disk.FailNext(operation, "data/log", fault, times);
        const size_t bytes = i % 11 == 5 ? 18'000 : 700;
        names.push_back(fmt::format("m{}", i));
        ASSERT_TRUE(sim.Append(a_, {{.name = names.back(), .bytes = bytes}})->ok());
        sim.RunFor(i % 7 * 120);
        if (i % 10 == 9) {
          sim.RunFor(5000);  // until it is mended readers may be told to come again
          const auto all = sim.ReadAll(a_);
          ASSERT_THAT(all, SizeIs(i + 1)) << static_cast<int>(operation) << "/" << static_cast<int>(fault);
        }
      }
      sim.RunFor(10'000);
      EXPECT_THAT(sim.reports, Contains(AnyOf(HasSubstr("failed"), HasSubstr("refused"))))
          << static_cast<int>(operation) << "/" << static_cast<int>(fault);
      EXPECT_EQ(sim.engine->stats().journal.live_bytes, 0u) << "mended, synced and checkpointed";
      const auto after = disk.PowerCut(testing::PowerLoss::kDropUnsynced);
      SimEngine next(*after);
      ASSERT_TRUE(next.Open().ok());
      const auto all = next.ReadAll(a_);
      ASSERT_EQ(all.size(), names.size());
      for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(all[i].name, names[i]);
    }
  }
}

TEST_F(EngineFaultsTest, ReadersOfARangeThatIsBeingRebuiltAreToldToComeAgain) {
  Open();
  sim_.Append(a_, {{.name = "one"}});
  sim_.RunFor(3000);
  disk_.FailNext(Operation::kSync, "data/log", Fault::kIoError, 4);
  sim_.Append(a_, {{.name = "two"}});
  sim_.RunFor(600);
  const auto read = sim_.Read({.bucket = a_, .from = LogOffset(1), .bytes_max = 1000});
  EXPECT_EQ(CodeOf(read.status), ErrorCode::kLogStorage);
  EXPECT_TRUE(IsRetriable(CodeOf(read.status)));
  sim_.RunFor(10'000);
  EXPECT_THAT(sim_.ReadAll(a_), SizeIs(2));
}

TEST_F(EngineFaultsTest, ADeviceThatKeepsFailingDoesNotSpin) {
  Open();
  ASSERT_TRUE(sim_.Append(a_, {{.name = "one"}})->ok());
  disk_.FailNext(Operation::kCreate, "data/log", Fault::kNoSpace, 1'000'000);
  sim_.options.flusher.unwritten_bytes_max = 1;
  sim_.RunFor(60'000);
  EXPECT_LT(sim_.reports.size(), 200u);
  EXPECT_GT(sim_.engine->stats().write_failures, 10u);
  EXPECT_THAT(sim_.ReadAll(a_), SizeIs(1)) << "from memory";
}

/// One bucket whose files never take anything again: it must not hold the ring, and everybody else, for ever.
TEST_F(EngineFaultsTest, ABucketThatKeepsFailingIsShutBeforeItHoldsUpTheOthers) {
  Open();
  std::vector<std::string> kept;
  ASSERT_TRUE(sim_.Append(a_, {{.name = "in files"}})->ok());
  sim_.RunFor(3000);
  disk_.FailNext(Operation::kWrite, "data/log/t1/b0", Fault::kIoError, 1'000'000);
  disk_.FailNext(Operation::kCreate, "data/log/t1/b0", Fault::kIoError, 1'000'000);
  std::vector<std::string> lost;
  for (int i = 0; i < 20; ++i) {
    lost.push_back(fmt::format("a{}", i));
    ASSERT_TRUE(sim_.Append(a_, {{.name = lost.back(), .bytes = 3000}})->ok());
  }
  sim_.RunFor(120'000);
  EXPECT_EQ(sim_.engine->stats().buckets_set_aside, 0u) << "it harms nobody yet, and may recover";
  int written = 0;
  for (; written < 400; ++written) {
    const auto answer = sim_.Append(b_, {{.name = fmt::format("b{}", written), .bytes = 3000}});
    ASSERT_TRUE(answer->ok()) << answer->result->status();
  }
  sim_.RunFor(60'000);
  EXPECT_EQ(sim_.engine->stats().buckets_set_aside, 1u);
  EXPECT_EQ(sim_.engine->stats().journal.live_bytes, 0u) << "the ring goes on";
  EXPECT_EQ(sim_.engine->stats().unwritten_bytes, 0u);
  EXPECT_THAT(sim_.ReadAll(b_), SizeIs(400));
  const auto refused = sim_.Append(a_, {{.name = "no"}});
  EXPECT_EQ(refused->code(), ErrorCode::kLogStorage);
  EXPECT_THAT(refused->result->status().message(), HasSubstr("data/unreplayed/t1/b0"));
  std::string aside;
  for (const auto& entry : disk_.List("data/unreplayed/t1/b0").ValueOrDie()) {
    aside += io::ReadFile(disk_, "data/unreplayed/t1/b0/" + entry.name).ValueOrDie();
  }
  for (const auto& name : lost) EXPECT_THAT(aside, HasSubstr(name + ";"));

  sim_.Stop();
  const auto after = disk_.PowerCut(testing::PowerLoss::kDropUnsynced);
  SimEngine next(*after);
  ASSERT_TRUE(next.Open().ok());
  EXPECT_EQ(next.Append(a_, {{.name = "no"}})->code(), ErrorCode::kLogStorage) << "shut until a person has looked";
  EXPECT_EQ(next.engine->stats().buckets_set_aside, 1u);
  EXPECT_THAT(next.ReadAll(b_), SizeIs(400));
}

TEST_F(EngineFaultsTest, WhatCannotBeSetAsideEitherStaysInTheJournal) {
  Open();
  ASSERT_TRUE(sim_.Append(b_, {{.name = "opens it"}})->ok());
  sim_.RunFor(3000);
  disk_.FailNext(Operation::kCreate, "data/log/t1/b0", Fault::kIoError, 1'000'000);
  disk_.FailNext(Operation::kCreate, "data/unreplayed", Fault::kIoError, 1'000'000);
  int accepted = 0;
  while (accepted < 1000 && sim_.Append(a_, {{.name = fmt::format("a{}", accepted), .bytes = 3000}})->ok()) ++accepted;
  EXPECT_LT(accepted, 1000);
  sim_.RunFor(120'000);
  EXPECT_EQ(sim_.engine->stats().buckets_set_aside, 0u);
  EXPECT_THAT(sim_.reports, Contains(HasSubstr("cannot be set aside either")));
  EXPECT_LT(sim_.reports.size(), 1000u);
  sim_.Stop();
  const auto after = disk_.PowerCut(testing::PowerLoss::kDropUnsynced);
  SimEngine next(*after);
  ASSERT_TRUE(next.Open().ok());
  EXPECT_THAT(next.ReadAll(a_), SizeIs(accepted));
}

TEST_F(EngineFaultsTest, ACheckpointThatCannotBeWrittenIsToldAndTriedAgain) {
  Open();
  disk_.FailNext(Operation::kRename, "checkpoint", Fault::kIoError, 2);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(sim_.Append(a_, {{.name = "m"}})->ok());
    sim_.RunFor(3000);
  }
  EXPECT_THAT(sim_.reports, SizeIs(2));
  EXPECT_EQ(sim_.engine->stats().journal.live_bytes, 0u);
}

}  // namespace
}  // namespace thalweg::tablet
