#include "thalweg/kv/bucket_state.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/kv/memory_state_store.h"
#include "thalweg/kv/rocksdb_store_factory.h"
#include "thalweg/kv/test_state_files_internal.h"
#include "thalweg/testing/memory_file_system.h"

namespace thalweg::kv {
namespace {

TableBucket BucketOf(int32_t number) { return {TableId(1), kNoPartition, BucketId(number)}; }

/// A store that forwards to one that outlives it, as files outlive a RocksDB.
class Forwarding final : public StateStore {
 public:
  Forwarding(MemoryStateStore& store, int* open, const bool* fails_to_write)
      : store_(store), open_(open), fails_to_write_(fails_to_write) {
    ++*open_;
  }
  ~Forwarding() override {
    --*open_;
    store_.DropUnflushed();
  }
  arrow::Status MultiGet(std::span<const ByteView> keys, RowBatch* rows) override {
    return store_.MultiGet(keys, rows);
  }
  arrow::Status Apply(std::span<const RowChange> changes, const StateMeta& meta) override {
    if (*fails_to_write_) return Error(ErrorCode::kKvStorage, "no");
    return store_.Apply(changes, meta);
  }
  StateMeta meta() const override { return store_.meta(); }
  arrow::Result<std::unique_ptr<StateSnapshot>> TakeSnapshot() override { return store_.TakeSnapshot(); }
  arrow::Status Flush() override { return store_.Flush(); }
  arrow::Result<std::unique_ptr<StateFiles>> HoldFiles() override { return store_.HoldFiles(); }

 private:
  MemoryStateStore& store_;
  int* const open_;
  const bool* const fails_to_write_;
};

class MemoryFactory final : public StoreFactory {
 public:
  arrow::Result<std::unique_ptr<StateStore>> Open(const TableBucket& bucket) override {
    ++opens;
    if (fails) return Error(ErrorCode::kKvStorage, "no");
    return std::make_unique<Forwarding>(stores[bucket], &open, &fails_to_write);
  }
  arrow::Status Remove(const TableBucket& bucket) override {
    stores.erase(bucket);
    return arrow::Status::OK();
  }
  std::map<TableBucket, MemoryStateStore> stores;
  int open = 0;
  int opens = 0;
  bool fails = false;
  bool fails_to_write = false;
};

struct Fixture {
  explicit Fixture(size_t open_max) : budget(64 << 20), pool(factory, open_max) {}
  std::shared_ptr<BucketState> State(int32_t number) {
    return *BucketState::Open(pool, budget, {BucketOf(number), true});
  }
  static void Write(BucketState& state, std::string_view key, std::string_view row) {
    const LogOffset begin = state.overlay().published();
    state.overlay().Begin(begin);
    state.overlay().Put(AsBytes(key), AsBytes(row), begin);
    state.overlay().Commit(begin + 1, 1);
    state.overlay().Publish(begin + 1);
  }
  static std::string Read(BucketState& state, std::string_view key) {
    RowBatch rows;
    const ByteView bytes = AsBytes(key);
    const arrow::Status status = state.Lookup({&bytes, 1}, &rows);
    if (!status.ok()) return status.ToString();
    return rows.At(0) ? std::string(AsText(*rows.At(0))) : "absent";
  }

  MemoryFactory factory;
  DirtyBudget budget;
  StorePool pool;
};

TEST(StorePoolTest, ClosesTheOneUsedLongestAgoAndFlushesIt) {
  Fixture f(2);
  const auto a = f.State(0);
  const auto b = f.State(1);
  Fixture::Write(*a, "k", "a");
  Fixture::Write(*b, "k", "b");
  EXPECT_EQ(Fixture::Read(*b, "none"), "absent");
  EXPECT_EQ(Fixture::Read(*a, "none"), "absent");
  const auto c = f.State(2);
  EXPECT_EQ(f.pool.open_count(), 2u);
  EXPECT_EQ(f.factory.open, 2);
  EXPECT_EQ(f.pool.evictions(), 1u);
  EXPECT_EQ(Get(f.factory.stores[BucketOf(1)], AsBytes("k")).ValueOrDie(), "b") << "flushed before it was closed";
  EXPECT_EQ(Get(f.factory.stores[BucketOf(0)], AsBytes("k")).ValueOrDie(), std::nullopt);
  EXPECT_EQ(Fixture::Read(*b, "k"), "b");
  EXPECT_EQ(Fixture::Read(*a, "k"), "a");
}

TEST(StorePoolTest, RowsInMemoryNeedNoStore) {
  Fixture f(1);
  const auto a = f.State(0);
  Fixture::Write(*a, "k", "a");
  const auto b = f.State(1);
  const int opens = f.factory.opens;
  Fixture::Write(*b, "k", "b");
  EXPECT_EQ(Fixture::Read(*b, "k"), "b");
  EXPECT_EQ(Fixture::Read(*a, "k"), "a");
  EXPECT_EQ(f.factory.opens, opens);
  EXPECT_EQ(Fixture::Read(*a, "other"), "absent");
  EXPECT_EQ(f.factory.opens, opens + 1);
}

TEST(StorePoolTest, WhatIsInUseStaysOpen) {
  Fixture f(1);
  const auto a = f.State(0);
  auto snapshot = *a->TakeSnapshot();
  const auto refused = BucketState::Open(f.pool, f.budget, {BucketOf(1), true});
  EXPECT_EQ(CodeOf(refused.status()), ErrorCode::kStorageBackpressure) << refused.status();
  snapshot.reset();
  EXPECT_TRUE(BucketState::Open(f.pool, f.budget, {BucketOf(1), true}).ok());
}

TEST(StorePoolTest, AFailedOpenLeavesNothingBehind) {
  Fixture f(1);
  f.factory.fails = true;
  EXPECT_FALSE(BucketState::Open(f.pool, f.budget, {BucketOf(0), true}).ok());
  f.factory.fails = false;
  EXPECT_TRUE(BucketState::Open(f.pool, f.budget, {BucketOf(0), true}).ok());
}

TEST(StorePoolTest, ALeaseGivenUpIsOpenedAgain) {
  Fixture f(2);
  const auto a = f.State(0);
  {
    auto lease = *f.pool.Acquire(BucketOf(0), a);
    ASSERT_TRUE(lease->Apply({}, {LogOffset(7), 0}).ok());
    lease.GiveUp();
  }
  EXPECT_EQ(f.pool.open_count(), 0u);
  auto lease = *f.pool.Acquire(BucketOf(0), a);
  EXPECT_EQ(lease->meta().applied, LogOffset(0)) << "what was not flushed is gone";
}

TEST(StorePoolTest, AStoreGivenUpThatStaysInUseIsNotWaitedForForLong) {
  MemoryFactory factory;
  DirtyBudget budget(64 << 20);
  StorePool pool(factory, 2);
  const auto a = *BucketState::Open(pool, budget, {BucketOf(0), true});
  const uint64_t failures = a->store_failures();
  auto files = *a->HoldFiles();
  factory.fails_to_write = true;
  Fixture::Write(*a, "k", "1");
  EXPECT_FALSE(a->Flush().ok());
  EXPECT_GT(a->store_failures(), failures) << "who holds the files sees that";
  EXPECT_EQ(CodeOf(a->Flush().status()), ErrorCode::kStorageBackpressure);
  const ByteView other = AsBytes("other");
  RowBatch rows;
  EXPECT_EQ(CodeOf(a->Lookup({&other, 1}, &rows)), ErrorCode::kStorageBackpressure);
  factory.fails_to_write = false;
  files.reset();
  EXPECT_TRUE(a->Flush().ok());
  EXPECT_EQ(Get(factory.stores[BucketOf(0)], AsBytes("k")).ValueOrDie(), "1");
}

TEST(StorePoolTest, RemovedMeansGone) {
  Fixture f(2);
  const auto a = f.State(0);
  Fixture::Write(*a, "k", "a");
  ASSERT_TRUE(a->Flush().ok());
  EXPECT_EQ(f.factory.stores.size(), 1u);
  ASSERT_TRUE(f.pool.Remove(BucketOf(0)).ok());
  EXPECT_TRUE(f.factory.stores.empty());
  EXPECT_EQ(f.pool.open_count(), 0u);
  ASSERT_TRUE(f.pool.Remove(BucketOf(5)).ok());
  EXPECT_EQ(Fixture::Read(*f.State(0), "k"), "absent");
}

TEST(BucketStateTest, OnRocksdbManyBucketsShareFewOpenStores) {
  testing::MemoryFileSystem disk;
  disk.CreateDurableDirectories("data/kv");
  DirtyBudget budget(64 << 20);
  std::unique_ptr<testing::MemoryFileSystem> after;
  constexpr int kBuckets = 20;
  {
    RocksdbStoreFactory factory(RocksdbResources::Make(disk, {}), "data/kv");
    StorePool pool(factory, 3);
    std::vector<std::shared_ptr<BucketState>> states;
    for (int i = 0; i < kBuckets; ++i) {
      states.push_back(*BucketState::Open(pool, budget, {{TableId(1), PartitionId(2), BucketId(i)}, true}));
      Fixture::Write(*states.back(), "k", std::to_string(i));
    }
    for (int i = 0; i < kBuckets; ++i)
      EXPECT_EQ(Fixture::Read(*states[static_cast<size_t>(i)], "k"), std::to_string(i));
    EXPECT_LE(pool.open_count(), 3u);
    for (const auto& state : states) ASSERT_TRUE(state->Flush().ok());
    const auto files = *states[4]->HoldFiles();
    ASSERT_TRUE(CopyStateFiles(*files, disk, "data/snapshot").ok());
  }
  after = disk.PowerCut(testing::PowerLoss::kDropUnsynced);
  RocksdbStoreFactory factory(RocksdbResources::Make(*after, {}), "data/kv");
  StorePool pool(factory, 3);
  for (int i = 0; i < kBuckets; ++i) {
    const auto state = *BucketState::Open(pool, budget, {{TableId(1), PartitionId(2), BucketId(i)}, true});
    EXPECT_EQ(Fixture::Read(*state, "k"), std::to_string(i));
    EXPECT_EQ(state->meta().row_count, 1);
    EXPECT_EQ(state->overlay().published(), LogOffset(1));
  }
}

}  // namespace
}  // namespace thalweg::kv
