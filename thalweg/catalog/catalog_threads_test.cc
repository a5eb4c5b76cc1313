/// The catalog over real threads; worth most under TSan.
#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/threads.h"
#include "thalweg/testing/memory_meta_store.h"

namespace thalweg::catalog {
namespace {

TEST(CatalogThreadsTest, ChangesFromManyThreadsWhileOthersRead) {
  constexpr int kThreads = 4;
  constexpr int kTables = 50;
  constexpr int kWriters = 600;
  runtime::BlockingPool pool(3);
  std::vector<std::unique_ptr<runtime::ThreadExecutor>> shards;
  for (int i = 0; i < kThreads; ++i) shards.push_back(std::make_unique<runtime::ThreadExecutor>(fmt::format("s{}", i)));
  thalweg::testing::MemoryMetaStore store(pool);
  auto opened = runtime::BlockOn(*shards[0], Catalog::Open(store, runtime::SystemClock(), {}, *shards[0]));
  ASSERT_TRUE(opened.ok()) << opened.status();
  Catalog& catalog = **opened;

  schema::TableDescriptor descriptor;
  descriptor.schema = schema::Schema::Make({.columns = {{.name = "id"}}}).ValueOrDie();
  const auto work = [&](runtime::Executor& home, int thread) -> runtime::Task<std::set<int64_t>> {
    std::set<int64_t> writers;
    size_t seen = 0;
    for (int i = 0; i < kTables; ++i) {
      const auto table =
          co_await catalog.CreateTable({"fluss", fmt::format("t{}_{}", thread, i)}, descriptor, false, home);
      EXPECT_TRUE(table.ok()) << table.status();
      EXPECT_TRUE(home.RunsHere());
      const CatalogViewPtr view = catalog.view();
      EXPECT_TRUE(view->FindTable((*table)->id)) << "what a call reported is visible to later reads";
      EXPECT_GT(view->ListAllTables().size(), seen);
      seen = view->table_count();
    }
    for (int i = 0; i < kWriters; ++i) writers.insert((*co_await catalog.NextWriterId(home)).value);
    co_return writers;
  };
  std::vector<std::set<int64_t>> results(kThreads);
  std::atomic<int> running = kThreads;
  const auto store_result = [&](runtime::Executor& home, int thread) -> runtime::Task<void> {
    results[static_cast<size_t>(thread)] = co_await work(home, thread);
    --running;
    running.notify_all();
  };
  for (int i = 0; i < kThreads; ++i) {
    runtime::Executor& home = *shards[static_cast<size_t>(i)];
    runtime::SpawnOn(home, store_result(home, i));
  }
  for (int left = running; left != 0; left = running) running.wait(left);

  std::set<int64_t> all;
  for (const std::set<int64_t>& writers : results) all.insert(writers.begin(), writers.end());
  EXPECT_EQ(all.size(), static_cast<size_t>(kThreads * kWriters)) << "an id was given twice";
  EXPECT_EQ(catalog.view()->table_count(), static_cast<size_t>(kThreads * kTables));
  for (const auto& shard : shards) shard->Stop();
  pool.Stop();
}

}  // namespace
}  // namespace thalweg::catalog
