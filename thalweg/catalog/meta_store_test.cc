/// What every MetaStore must do; run against each of them.
#include "thalweg/catalog/meta_store.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/embedded_meta_store.h"
#include "thalweg/testing/memory_file_system.h"
#include "thalweg/testing/memory_meta_store.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::catalog {
namespace {

class MetaStoreTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "memory") {
      store_ = std::make_unique<thalweg::testing::MemoryMetaStore>(pool_);
    } else {
      store_ = EmbeddedMetaStore::Open(disk_, "meta", pool_).ValueOrDie();
    }
  }

  arrow::Result<std::optional<int64_t>> Commit(MetaStore::Transaction transaction) {
    return sim_.Await(store_->Commit(std::move(transaction)));
  }
  int64_t TakeEpoch() { return *sim_.Await(store_->TakeEpoch()); }
  std::optional<MetaStore::Versioned> Get(const std::string& key) { return *sim_.Await(store_->Get(key)); }
  std::string Keys(const std::string& prefix) {
    std::string keys;
    for (const auto& entry : *sim_.Await(store_->List(prefix))) keys += entry.key + "=" + entry.value + " ";
    return keys;
  }

  thalweg::testing::SimScheduler sim_;
  runtime::Executor& pool_ = sim_.MakePool("blocking");
  thalweg::testing::MemoryFileSystem disk_;
  std::unique_ptr<MetaStore> store_;
};

INSTANTIATE_TEST_SUITE_P(All, MetaStoreTest, ::testing::Values("memory", "embedded"),
                         [](const auto& store) { return std::string(store.param); });

TEST_P(MetaStoreTest, EveryCommitGetsTheNextRevision) {
  const int64_t epoch = TakeEpoch();
  EXPECT_EQ(Get("a"), std::nullopt);
  EXPECT_EQ(**Commit({.epoch = epoch, .puts = {{"a", "1"}, {"b", "2"}}}), 1);
  EXPECT_EQ(**Commit({.epoch = epoch, .puts = {{"a", ""}}, .removals = {"b", "nothing"}}), 2);
  ASSERT_TRUE(Get("a").has_value());
  EXPECT_EQ(Get("a")->value, "");
  EXPECT_EQ(Get("a")->revision, 2);
  EXPECT_EQ(Get("b"), std::nullopt);
}

TEST_P(MetaStoreTest, ListsByPrefixInByteOrder) {
  const int64_t epoch = TakeEpoch();
  ASSERT_TRUE(
      Commit({.epoch = epoch, .puts = {{"t/b", "2"}, {"t/a", "1"}, {"t", "0"}, {"t0", "x"}, {"t/\xff", "3"}}}).ok());
  EXPECT_EQ(Keys("t/"), "t/a=1 t/b=2 t/\xff=3 ");
  EXPECT_EQ(Keys("u"), "");
  EXPECT_EQ((*sim_.Await(store_->List(""))).size(), 5u) << "nothing of the store's own";
}

TEST_P(MetaStoreTest, ACompareThatFailsWritesNothing) {
  const int64_t epoch = TakeEpoch();
  ASSERT_TRUE(Commit({.epoch = epoch, .puts = {{"a", "1"}}}).ok());
  EXPECT_EQ(*Commit({.epoch = epoch, .compares = {{"a", MetaStore::kAbsent}}, .puts = {{"a", "x"}}}), std::nullopt);
  EXPECT_EQ(*Commit({.epoch = epoch, .compares = {{"a", 7}}, .puts = {{"a", "x"}}}), std::nullopt);
  EXPECT_EQ(*Commit({.epoch = epoch, .compares = {{"a", 1}, {"b", 1}}, .removals = {"a"}}), std::nullopt);
  EXPECT_EQ(Keys(""), "a=1 ");
  EXPECT_EQ(**Commit({.epoch = epoch, .compares = {{"a", 1}, {"b", MetaStore::kAbsent}}, .puts = {{"b", "2"}}}), 2);
  EXPECT_EQ(Keys(""), "a=1 b=2 ");
}

TEST_P(MetaStoreTest, ALaterEpochFencesTheEarlierOne) {
  const int64_t old = TakeEpoch();
  ASSERT_TRUE(Commit({.epoch = old, .puts = {{"a", "1"}}}).ok());
  const int64_t young = TakeEpoch();
  EXPECT_GT(young, old);
  EXPECT_EQ(CodeOf(Commit({.epoch = old, .puts = {{"a", "x"}}}).status()), ErrorCode::kFencedLeaderEpoch);
  EXPECT_EQ(CodeOf(Commit({.epoch = 0, .puts = {{"a", "x"}}}).status()), ErrorCode::kFencedLeaderEpoch);
  EXPECT_EQ(Keys(""), "a=1 ");
  EXPECT_TRUE(Commit({.epoch = young, .puts = {{"a", "2"}}}).ok());
}

}  // namespace
}  // namespace thalweg::catalog
