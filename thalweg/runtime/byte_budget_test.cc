#include "thalweg/runtime/byte_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/countdown.h"
#include "thalweg/runtime/threads.h"

namespace thalweg::runtime {
namespace {

TEST(ByteBudget, ServesInOrderOfArrival) {
  ThreadExecutor home("home");
  ByteBudget budget(100);
  BlockOn(home, [](ByteBudget& b, Executor& h) -> Task<void> {
    std::string seen;
    Countdown all(3);
    const auto take = [&](char name, int64_t bytes) -> Task<void> {
      co_await b.Acquire(bytes, h);
      seen += name;
      all.Arrive();
    };
    EXPECT_TRUE(b.TryAcquire(90));
    Spawn(take('a', 50));
    Spawn(take('b', 5));  // would fit, but does not overtake
    Spawn(take('c', 60));
    EXPECT_FALSE(b.TryAcquire(1));
    EXPECT_EQ(seen, "");
    b.Release(40);
    co_await SwitchTo(h);
    co_await SwitchTo(h);
    EXPECT_EQ(seen, "a");
    EXPECT_EQ(b.used(), 100);
    b.Release(65);
    co_await all.Wait(h);
    EXPECT_EQ(seen, "abc");
    b.Release(100);
  }(budget, home));
  EXPECT_EQ(budget.used(), 0);
}

TEST(ByteBudget, RequestAboveTheLimitGetsThroughAlone) {
  ThreadExecutor home("home");
  ByteBudget budget(100);
  BlockOn(home, [](ByteBudget& b, Executor& h) -> Task<void> {
    co_await b.Acquire(10, h);
    bool got = false;
    Spawn([](ByteBudget& bb, Executor& hh, bool& flag) -> Task<void> {
      co_await bb.Acquire(1000, hh);
      flag = true;
    }(b, h, got));
    EXPECT_FALSE(got);
    b.Release(10);
    co_await SwitchTo(h);
    EXPECT_TRUE(got);
    EXPECT_FALSE(b.TryAcquire(0));
    b.Release(1000);
    EXPECT_TRUE(b.TryAcquire(100));
    b.Release(100);
  }(budget, home));
}

TEST(ByteBudget, ManyTakersNeverExceedTheLimit) {
  BlockingPool pool(4);
  ByteBudget budget(100);
  std::atomic<int64_t> used = 0;
  std::atomic<bool> exceeded = false;
  std::vector<Task<void>> tasks;
  for (int i = 0; i < 500; ++i) {
    tasks.push_back([](ByteBudget& b, Executor& p, std::atomic<int64_t>& now, std::atomic<bool>& over,
                       int64_t bytes) -> Task<void> {
      co_await SwitchTo(p);
      co_await b.Acquire(bytes, p);
      ByteBudget::Hold hold(b, bytes);
      if (now.fetch_add(bytes) + bytes > b.limit()) over = true;
      co_await SwitchTo(p);
      now.fetch_sub(bytes);
    }(budget, pool, used, exceeded, 1 + i % 60));
  }
  BlockOn(pool, WhenAll(pool, std::move(tasks)));
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(budget.used(), 0);
}

}  // namespace
}  // namespace thalweg::runtime
