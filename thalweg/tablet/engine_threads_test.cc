// The engine on real shards, a real pool and a real journal thread: for ThreadSanitizer, and for dead ends that a
// simulation with its endless pool cannot have.

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/shards.h"
#include "thalweg/runtime/threads.h"
#include "thalweg/tablet/test_engine_internal.h"

namespace thalweg::tablet {
namespace {

constexpr int kBuckets = 6;
constexpr int32_t kAppends = 60;

class ThreadedEngine {
 public:
  ThreadedEngine(testing::MemoryFileSystem& disk, size_t pool_threads) : pool_(pool_threads) {
    EngineOptions options;
    options.directory = "data";
    options.journal.ring = {.bytes_max = 2 << 20, .file_bytes = 256 << 10, .first_file_bytes = 64 << 10};
    options.journal.group_bytes_max = 64 << 10;
    options.journal.direct_bytes_min = 16 << 10;
    options.log.segment_bytes_max = 128 << 10;
    options.flusher = {.write_delay_ns = 1'000'000, .sync_delay_ns = 2'000'000, .sync_pause_ns = 10'000};
    shards_ = runtime::Shards::Start(2);
    engine_ = Engine::Open({.fs = disk,
                            .clock = runtime::SystemClock(),
                            .shards = {&shards_->at(0), &shards_->at(1)},
                            .journal_thread = journal_thread_,
                            .pool = pool_},
                           options, [](const TableBucket&) { return true; })
                  .ValueOrDie();
  }
  ~ThreadedEngine() {
    engine_->Stop(10'000);
    shards_->Stop();
    pool_.Stop();
    journal_thread_.Stop();
  }

  Engine& engine() { return *engine_; }
  runtime::Executor& ShardOf(int bucket) { return engine_->ShardOf(TestBucket(bucket)); }

  runtime::Task<void> WriteAll(int bucket, std::atomic<int>& acknowledged) {
    for (int32_t i = 0; i < kAppends; ++i) {
      const size_t bytes = i % 7 == 3 ? 20'000 : 300;
      auto request = MakeRequest(
          {{.name = fmt::format("b{}-{}", bucket, i), .bytes = bytes, .writer = WriterId(bucket), .sequence = i}});
      const auto appended = co_await engine_->Append(TestBucket(bucket), std::move(request), true, 30'000, ShardOf(i));
      if (appended.ok()) ++acknowledged;
    }
  }
  runtime::Task<int64_t> ReadAll(int bucket) {
    LogOffset from(0);
    while (true) {
      const auto result = co_await engine_->Read(
          {.bucket = TestBucket(bucket), .from = from, .bytes_max = 10'000, .at_least_one = true}, ShardOf(0));
      EXPECT_TRUE(result.status.ok()) << result.status;
      if (!result.status.ok() || result.bytes == 0) co_return from.value;
      EXPECT_EQ(result.first, from);
      from = result.next;
    }
  }

 private:
  runtime::ThreadExecutor journal_thread_{"journal"};
  runtime::BlockingPool pool_;
  std::unique_ptr<runtime::Shards> shards_;
  std::unique_ptr<Engine> engine_;
};

TEST(EngineThreadsTest, WritersReadersAndTheFlusherShareTwoPoolThreads) {
  testing::MemoryFileSystem disk;
  {
    ThreadedEngine threaded(disk, 2);
    std::atomic<int> acknowledged = 0;
    std::vector<std::thread> clients;
    for (int b = 0; b < kBuckets; ++b) {
      // From wherever: each call finds its shard.
      clients.emplace_back([&, b] { runtime::BlockOn(threaded.ShardOf(b % 3), threaded.WriteAll(b, acknowledged)); });
      clients.emplace_back([&, b] {
        for (int i = 0; i < 10; ++i) runtime::BlockOn(threaded.ShardOf(i), threaded.ReadAll(b));
        (void)threaded.engine().stats();
      });
    }
    for (auto& client : clients) client.join();
    EXPECT_EQ(acknowledged, kBuckets * kAppends);
    for (int b = 0; b < kBuckets; ++b) {
      EXPECT_EQ(runtime::BlockOn(threaded.ShardOf(b), threaded.ReadAll(b)), kAppends);
    }
  }
  ThreadedEngine again(disk, 2);
  for (int b = 0; b < kBuckets; ++b) EXPECT_EQ(runtime::BlockOn(again.ShardOf(b), again.ReadAll(b)), kAppends);
}

TEST(EngineThreadsTest, DropAndStopUnderLoad) {
  testing::MemoryFileSystem disk;
  for (int round = 0; round < 5; ++round) {
    ThreadedEngine threaded(disk, 2);
    std::atomic<int> acknowledged = 0;
    std::vector<std::thread> clients;
    for (int b = 0; b < kBuckets; ++b) {
      // Buckets of a table of their own for each round, since dropped ids do not come back.
      clients.emplace_back(
          [&, b = round * kBuckets + b] { runtime::BlockOn(threaded.ShardOf(b), threaded.WriteAll(b, acknowledged)); });
    }
    const std::vector<TableBucket> dropped{TestBucket(round * kBuckets), TestBucket(round * kBuckets + 1)};
    runtime::Executor& home = threaded.ShardOf(0);
    EXPECT_TRUE(runtime::BlockOn(home, threaded.engine().Drop(dropped, home)).ok());
    for (auto& client : clients) client.join();
    EXPECT_GE(acknowledged, (kBuckets - 2) * kAppends);
  }
}

}  // namespace
}  // namespace thalweg::tablet
