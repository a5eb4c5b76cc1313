#include "thalweg/runtime/timer.h"

#include <gtest/gtest.h>

#include <string>

#include "thalweg/testing/sim_executor.h"

namespace thalweg::testing {
namespace {

using namespace std::chrono_literals;

TEST(Timer, RunsOnceAndOnlyTheLastArmed) {
  SimScheduler scheduler;
  runtime::Timer timer(scheduler.MakeThread("shard-0"));
  std::string seen;
  timer.Arm(10ms, [&] { seen += "a"; });
  timer.Arm(20ms, [&] { seen += "b"; });
  scheduler.RunFor(15ms);
  EXPECT_EQ(seen, "");
  EXPECT_TRUE(timer.armed());
  scheduler.RunFor(1h);
  EXPECT_EQ(seen, "b");
  EXPECT_FALSE(timer.armed());
}

TEST(Timer, CancelAndDestructionCallItOff) {
  SimScheduler scheduler;
  SimExecutor& shard = scheduler.MakeThread("shard-0");
  bool ran = false;
  auto held = std::make_shared<int>(0);
  {
    runtime::Timer timer(shard);
    timer.Arm(1ms, [&] { ran = true; });
    timer.Cancel();
    timer.Arm(2ms, [&ran, held] { ran = true; });
  }
  EXPECT_EQ(held.use_count(), 1);  // what the work held goes with the timer, not when the delay has run out
  scheduler.RunFor(1h);
  EXPECT_FALSE(ran);
}

TEST(Timer, WorkMayArmAgainOrDestroyTheTimer) {
  SimScheduler scheduler;
  SimExecutor& shard = scheduler.MakeThread("shard-0");
  auto timer = std::make_unique<runtime::Timer>(shard);
  int runs = 0;
  timer->Arm(1ms, [&] {
    ++runs;
    timer->Arm(1ms, [&] {
      ++runs;
      timer.reset();
    });
  });
  scheduler.RunFor(10ms);
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(timer, nullptr);
}

}  // namespace
}  // namespace thalweg::testing
