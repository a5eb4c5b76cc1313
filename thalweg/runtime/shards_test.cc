#include "thalweg/runtime/shards.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <string>
#include <thread>

#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/countdown.h"

namespace thalweg::runtime {
namespace {

using namespace std::chrono_literals;

std::string ThreadName() {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof name);
  return name;
}

TEST(Shards, EachRunsItsWorkOnItsOwnNamedThread) {
  const auto shards = Shards::Start(2);
  for (size_t i = 0; i < shards->count(); ++i) {
    const std::string name = BlockOn(shards->at(i), [](Shards& all, size_t index) -> Task<std::string> {
      EXPECT_TRUE(all.at(index).RunsHere());
      EXPECT_FALSE(all.at(1 - index).RunsHere());
      co_return ThreadName();
    }(*shards, i));
    EXPECT_EQ(name, "shard-" + std::to_string(i));
    EXPECT_FALSE(shards->at(i).RunsHere());
  }
}

TEST(Shards, WorkOfOneThreadRunsInTheOrderPosted) {
  const auto shards = Shards::Start(1);
  constexpr int kThreads = 3;
  constexpr int kPosts = 2000;
  std::vector<std::vector<int>> seen(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kPosts; ++i) {
        shards->at(0).Post([&seen, t, i] { seen[static_cast<size_t>(t)].push_back(i); });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  BlockOn(shards->at(0), []() -> Task<void> { co_return; }());
  for (const auto& of_thread : seen) {
    ASSERT_EQ(of_thread.size(), static_cast<size_t>(kPosts));
    for (int i = 0; i < kPosts; ++i) EXPECT_EQ(of_thread[static_cast<size_t>(i)], i);
  }
}

TEST(Shards, TimersComeInOrderOfDeadlineAndNeverEarly) {
  const auto shards = Shards::Start(1);
  Executor& shard = shards->at(0);
  std::string seen;
  const auto start = std::chrono::steady_clock::now();
  BlockOn(shard, [](Executor& executor, std::string& out) -> Task<void> {
    Countdown all(4);
    const auto mark = [&](char c) {
      return [&, c] {
        out += c;
        all.Arrive();
      };
    };
    executor.PostAfter(20ms, mark('c'));
    executor.PostAfter(5ms, mark('a'));
    executor.PostAfter(10ms, mark('b'));
    executor.Post(mark('0'));
    co_await all.Wait(executor);
  }(shard, seen));
  EXPECT_EQ(seen, "0abc");
  EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
}

TEST(Shards, TimerFromAnotherThreadRuns) {
  const auto shards = Shards::Start(2);
  BlockOn(shards->at(0), [](Shards& all) -> Task<void> {
    co_await Sleep(all.at(1), 1ms);
    EXPECT_TRUE(all.at(1).RunsHere());
  }(*shards));
}

TEST(Shards, StopDestroysWhatIsQueuedWithoutRunningIt) {
  auto shards = Shards::Start(2);
  auto alive = std::make_shared<std::atomic<int>>(0);
  std::atomic<bool> release = false;
  std::atomic<bool> blocked = false;
  shards->at(0).Post([&] {
    blocked = true;
    blocked.notify_one();
    release.wait(false);
  });
  blocked.wait(false);
  for (int i = 0; i < 100; ++i) shards->at(0).Post([alive] { ++*alive; });
  shards->at(1).PostAfter(1h, [alive] { ++*alive; });
  std::thread stopper([&] { shards->Stop(); });
  // Once a post to shard 0 is refused, Stop has marked it; only then may its thread go on.
  for (;;) {
    auto probe = std::make_shared<int>(0);
    shards->at(0).Post([probe] {});
    if (probe.use_count() == 1) break;
    std::this_thread::yield();
  }
  release = true;
  release.notify_one();
  stopper.join();
  EXPECT_EQ(*alive, 0);
  EXPECT_EQ(alive.use_count(), 1);
  shards->at(1).Post([alive] { ++*alive; });
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(Shards, WorkThatPostsWhileBeingDestroyedIsHarmless) {
  auto shards = Shards::Start(1);
  struct PostsAtTheEnd {
    Executor& executor;
    ~PostsAtTheEnd() {
      executor.Post([] {});
    }
  };
  shards->at(0).PostAfter(1h, [last = std::make_unique<PostsAtTheEnd>(shards->at(0))] {});
  BlockOn(shards->at(0), []() -> Task<void> { co_return; }());
  shards->Stop();
}

TEST(Shards, PassesABallBetweenShards) {
  const auto shards = Shards::Start(2);
  const int hops = BlockOn(shards->at(0), [](Shards& all) -> Task<int> {
    int count = 0;
    for (; count < 5000; ++count) co_await SwitchTo(all.at(static_cast<size_t>(count % 2)));
    co_return count;
  }(*shards));
  EXPECT_EQ(hops, 5000);
}

}  // namespace
}  // namespace thalweg::runtime
