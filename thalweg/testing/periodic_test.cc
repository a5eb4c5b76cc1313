#include "thalweg/runtime/periodic.h"

#include <gtest/gtest.h>

#include <vector>

#include "thalweg/testing/sim_executor.h"

namespace thalweg::testing {
namespace {

using namespace std::chrono_literals;

TEST(Periodic, RoundsFollowEachOtherAndDoNotOverlap) {
  SimScheduler scheduler;
  SimExecutor& shard = scheduler.MakeThread("shard-0");
  SimExecutor& pool = scheduler.MakePool("pool");
  std::vector<int64_t> began_ms;
  runtime::Periodic periodic(shard, 10ms, [&]() -> runtime::Task<void> {
    EXPECT_TRUE(shard.RunsHere());
    began_ms.push_back(scheduler.now_ns() / 1'000'000);
    co_await runtime::Sleep(pool, 25ms);
  });
  periodic.Start(10ms);
  scheduler.RunFor(100ms);
  EXPECT_EQ(began_ms, (std::vector<int64_t>{10, 45, 80}));
  scheduler.Await(periodic.Stop(shard));
  scheduler.RunFor(1s);
  EXPECT_EQ(began_ms.size(), 3u);
}

TEST(Periodic, StopWaitsForTheRoundUnderWay) {
  SimScheduler scheduler;
  SimExecutor& shard = scheduler.MakeThread("shard-0");
  bool ended = false;
  runtime::Periodic periodic(shard, 10ms, [&]() -> runtime::Task<void> {
    co_await runtime::Sleep(shard, 50ms);
    ended = true;
  });
  periodic.Start(10ms);
  scheduler.RunFor(20ms);
  EXPECT_FALSE(ended);
  scheduler.Await(periodic.Stop(shard));
  EXPECT_TRUE(ended);
}

TEST(Periodic, MayGoWhileItsNextRoundIsPosted) {
  SimScheduler scheduler;
  SimExecutor& shard = scheduler.MakeThread("shard-0");
  int rounds = 0;
  {
    runtime::Periodic periodic(shard, 10ms, [&]() -> runtime::Task<void> {
      ++rounds;
      co_return;
    });
    periodic.Start(10ms);
    scheduler.RunFor(15ms);
    scheduler.Await(periodic.Stop(shard));
  }
  scheduler.RunFor(1s);
  EXPECT_EQ(rounds, 1);
}

}  // namespace
}  // namespace thalweg::testing
