// Rows by key through the whole engine: puts that become changes in the log, and lookups of what they add up to.

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/tablet/test_kv_internal.h"
#include "thalweg/testing/crash_points.h"

namespace thalweg::tablet {
namespace {

using testing::CrashState;
using ::testing::ElementsAre;
using testing::MemoryFileSystem;
using testing::PowerLoss;

constexpr WriterId kWriter{7};

class EngineKvTest : public ::testing::Test {
 protected:
  void SetUp() override {
    disk->CreateDurableDirectories("data");
    sim = std::make_unique<SimRows>(*disk);
    ASSERT_TRUE(sim->Open().ok());
  }
  /// As if the process had been killed: what is written stays.
  void Kill() {
    auto left = disk->PowerCut(PowerLoss::kKeepAll);
    sim.reset();
    disk = std::move(left);
    sim = std::make_unique<SimRows>(*disk);
    ASSERT_TRUE(sim->Open().ok());
  }

  const TableBucket bucket = TestBucket(0);
  std::unique_ptr<MemoryFileSystem> disk = std::make_unique<MemoryFileSystem>();
  std::unique_ptr<SimRows> sim;
};

TEST_F(EngineKvTest, APutIsFoundAndItsChangesAreLogged) {
  EXPECT_EQ(sim->Put(bucket, {{1, "a"}, {2, "b"}})->end(), 2);
  EXPECT_EQ(sim->Lookup(bucket, {1, 2, 3}), (TestRows{{1, "a"}, {2, "b"}}));
  EXPECT_EQ(sim->Put(bucket, {{1, "c"}, {2, std::nullopt}, {9, std::nullopt}})->end(), 5);
  EXPECT_EQ(sim->Lookup(bucket, {1, 2, 3}), (TestRows{{1, "c"}}));
  // One offset also for a batch that changed nothing, else its writer could not go on.
  EXPECT_EQ(sim->Put(bucket, {{2, std::nullopt}})->end(), 6);
  const auto log = sim->ReadChangelog(bucket);
  EXPECT_THAT(log.batches, ElementsAre("+I 1 a, +I 2 b", "-U 1 a, +U 1 c, -D 2 b", ""));
  EXPECT_EQ(log.rows, (TestRows{{1, "c"}}));
  EXPECT_EQ(sim->CountRows(bucket), 1);
}

TEST_F(EngineKvTest, EqualBytesAreAnUpdateAllTheSame) {
  sim->Put(bucket, {{1, "a"}});
  EXPECT_EQ(sim->Put(bucket, {{1, "a"}})->end(), 3);
  EXPECT_THAT(sim->ReadChangelog(bucket).batches, ElementsAre("+I 1 a", "-U 1 a, +U 1 a"));
}

TEST_F(EngineKvTest, ABatchSeesWhatItHasChangedItself) {
  sim->Put(bucket, {{1, "a"}, {1, "b"}, {1, std::nullopt}, {1, "c"}});
  EXPECT_THAT(sim->ReadChangelog(bucket).batches, ElementsAre("+I 1 a, -U 1 a, +U 1 b, -D 1 b, +I 1 c"));
  EXPECT_EQ(sim->CountRows(bucket), 1);
}

TEST_F(EngineKvTest, ManyInFlightAreMergedInTheOrderOfTheirCalls) {
  std::vector<std::shared_ptr<PutAnswer>> answers;
  for (int i = 0; i < 20; ++i) answers.push_back(sim->StartPut(bucket, {{i % 3, fmt::format("{}", i)}}, kWriter, i));
  ASSERT_TRUE(sim->scheduler.RunUntil([&] { return answers.back()->done(); }));
  for (const auto& answer : answers) EXPECT_TRUE(answer->ok());
  const auto log = sim->ReadChangelog(bucket);
  EXPECT_EQ(log.batches[5], "-U 2 2, +U 2 5");
  EXPECT_EQ(log.rows, (TestRows{{0, "18"}, {1, "19"}, {2, "17"}}));
  EXPECT_EQ(sim->Lookup(bucket, {0, 1, 2}), log.rows);
}

TEST_F(EngineKvTest, WhatWasSentTwiceChangesNothingTwice) {
  EXPECT_EQ(sim->Put(bucket, {{1, "a"}}, kWriter, 0)->end(), 1);
  EXPECT_EQ(sim->Put(bucket, {{1, "b"}}, kWriter, 1)->end(), 3);
  const auto again = sim->Put(bucket, {{1, "a"}}, kWriter, 0);
  ASSERT_TRUE(again->ok());
  EXPECT_EQ(again->end(), 1);
  EXPECT_TRUE((*again->result)->repeated);
  EXPECT_EQ(sim->Lookup(bucket, {1}), (TestRows{{1, "b"}}));
  EXPECT_EQ(sim->Put(bucket, {{1, "z"}}, kWriter, 5)->code(), ErrorCode::kOutOfOrderSequence);
  EXPECT_EQ(sim->Lookup(bucket, {1}), (TestRows{{1, "b"}}));
  EXPECT_EQ(sim->Put(bucket, {{1, "c"}}, kWriter, 2)->end(), 5) << "a refused batch must not use up a number";
}

TEST_F(EngineKvTest, ARefusedBatchLeavesNothing) {
  sim->Put(bucket, {{1, "a"}}, kWriter, 0);
  sim->table = TestKvTable({{"table.log.format", "COMPACTED"}, {"table.delete.behavior", "disable"}});
  EXPECT_EQ(sim->Put(bucket, {{1, "x"}, {2, "y"}, {1, std::nullopt}}, kWriter, 1)->code(),
            ErrorCode::kDeletionDisabled);
  auto torn = std::make_shared<Buffer>(40);
  std::ranges::fill(torn->view(), 0);
  const auto answer = sim->StartPut(bucket, torn);
  ASSERT_TRUE(sim->scheduler.RunUntil([&] { return answer->done(); }));
  EXPECT_EQ(answer->code(), ErrorCode::kCorruptRecord);
  EXPECT_EQ(sim->StartPut(bucket, {{3, "z"}}, kWriter, 1, SchemaId(9))->code(), ErrorCode::kNone);
  sim->RunFor(100);
  EXPECT_EQ(sim->Lookup(bucket, {1, 2, 3}), (TestRows{{1, "a"}}));
  EXPECT_EQ(sim->Put(bucket, {{2, "b"}}, kWriter, 1)->end(), 2);
  EXPECT_THAT(sim->ReadChangelog(bucket).batches, ElementsAre("+I 1 a", "+I 2 b"));
  EXPECT_EQ(sim->CountRows(bucket), 2);
}

TEST_F(EngineKvTest, DeletionsAreIgnoredWhereTheTableSaysSo) {
  sim->table = TestKvTable({{"table.log.format", "COMPACTED"}, {"table.delete.behavior", "ignore"}});
  sim->Put(bucket, {{1, "a"}});
  EXPECT_EQ(sim->Put(bucket, {{1, std::nullopt}})->end(), 2);
  EXPECT_EQ(sim->Lookup(bucket, {1}), (TestRows{{1, "a"}}));
}

TEST_F(EngineKvTest, TheFirstRowStaysWhereTheTableSaysSo) {
  sim->table = TestKvTable({{"table.log.format", "COMPACTED"}, {"table.merge-engine", "first_row"}});
  sim->Put(bucket, {{1, "a"}});
  EXPECT_EQ(sim->Put(bucket, {{1, "b"}, {2, "c"}, {1, std::nullopt}})->end(), 2);
  EXPECT_EQ(sim->Lookup(bucket, {1, 2}), (TestRows{{1, "a"}, {2, "c"}}));
}

TEST_F(EngineKvTest, AWalImageHasNoRowsBeforeUpdates) {
  sim->table = TestKvTable({{"table.log.format", "COMPACTED"}, {"table.changelog.image", "wal"}});
  sim->Put(bucket, {{1, "a"}});
  sim->Put(bucket, {{1, "b"}});
  sim->Put(bucket, {{1, std::nullopt}});
  EXPECT_THAT(sim->ReadChangelog(bucket).batches, ElementsAre("+U 1 a", "+U 1 b", "-D 1 b"));
  EXPECT_EQ(sim->Lookup(bucket, {1}), TestRows{});
}

TEST_F(EngineKvTest, SomeColumnsKeepWhatTheyHave) {
  sim->table = TestKvTable({{"table.log.format", "COMPACTED"}});
  sim->Put(bucket, {{1, "a"}});
  sim->targets = {0};
  sim->Put(bucket, {{1, "ignored"}, {2, "ignored"}});
  EXPECT_EQ(sim->ReadChangelog(bucket).batches.back(), "+I 2 null");
  sim->targets = {1};
  EXPECT_EQ(sim->Put(bucket, {{1, "b"}})->code(), ErrorCode::kInvalidTargetColumn);
  EXPECT_EQ(sim->CountRows(bucket), 2);
}

TEST_F(EngineKvTest, WhatIsPutOnlyWhereItIsMissingIsPutOnce) {
  sim->only_missing = true;
  const auto first = sim->StartPut(bucket, {{1, "a"}, {1, "b"}});
  const auto second = sim->StartPut(bucket, {{1, "c"}});
  ASSERT_TRUE(sim->scheduler.RunUntil([&] { return second->done(); }));
  EXPECT_TRUE(first->done()) << "what it left out is durable as well";
  EXPECT_EQ(sim->Lookup(bucket, {1}), (TestRows{{1, "b"}}));
  EXPECT_EQ(sim->Put(bucket, {{1, "d"}, {2, "e"}})->end(), 4);
  EXPECT_EQ(sim->Put(bucket, {{2, "f"}, {1, "g"}})->end(), 4);
  EXPECT_THAT(sim->ReadChangelog(bucket).batches, ElementsAre("+I 1 a, -U 1 a, +U 1 b", "+I 2 e"));
  Kill();
  sim->only_missing = true;
  EXPECT_EQ(sim->Put(bucket, {{1, "h"}})->end(), 4) << "the rows are in the state";
}

TEST_F(EngineKvTest, OldRowsAreReadAsOfTheLatestSchema) {
  sim->Put(bucket, {{1, "a"}});
  sim->table = TestKvTable({{"table.log.format", "COMPACTED"}}, true);
  EXPECT_EQ(sim->Put(bucket, {{1, "b"}})->end(), 3);
  sim->Put(bucket, {{1, std::nullopt}});
  EXPECT_EQ(sim->CountRows(bucket), 0);
}

TEST_F(EngineKvTest, RowsOutliveAKillWhetherTheyWereFlushedOrNot) {
  for (const bool flushed : {false, true}) {
    SCOPED_TRACE(flushed);
    sim->Put(bucket, {{1, "a"}, {2, "b"}, {3, "c"}});
    if (flushed) sim->RunFor(3000);
    sim->Put(bucket, {{1, "d"}, {2, std::nullopt}});
    Kill();
    EXPECT_EQ(sim->Lookup(bucket, {1, 2, 3}), (TestRows{{1, "d"}, {3, "c"}}));
    EXPECT_EQ(sim->CountRows(bucket), 2);
    EXPECT_THAT(sim->Scan(bucket), ElementsAre("d", "c"));
    EXPECT_THAT(sim->Scan(bucket, 1), ElementsAre("d"));
    sim->Put(bucket, {{1, std::nullopt}, {2, std::nullopt}, {3, std::nullopt}});
  }
}

TEST_F(EngineKvTest, AnArrowChangelogGivesTheRowsBackAsWell) {
  sim->table = TestKvTable();
  for (int i = 0; i < 40; ++i) sim->Put(bucket, {{i % 7, fmt::format("row {}", i)}});
  Kill();
  sim->table = TestKvTable();
  TestRows expected;
  for (int i = 0; i < 40; ++i) expected[i % 7] = fmt::format("row {}", i);
  EXPECT_EQ(sim->Lookup(bucket, {0, 1, 2, 3, 4, 5, 6}), expected);
  EXPECT_EQ(sim->ReadChangelog(bucket).rows, expected);
  EXPECT_EQ(sim->CountRows(bucket), 7);
}

TEST_F(EngineKvTest, ManyBucketsShareAFewOpenStates) {
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 6; ++i) sim->Put(TestBucket(i), {{i, fmt::format("{}/{}", i, round)}});
    sim->RunFor(1500);
  }
  for (int i = 0; i < 6; ++i) EXPECT_EQ(sim->Lookup(TestBucket(i), {i}), (TestRows{{i, fmt::format("{}/2", i)}}));
}

TEST_F(EngineKvTest, ADroppedBucketTakesItsRowsAlong) {
  sim->Put(bucket, {{1, "a"}});
  sim->RunFor(3000);
  ASSERT_TRUE(disk->Exists(BucketDirectory("data/kv", bucket)).ValueOrDie());
  sim->StartPut(bucket, {{1, "b"}});
  ASSERT_TRUE(sim->Drop({bucket}).ok());
  sim->RunFor(3000);
  EXPECT_FALSE(disk->Exists(BucketDirectory("data/kv", bucket)).ValueOrDie());
  EXPECT_EQ(sim->Put(bucket, {{1, "c"}})->code(), ErrorCode::kUnknownTableOrBucket);
}

TEST_F(EngineKvTest, WhatIsDoneIsCounted) {
  sim->Put(bucket, {{1, "a"}, {2, "b"}});
  sim->Put(bucket, {{1, "c"}, {2, std::nullopt}, {3, "d"}});
  sim->Lookup(bucket, {1, 2, 9});
  sim->Scan(bucket);
  auto stats = sim->engine->stats().kv;
  EXPECT_EQ(stats.puts, 2u);
  EXPECT_EQ(stats.rows_put, 5u);
  EXPECT_EQ(stats.old_rows_asked, 3u) << "1 and 2 at first, then 3";
  EXPECT_EQ(stats.lookups, 1u);
  EXPECT_EQ(stats.keys_looked_up, 3u);
  EXPECT_EQ(stats.keys_from_state, 1u);
  EXPECT_EQ(stats.rows_scanned, 2u);
  EXPECT_GT(stats.dirty_bytes, 0);
  EXPECT_EQ(stats.flushes, 0u);
  EXPECT_EQ(stats.store_opens, 1u);
  EXPECT_GT(stats.store_hits, 0u);
  EXPECT_EQ(stats.stores_open, 1u);
  EXPECT_EQ(stats.store_evictions, 0u);

  sim->RunFor(3000);
  for (int i = 1; i < 4; ++i) sim->Put(TestBucket(i), {{1, "a"}});
  stats = sim->engine->stats().kv;
  EXPECT_GE(stats.flushes, 1u);
  EXPECT_GE(stats.rows_flushed, 3u) << "the deletion of 2 too";
  EXPECT_EQ(stats.flush_failures, 0u);
  EXPECT_EQ(stats.store_opens, 4u);
  EXPECT_EQ(stats.store_evictions, 2u);
  EXPECT_EQ(stats.stores_open, 2u);
}

// --- Crashes.

/// What the clients of some buckets know: what they sent, and what was acknowledged.
class Writers {
 public:
  void Send(SimRows& sim, int number, std::vector<TestPut> puts) {
    auto& sent = sent_[number];
    sent.push_back({puts, sim.StartPut(TestBucket(number), puts, WriterId(number), static_cast<int32_t>(sent.size()))});
  }

  /// Each bucket's changelog is a prefix of what was sent to it, not less than was acknowledged; and its rows are just what
  /// that adds up to, by key and by scan.
  void Check(SimRows& sim, const std::string& where) const {
    for (const auto& [number, sent] : sent_) {
      const TableBucket bucket = TestBucket(number);
      const auto log = sim.ReadChangelog(bucket);
      ASSERT_LE(log.batches.size(), sent.size()) << where;
      for (size_t i = log.batches.size(); i < sent.size(); ++i) ASSERT_FALSE(sent[i].answer->ok()) << where << ": lost";
      TestRows expected;
      std::vector<int32_t> ids;
      for (size_t i = 0; i < sent.size(); ++i) {
        for (const auto& put : sent[i].puts) {
          ids.push_back(put.id);
          if (i >= log.batches.size()) continue;
          if (put.name) expected[put.id] = *put.name;
          if (!put.name) expected.erase(put.id);
        }
      }
      ASSERT_EQ(log.rows, expected) << where;
      ASSERT_EQ(sim.Lookup(bucket, ids), expected) << where << ", bucket " << number;
      ASSERT_EQ(sim.Scan(bucket).size(), expected.size()) << where;
      ASSERT_EQ(sim.CountRows(bucket), static_cast<int64_t>(expected.size())) << where;
    }
  }

  /// What is not known to be there is sent again.
  void Retry(SimRows& sim, const std::string& where) {
    for (auto& [number, sent] : sent_) {
      for (size_t i = 0; i < sent.size(); ++i) {
        if (sent[i].answer->ok() && i + 1 < sent.size()) continue;
        if (i + log::WriterState::kBatchesKept < sim.ReadChangelog(TestBucket(number)).batches.size()) continue;
        sent[i].answer = sim.Put(TestBucket(number), sent[i].puts, WriterId(number), static_cast<int32_t>(i));
        ASSERT_TRUE(sent[i].answer->ok()) << where << ": " << sent[i].answer->result->status();
      }
    }
    Check(sim, where + ", after retries");
  }

 private:
  struct Sent {
    std::vector<TestPut> puts;
    std::shared_ptr<PutAnswer> answer;
  };
  std::map<int, std::vector<Sent>> sent_;
};

void PutAndFlush(SimRows& sim, Writers& writers) {
  for (int i = 0; i < 12; ++i) {
    writers.Send(sim, i % 2, {{i % 5, fmt::format("v{}", i)}, {10 + i, std::string(60, 'x')}});
    if (i % 3 == 1) writers.Send(sim, 0, {{i % 4, std::nullopt}, {i, "again"}});
    if (i % 4 == 3) sim.RunFor(i % 2 == 0 ? 400 : 1300);
  }
  sim.RunFor(2500);
}

TEST(EngineKvCrashTest, EveryCrashPointLeavesRowsThatTheChangelogAddsUpTo) {
  std::unique_ptr<Writers> writers;
  const uint64_t states = testing::ForEachCrashState(
      {.seeds = 1},
      [&](MemoryFileSystem& disk) {
        writers = std::make_unique<Writers>();
        SimRows sim(disk);
        if (!sim.Open().ok()) return;
        PutAndFlush(sim, *writers);
        sim.Stop(0);
      },
      [&](MemoryFileSystem& disk, const CrashState& state) {
        if (::testing::Test::HasFatalFailure()) return;
        Writers copy = *writers;
        SimRows sim(disk, state.seed + 1, 1 + state.seed % 3);
        ASSERT_TRUE(sim.Open().ok()) << state.ToString();
        copy.Check(sim, state.ToString());
        copy.Retry(sim, state.ToString());
        EXPECT_THAT(sim.reports, ::testing::Not(::testing::Contains(::testing::HasSubstr("changelog"))))
            << state.ToString();
        sim.Stop(0);
      });
  RecordProperty("states", static_cast<int>(states));
  EXPECT_GT(states, 400u);
}

TEST(EngineKvCrashTest, EveryCrashPointOfADropLeavesTheOthersAndCanBeFinished) {
  const TableBucket dropped = TestBucket(2);
  std::unique_ptr<Writers> writers;
  const uint64_t states = testing::ForEachCrashState(
      {.seeds = 1},
      [&](MemoryFileSystem& disk) {
        writers = std::make_unique<Writers>();
        SimRows sim(disk);
        if (!sim.Open().ok()) return;
        for (int i = 0; i < 3; ++i) {
          writers->Send(sim, 0, {{i, fmt::format("v{}", i)}});
          sim.StartPut(dropped, {{i, "to go"}});
          sim.RunFor(900);
        }
        sim.StartPut(dropped, {{7, "under way"}});
        if (!sim.Drop({dropped}).ok()) return;
        writers->Send(sim, 0, {{1, "later"}});
        sim.RunFor(1500);
        sim.Stop(0);
      },
      [&](MemoryFileSystem& disk, const CrashState& state) {
        if (::testing::Test::HasFatalFailure()) return;
        Writers copy = *writers;
        const auto folders = [&] {
          std::vector<std::string> left;
          for (const char* root : {"data/kv", "data/log"}) {
            const std::string folder = BucketDirectory(root, dropped);
            if (disk.Exists(folder).ValueOrDie()) left.push_back(folder);
          }
          return left;
        };
        {
          SimRows sim(disk, state.seed + 1);
          ASSERT_TRUE(sim.Open().ok()) << state.ToString();
          copy.Check(sim, state.ToString());
          // As a start does with what the metadata no longer name.
          ASSERT_TRUE(sim.Drop({dropped}).ok()) << state.ToString();
          sim.RunFor(3000);
          EXPECT_THAT(folders(), ::testing::IsEmpty()) << state.ToString();
          sim.Stop(0);
        }
        SimRows again(disk, state.seed + 2);
        ASSERT_TRUE(again.Open().ok()) << state.ToString();
        EXPECT_THAT(folders(), ::testing::IsEmpty()) << state.ToString() << ": it is back";
        copy.Retry(again, state.ToString());
        again.Stop(0);
      });
  RecordProperty("states", static_cast<int>(states));
  EXPECT_GT(states, 200u);
}

}  // namespace
}  // namespace thalweg::tablet
