#include "thalweg/testing/sim_executor.h"

#include <gtest/gtest.h>

#include <string>

#include "thalweg/runtime/completion.h"
#include "thalweg/testing/sim_clock.h"

namespace thalweg::testing {
namespace {

using namespace std::chrono_literals;

std::string RunThreeThreads(uint64_t seed) {
  SimScheduler scheduler(seed);
  std::string seen;
  for (const char* name : {"a", "b", "c"}) {
    SimExecutor& executor = scheduler.MakeThread(name);
    for (int i = 0; i < 4; ++i) {
      executor.Post([&seen, name, i] { seen += name + std::to_string(i); });
    }
  }
  scheduler.RunReady();
  return seen;
}

TEST(SimScheduler, SameSeedSameOrder) {
  EXPECT_EQ(RunThreeThreads(7), RunThreeThreads(7));
  EXPECT_NE(RunThreeThreads(7), RunThreeThreads(8));
}

TEST(SimScheduler, WorkOfAThreadKeepsItsOrder) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const std::string seen = RunThreeThreads(seed);
    for (const char* name : {"a", "b", "c"}) {
      for (int i = 0; i < 3; ++i) {
        EXPECT_LT(seen.find(name + std::to_string(i)), seen.find(name + std::to_string(i + 1)));
      }
    }
  }
}

TEST(SimScheduler, WorkOfAPoolRunsInSeveralOrders) {
  bool later_first = false;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SimScheduler scheduler(seed);
    SimExecutor& pool = scheduler.MakePool("blocking");
    std::string seen;
    for (const char c : {'0', '1', '2'}) pool.Post([&seen, c] { seen += c; });
    scheduler.RunReady();
    later_first |= seen != "012";
  }
  EXPECT_TRUE(later_first);
}

TEST(SimScheduler, ClockJumpsFromTimerToTimer) {
  SimScheduler scheduler;
  SimClock clock(scheduler);
  SimExecutor& shard = scheduler.MakeThread("shard-0");
  std::string seen;
  shard.PostAfter(30ms, [&] { seen += "c"; });
  shard.PostAfter(10ms, [&] { seen += "a"; });
  shard.PostAfter(10ms, [&] { seen += "b"; });
  scheduler.RunFor(9ms);
  EXPECT_EQ(seen, "");
  scheduler.RunFor(1ms);
  EXPECT_EQ(seen, "ab");
  EXPECT_EQ(clock.MonotonicNs(), 10'000'000);
  EXPECT_TRUE(scheduler.Step());
  EXPECT_EQ(seen, "abc");
  EXPECT_EQ(clock.WallMs(), SimClock::kStartWallMs + 30);
  EXPECT_FALSE(scheduler.Step());
}

TEST(SimScheduler, AwaitGivesTheValueAndKnowsWhereItRan) {
  SimScheduler scheduler;
  SimExecutor& home = scheduler.MakeThread("shard-0");
  SimExecutor& pool = scheduler.MakePool("blocking");
  const int value = scheduler.Await([](SimExecutor& h, SimExecutor& p) -> runtime::Task<int> {
    co_await runtime::Sleep(h, 5ms);
    EXPECT_TRUE(h.RunsHere());
    const int got = co_await runtime::RunOn(p, h, [&] { return p.RunsHere() && !h.RunsHere() ? 7 : 0; });
    co_return got;
  }(home, pool));
  EXPECT_EQ(value, 7);
  EXPECT_FALSE(home.RunsHere());
}

TEST(SimScheduler, StoppedExecutorDropsItsWork) {
  SimScheduler scheduler;
  SimExecutor& shard = scheduler.MakeThread("shard-0");
  auto alive = std::make_shared<int>(0);
  shard.Post([alive] { ++*alive; });
  shard.PostAfter(1ms, [alive] { ++*alive; });
  shard.Stop();
  shard.Post([alive] { ++*alive; });
  EXPECT_EQ(alive.use_count(), 1);
  while (scheduler.Step()) {
  }
  EXPECT_EQ(*alive, 0);
}

}  // namespace
}  // namespace thalweg::testing
