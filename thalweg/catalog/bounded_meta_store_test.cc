#include "thalweg/catalog/bounded_meta_store.h"

#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/testing/memory_meta_store.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::catalog {
namespace {

TEST(BoundedMetaStoreTest, OnlyWhatMakesRoomPassesWhileThereIsNone) {
  testing::SimScheduler sim;
  testing::MemoryMetaStore below(sim.MakePool("meta"));
  arrow::Status room;
  BoundedMetaStore store(below, [&]() -> runtime::Task<arrow::Status> { co_return room; });
  const auto commit = [&](MetaStore::Transaction transaction) {
    return sim.Await(store.Commit(std::move(transaction)));
  };
  const int64_t epoch = sim.Await(store.TakeEpoch()).ValueOrDie();
  ASSERT_TRUE(commit({.epoch = epoch, .puts = {{"a", "1"}, {"b", "1"}}}).ok());

  room = Error(ErrorCode::kDiskWriteLocked, "full");
  EXPECT_EQ(CodeOf(commit({.epoch = epoch, .puts = {{"a", "2"}}}).status()), ErrorCode::kDiskWriteLocked);
  EXPECT_EQ(sim.Await(store.Get("a")).ValueOrDie()->value, "1") << "reads go on, nothing was written";
  EXPECT_TRUE(commit({.epoch = epoch, .puts = {{"a", "3"}}, .removals = {"b"}}).ok());
  EXPECT_EQ(sim.Await(store.List("")).ValueOrDie().size(), 1u);

  room = arrow::Status::OK();
  EXPECT_TRUE(commit({.epoch = epoch, .puts = {{"b", "4"}}}).ok());
}

}  // namespace
}  // namespace thalweg::catalog
