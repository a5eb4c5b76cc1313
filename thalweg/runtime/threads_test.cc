#include "thalweg/runtime/threads.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <latch>
#include <thread>
#include <vector>

#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/countdown.h"

namespace thalweg::runtime {
namespace {

using namespace std::chrono_literals;

TEST(BlockingPool, StartsThreadsOnlyWhenNoneIsIdle) {
  BlockingPool pool(4);
  EXPECT_EQ(pool.threads(), 0u);
  BlockOn(pool, []() -> Task<void> { co_return; }());
  EXPECT_EQ(pool.threads(), 1u);
  // Three that wait for one another need three threads.
  std::latch together(3);
  std::latch done(3);
  for (int i = 0; i < 3; ++i) {
    pool.Post([&] {
      together.arrive_and_wait();
      done.count_down();
    });
  }
  done.wait();
  EXPECT_GE(pool.threads(), 3u);
  EXPECT_LE(pool.threads(), 4u);
}

TEST(BlockingPool, NeverHasMoreThreadsThanItsBound) {
  BlockingPool pool(2);
  std::latch done(200);
  for (int i = 0; i < 200; ++i) pool.Post([&] { done.count_down(); });
  done.wait();
  EXPECT_LE(pool.threads(), 2u);
}

TEST(BlockingPool, TimerRunsWhileAnotherThreadIsBlocked) {
  BlockingPool pool(2);
  std::latch timer_ran(1);
  std::latch blocked_done(1);
  pool.PostAfter(5ms, [&] { timer_ran.count_down(); });
  pool.Post([&] {
    timer_ran.wait();  // for ever, unless the other thread minds the deadline
    blocked_done.count_down();
  });
  blocked_done.wait();
}

TEST(BlockingPool, RunsAllWorkAndAllTimersInAnyMixture) {
  constexpr int kPosters = 3;
  constexpr int kPosts = 400;
  BlockingPool pool(3);
  ThreadExecutor single("single");
  std::latch done(kPosters * kPosts * 4);
  std::vector<std::thread> posters;
  for (int poster = 0; poster < kPosters; ++poster) {
    posters.emplace_back([&, poster] {
      for (int i = 0; i < kPosts; ++i) {
        for (Executor* executor : {static_cast<Executor*>(&pool), static_cast<Executor*>(&single)}) {
          executor->Post([&] { done.count_down(); });
          executor->PostAfter(std::chrono::microseconds((i * 37 + poster) % 500), [&] { done.count_down(); });
        }
      }
    });
  }
  for (auto& poster : posters) poster.join();
  done.wait();  // for ever, if one is forgotten
  EXPECT_LE(pool.threads(), 3u);
}

TEST(BlockingPool, StandsBackBehindTheProcessAtWhateverPriority) {
  // As a server that was started at a lower priority: its pools keep their order among one another.
  const int began = getpriority(PRIO_PROCESS, 0);
  ASSERT_EQ(setpriority(PRIO_PROCESS, 0, std::max(began, 6)), 0);
  const int own = getpriority(PRIO_PROCESS, 0);
  const auto nice_in = [](BlockingPool& pool) {
    std::promise<int> nice;
    pool.Post([&] { nice.set_value(getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()))); });
    return nice.get_future().get();
  };
  BlockingPool level(1, "level"), behind(1, "behind", 4), far(1, "far", 100);
  EXPECT_EQ(nice_in(level), own);
  EXPECT_EQ(nice_in(behind), std::min(own + 4, 19));
  EXPECT_EQ(nice_in(far), 19);
  (void)setpriority(PRIO_PROCESS, 0, began);
}

TEST(BlockingPool, StopDestroysWhatIsQueued) {
  auto alive = std::make_shared<int>(0);
  BlockingPool pool(1);
  pool.PostAfter(1h, [alive] {});
  EXPECT_EQ(alive.use_count(), 2);
  pool.Stop();
  EXPECT_EQ(alive.use_count(), 1);
  pool.Post([alive] {});
  pool.PostAfter(1ms, [alive] {});
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(ThreadExecutor, KeepsTheOrderAndKnowsItself) {
  ThreadExecutor thread("journal");
  std::vector<int> seen;
  for (int i = 0; i < 500; ++i) thread.Post([&seen, i] { seen.push_back(i); });
  BlockOn(thread, [](ThreadExecutor& t) -> Task<void> {
    EXPECT_TRUE(t.RunsHere());
    co_await Sleep(t, 1ms);
    EXPECT_TRUE(t.RunsHere());
  }(thread));
  EXPECT_FALSE(thread.RunsHere());
  ASSERT_EQ(seen.size(), 500u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(WhenAll, WaitsForAllAndGivesTheFirstFailure) {
  BlockingPool pool(3);
  ThreadExecutor home("home");
  const auto status = BlockOn(home, [](Executor& p, Executor& h) -> Task<arrow::Status> {
    std::vector<Task<arrow::Status>> tasks;
    std::atomic<int> ended = 0;
    for (int i = 0; i < 20; ++i) {
      tasks.push_back([](Executor& on, std::atomic<int>& count, int index) -> Task<arrow::Status> {
        co_await SwitchTo(on);
        ++count;
        if (index % 7 == 6) co_return arrow::Status::Invalid(index);
        co_return arrow::Status::OK();
      }(p, ended, i));
    }
    const auto first = co_await WhenAll(h, std::move(tasks));
    EXPECT_EQ(ended, 20);
    EXPECT_TRUE(h.RunsHere());
    co_return first;
  }(pool, home));
  EXPECT_EQ(status.message(), "6");
}

TEST(WhenAll, OfNothingIsDone) {
  ThreadExecutor home("home");
  EXPECT_TRUE(BlockOn(home, WhenAll(home, std::vector<Task<arrow::Status>>{})).ok());
}

}  // namespace
}  // namespace thalweg::runtime
