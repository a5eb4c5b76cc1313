#include "thalweg/runtime/caller_loop.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>

#include "thalweg/runtime/shards.h"

namespace thalweg::runtime {
namespace {

using namespace std::chrono_literals;

TEST(CallerLoop, TheCallerRunsWhatItWaitsFor) {
  CallerLoop loop;
  EXPECT_FALSE(loop.executor().RunsHere());
  const auto ran_in = loop.Run([](CallerLoop& on) -> Task<std::thread::id> {
    EXPECT_TRUE(on.executor().RunsHere());
    co_await SwitchTo(on.executor());
    EXPECT_TRUE(on.executor().RunsHere());
    co_return std::this_thread::get_id();
  }(loop));
  EXPECT_EQ(ran_in, std::this_thread::get_id());
  EXPECT_FALSE(loop.executor().RunsHere());
}

TEST(CallerLoop, AnotherThreadGoesOn) {
  CallerLoop loop;
  int runs = 0;
  const auto run = [&] {
    loop.Run([](CallerLoop& on, int& count) -> Task<void> {
      co_await Sleep(on.executor(), 1ms);
      ++count;
    }(loop, runs));
  };
  run();
  std::thread(run).join();
  run();
  EXPECT_EQ(runs, 3);
}

TEST(CallerLoop, NothingMovesBetweenTwoCalls) {
  CallerLoop loop;
  bool ran = false;
  loop.executor().Post([&] { ran = true; });
  EXPECT_FALSE(ran);
  loop.Run([](CallerLoop& on) -> Task<void> { co_await SwitchTo(on.executor()); }(loop));
  EXPECT_TRUE(ran);
}

TEST(CallerLoop, OtherThreadsWakeIt) {
  CallerLoop loop;
  const auto shards = Shards::Start(1);
  const int result = loop.Run([](CallerLoop& on, Executor& shard) -> Task<int> {
    co_return co_await RunOn(shard, on.executor(), [] { return 7; });
  }(loop, shards->at(0)));
  EXPECT_EQ(result, 7);
}

TEST(CallerLoop, WhatNobodyRanGoesWithIt) {
  const auto held = std::make_shared<int>(1);
  {
    CallerLoop loop;
    loop.executor().Post([held] {});
    loop.executor().PostAfter(1h, [held] {});
    EXPECT_EQ(held.use_count(), 3);
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace thalweg::runtime
