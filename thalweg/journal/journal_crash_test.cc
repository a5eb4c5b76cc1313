// Every place where a crash may fall into the work of a journal.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/journal/test_journal_internal.h"
#include "thalweg/testing/crash_points.h"

namespace thalweg::journal {
namespace {

using testing::CrashState;
using testing::MemoryFileSystem;
using testing::PowerLoss;

/// What a run acknowledged, appended and released before it was cut off.
struct History {
  std::vector<Said> appended;
  std::vector<Said> committed;
  uint64_t released = 0;
};

/// Two buckets, several in flight, large and small ones, over a ring that goes round a few times, and a second start.
void Script(MemoryFileSystem& disk, History& history) {
  history = {};
  for (uint64_t start = 0; start < 2; ++start) {
    SimJournal sim(disk, start + 1);
    sim.options.ring.bytes_max = 48 << 10;
    sim.sink.direct_answer = arrow::Status::OK();
    if (!sim.Open(history.released).ok()) return;
    for (int64_t i = 0; i < 14; ++i) {
      const int64_t offset = static_cast<int64_t>(start) * 100 + 2 * i;
      sim.Append(kBucketA, offset, 1, 300, "s");
      if (i % 3 == 0) sim.Append(kBucketB, offset, 2, i % 6 == 0 ? 5000 : 9000);
      sim.Append(kBucketA, offset + 1, 1, 3500);
      sim.Run();
      if (i % 4 == 3) {
        history.released = sim.journal->next_sequence() - 1;
        sim.journal->Release(history.released);
        sim.Run();
      }
    }
    const auto add = [](std::vector<Said>& to, const std::vector<Said>& from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    add(history.appended, sim.appended);
    add(history.committed, sim.sink.committed);
    if (!sim.sink.failed.empty()) return;
  }
}

/// Everything committed and not released comes back once, in order, byte for byte; nothing that was not appended does.
void Check(const std::vector<Said>& replayed, const History& history, const std::string& where) {
  std::vector<Said> expected;
  for (const auto& said : history.committed) {
    if (said.sequence >= history.released) expected.push_back(said);
  }
  ASSERT_GE(replayed.size(), expected.size()) << where;
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(replayed[i], expected[i]) << where;
    ASSERT_EQ(replayed[i].sequence, expected[i].sequence) << where;
  }
  for (size_t i = expected.size(); i < replayed.size(); ++i) {
    const bool known = std::ranges::any_of(history.appended, [&](Said said) {
      said.direct = replayed[i].direct;
      return said == replayed[i];
    });
    ASSERT_TRUE(known) << where << ": " << ::testing::PrintToString(replayed[i]) << " was never appended";
    ASSERT_EQ(std::ranges::count(expected, replayed[i]), 0) << where << ": twice";
  }
}

TEST(JournalCrashTest, WhatWasCommittedComesBack) {
  History history;
  const uint64_t states = testing::ForEachCrashState(
      {.seeds = 8}, [&](MemoryFileSystem& disk) { Script(disk, history); },
      [&](MemoryFileSystem& disk, const CrashState& state) {
        SimJournal sim(disk, state.seed);
        ASSERT_TRUE(sim.Open(history.released).ok()) << state.ToString();
        EXPECT_THAT(sim.journal->damage(), ::testing::IsEmpty()) << state.ToString();
        Check(sim.replayed, history, state.ToString());
      });
  EXPECT_GT(states, 1000u);
}

TEST(JournalCrashTest, ASecondCrashDuringOrAfterRecoveryLosesNothingEither) {
  History history;
  uint64_t states = 0;
  testing::ForEachCrashState(
      {.step = 2, .seeds = 1}, [&](MemoryFileSystem& disk) { Script(disk, history); },
      [&](MemoryFileSystem& disk, const CrashState& first) {
        for (uint64_t operations = 0;; ++operations) {
          const auto again = disk.PowerCut(PowerLoss::kKeepAll);
          again->CrashAfter(operations);
          History both = history;
          both.appended.push_back(SaidBy(TestEntry(kBucketA, 10'000, 1, 200)));
          {
            SimJournal sim(*again, first.seed);
            if (sim.Open(history.released).ok()) {
              sim.Append(kBucketA, 10'000, 1, 200);
              sim.Run();
              // What a replay gave is visible, so it has to stay, acknowledged or not.
              both.committed = sim.replayed;
              both.committed.insert(both.committed.end(), sim.sink.committed.begin(), sim.sink.committed.end());
            }
          }
          const auto left = again->PowerCut(operations % 2 == 0 ? PowerLoss::kTorn : PowerLoss::kDropUnsynced,
                                            first.seed + operations);
          SimJournal sim(*left, operations);
          ASSERT_TRUE(sim.Open(history.released).ok()) << first.ToString();
          Check(sim.replayed, both, first.ToString() + ", then after " + std::to_string(operations));
          ++states;
          if (!again->crashed()) break;
        }
      });
  EXPECT_GT(states, 500u);
}

/// Each persistence operation of the script fails once: nothing is told committed that does not come back.
TEST(JournalCrashTest, AFailedOperationLosesNothing) {
  MemoryFileSystem whole;
  History history;
  Script(whole, history);
  for (const auto fault : {testing::Fault::kIoError, testing::Fault::kShortWrite, testing::Fault::kLoseUnsynced}) {
    for (uint64_t index = 1; index <= whole.operations(); index += 2) {
      MemoryFileSystem disk;
      disk.FailOperation(index, fault);
      Script(disk, history);
      const auto left = disk.PowerCut(PowerLoss::kDropUnsynced);
      SimJournal sim(*left);
      ASSERT_TRUE(sim.Open(history.released).ok());
      Check(sim.replayed, history, "operation " + std::to_string(index));
    }
  }
}

}  // namespace
}  // namespace thalweg::journal
