// Where calls run: they find the bucket's shard by themselves and end where they are told to.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/runtime/countdown.h"
#include "thalweg/tablet/test_engine_internal.h"

namespace thalweg::tablet {
namespace {

using ::testing::ElementsAre;

class EngineShardsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    disk_.CreateDurableDirectories(".");
    ASSERT_TRUE(sim_.Open().ok());
  }

  /// Runs `task` on `executor` until it has ended.
  void RunOn(runtime::Executor& executor, runtime::Task<> task) {
    bool done = false;
    runtime::SpawnOn(executor, Mark(std::move(task), done));
    ASSERT_TRUE(sim_.scheduler.RunUntil([&] { return done; }));
  }
  static runtime::Task<> Mark(runtime::Task<> task, bool& done) {
    co_await std::move(task);
    done = true;
  }

  runtime::Executor& OtherThan(const runtime::Executor& shard) const {
    return sim_.shards[0] == &shard ? *sim_.shards[1] : *sim_.shards[0];
  }
  TableBucket BucketOn(const runtime::Executor& shard, int nth = 0) const {
    for (int32_t i = 0;; ++i) {
      if (&sim_.engine->ShardOf(TestBucket(i)) == &shard && nth-- == 0) return TestBucket(i);
    }
  }

  testing::MemoryFileSystem disk_;
  SimEngine sim_{disk_};
};

TEST_F(EngineShardsTest, EveryCallFromElsewhereComesHome) {
  const TableBucket bucket = BucketOn(*sim_.shards[1]);
  for (runtime::Executor* from : {sim_.shards[0], sim_.shards[1]}) {
    for (runtime::Executor* home : {sim_.shards[0], sim_.shards[1]}) {
      RunOn(*from, [](Engine& engine, TableBucket id, runtime::Executor& to) -> runtime::Task<> {
        EXPECT_TRUE((co_await engine.Append(id, MakeRequest({{.name = "x"}}), true, 1000, to)).ok());
        EXPECT_TRUE(to.RunsHere());
        EXPECT_TRUE((co_await engine.Append(id, MakeRequest({{.name = "y"}}), false, 1000, to)).ok());
        EXPECT_TRUE(to.RunsHere());
        auto out_of_order = MakeRequest({{.name = "z", .writer = WriterId(7), .sequence = 3}});
        EXPECT_FALSE((co_await engine.Append(id, std::move(out_of_order), true, 1000, to)).ok());
        EXPECT_TRUE(to.RunsHere());
        EXPECT_TRUE((co_await engine.Read({.bucket = id, .from = LogOffset(0), .bytes_max = 100}, to)).status.ok());
        EXPECT_TRUE(to.RunsHere());
        EXPECT_TRUE((co_await engine.BoundsOf(id, to)).ok());
        EXPECT_TRUE(to.RunsHere());
        EXPECT_TRUE((co_await engine.OffsetForTimestamp(id, 0, to)).ok());
        EXPECT_TRUE(to.RunsHere());
      }(*sim_.engine, bucket, *home));
    }
  }
}

TEST_F(EngineShardsTest, OnTheShardACallIsOnePieceOfWorkAndFromElsewhereItIsNot) {
  runtime::Executor& shard = *sim_.shards[0];
  const TableBucket bucket = BucketOn(shard);
  sim_.Append(bucket, {{.name = "opens it"}});
  using Step = runtime::Task<> (*)(Engine& engine, TableBucket id, runtime::Executor& home, bool& ended);
  const std::vector<Step> calls = {
      [](Engine& engine, TableBucket id, runtime::Executor& home, bool& ended) -> runtime::Task<> {
        EXPECT_TRUE((co_await engine.BoundsOf(id, home)).ok());
        ended = true;
      },
      [](Engine& engine, TableBucket id, runtime::Executor& home, bool& ended) -> runtime::Task<> {
        EXPECT_EQ((co_await engine.Read({.bucket = id, .from = LogOffset(0), .bytes_max = 150}, home)).bytes, 148u);
        ended = true;
      },
      [](Engine& engine, TableBucket id, runtime::Executor& home, bool& ended) -> runtime::Task<> {
        Engine::Reading reading{.request = {.bucket = id, .from = LogOffset(0), .bytes_max = 150}, .result = {}};
        Engine::Reading* const pointer = &reading;
        co_await engine.ReadAll({&pointer, 1}, home);
        EXPECT_EQ(reading.result.bytes, 148u);
        ended = true;
      },
      [](Engine& engine, TableBucket id, runtime::Executor& home, bool& ended) -> runtime::Task<> {
        EXPECT_TRUE((co_await engine.Append(id, MakeRequest({{.name = "x"}}), false, 1000, home)).ok());
        ended = true;
      },
  };
  for (const auto call : calls) {
    for (runtime::Executor* from : {&shard, &OtherThan(shard)}) {
      sim_.RunFor(10'000);
      bool ended = false;
      runtime::SpawnOn(*from, call(*sim_.engine, bucket, *from, ended));
      sim_.scheduler.Step();
      EXPECT_EQ(ended, from == &shard);
      sim_.RunFor(10);
      EXPECT_TRUE(ended);
    }
  }
}

TEST_F(EngineShardsTest, AppendsOfOneExecutorKeepTheirOrderOnTheWayToTheShard) {
  for (runtime::Executor* shard : sim_.shards) {
    const TableBucket bucket = BucketOn(*shard);
    std::vector<int64_t> bases;
    RunOn(*sim_.shards[0],
          [](Engine& engine, TableBucket id, runtime::Executor& home, std::vector<int64_t>& into) -> runtime::Task<> {
            std::vector<runtime::Task<>> appends;
            const auto append = [](Engine& e, TableBucket b, runtime::Executor& h, int32_t sequence,
                                   std::vector<int64_t>& out) -> runtime::Task<> {
              auto request = MakeRequest({{.name = "x", .writer = WriterId(7), .sequence = sequence}});
              const auto appended = co_await e.Append(b, std::move(request), true, 1000, h);
              EXPECT_TRUE(appended.ok()) << sequence << ": " << appended.status();
              if (appended.ok()) out.push_back(appended->base.value);
            };
            for (int32_t i = 0; i < 5; ++i) appends.push_back(append(engine, id, home, i, into));
            co_await runtime::WhenAll(home, std::move(appends));
          }(*sim_.engine, bucket, *sim_.shards[0], bases));
    EXPECT_THAT(bases, ElementsAre(0, 1, 2, 3, 4));
  }
}

TEST_F(EngineShardsTest, ReadAllReadsFromAllShardsAndComesHome) {
  std::vector<Engine::Reading> readings;
  for (int i = 0; i < 6; ++i) {
    const TableBucket bucket = BucketOn(*sim_.shards[i % 2], i / 2);
    sim_.Append(bucket, {{.name = fmt::format("m{}", i)}});
    readings.push_back({.request = {.bucket = bucket, .from = LogOffset(0), .bytes_max = 1000}, .result = {}});
  }
  readings[3].request.from = LogOffset(5);
  for (const bool cold : {false, true}) {
    if (cold) {
      sim_.RunFor(600);
      disk_.SetCold(true);
    }
    for (runtime::Executor* home : sim_.shards) {
      for (auto& reading : readings) reading.result = {};
      RunOn(OtherThan(*home),
            [](Engine& engine, std::vector<Engine::Reading>& all, runtime::Executor& to) -> runtime::Task<> {
              std::vector<Engine::Reading*> pointers;
              for (auto& reading : all) pointers.push_back(&reading);
              co_await engine.ReadAll(pointers, to);
              EXPECT_TRUE(to.RunsHere());
              co_await engine.ReadAll({}, to);
              EXPECT_TRUE(to.RunsHere());
            }(*sim_.engine, readings, *home));
      for (int i = 0; i < 6; ++i) {
        if (i == 3) {
          EXPECT_EQ(CodeOf(readings[i].result.status), ErrorCode::kLogOffsetOutOfRange);
        } else {
          EXPECT_THAT(SimEngine::Parse(readings[i].result), ElementsAre(SeenBatch{0, 1, fmt::format("m{}", i)}))
              << cold;
        }
      }
    }
  }
}

}  // namespace
}  // namespace thalweg::tablet
