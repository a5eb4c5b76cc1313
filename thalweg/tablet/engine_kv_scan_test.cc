// Scans of all rows of a bucket through the whole engine.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/tablet/test_kv_internal.h"

namespace thalweg::tablet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::MemoryFileSystem;

/// States whose flushes fail while `failing` is set.
class FailingStores final : public kv::StoreFactory {
 public:
  explicit FailingStores(FileStores& below) : below_(below) {}
  arrow::Result<std::unique_ptr<kv::StateStore>> Open(const TableBucket& bucket) override {
    ARROW_ASSIGN_OR_RAISE(auto store, below_.Open(bucket));
    ++opened;
    return std::make_unique<Store>(std::move(store), failing);
  }
  arrow::Status Remove(const TableBucket& bucket) override { return below_.Remove(bucket); }

  bool failing = false;
  int opened = 0;

 private:
  class Store final : public kv::StateStore {
   public:
    Store(std::unique_ptr<kv::StateStore> below, const bool& failing) : below_(std::move(below)), failing_(failing) {}
    arrow::Status MultiGet(std::span<const ByteView> keys, kv::RowBatch* rows) override {
      return below_->MultiGet(keys, rows);
    }
    arrow::Status Apply(std::span<const kv::RowChange> changes, const kv::StateMeta& meta) override {
      return below_->Apply(changes, meta);
    }
    kv::StateMeta meta() const override { return below_->meta(); }
    arrow::Result<std::unique_ptr<kv::StateSnapshot>> TakeSnapshot() override { return below_->TakeSnapshot(); }
    arrow::Status Flush() override {
      return failing_ ? Error(ErrorCode::kKvStorage, "The disk says no.") : below_->Flush();
    }
    arrow::Result<std::unique_ptr<kv::StateFiles>> HoldFiles() override { return below_->HoldFiles(); }

   private:
    const std::unique_ptr<kv::StateStore> below_;
    const bool& failing_;
  };

  FileStores& below_;
};

using Answer = arrow::Result<Engine::ScanAnswer>;

class EngineKvScanTest : public ::testing::Test {
 protected:
  EngineKvScanTest() {
    disk.CreateDurableDirectories("data");
    sim.options.kv.stores = &stores;
    sim.options.kv.open_stores_max = 6;
  }
  void SetUp() override { ASSERT_TRUE(sim.Open().ok()); }

  Answer Open(const TableBucket& id, uint64_t bytes_max = 1, int64_t limit = 0) {
    const auto run = [](SimRows& on, TableBucket of, int64_t count, uint64_t bytes) -> runtime::Task<Answer> {
      co_return co_await on.engine->OpenScan(of, count, bytes, *on.shards[0]);
    };
    return sim.scheduler.Await(run(sim, id, limit, bytes_max));
  }
  Answer Continue(const std::string& id, int32_t sequence, uint64_t bytes_max = 1) {
    const auto run = [](SimRows& on, std::string of, int32_t number, uint64_t bytes) -> runtime::Task<Answer> {
      co_return co_await on.engine->ContinueScan(std::move(of), number, bytes, *on.shards[0]);
    };
    return sim.scheduler.Await(run(sim, id, sequence, bytes_max));
  }
  static std::vector<std::string> NamesIn(const Answer& answer) {
    EXPECT_TRUE(answer.ok()) << answer.status();
    std::vector<std::string> names;
    if (!answer.ok() || answer->batch.values.empty()) return names;
    for (const ByteView value : format::ParseValueBatch(answer->batch.values.view()).ValueOrDie()) {
      names.push_back(NameIn(value));
    }
    return names;
  }
  /// What is left of a scan, a row at a time.
  std::vector<std::string> Rest(const std::string& id, int32_t sequence = 1) {
    std::vector<std::string> names;
    for (bool more = true; more; ++sequence) {
      const auto answer = Continue(id, sequence);
      for (auto& name : NamesIn(answer)) names.push_back(std::move(name));
      more = answer.ok() && answer->batch.more;
    }
    return names;
  }

  const TableBucket bucket = TestBucket(0);
  MemoryFileSystem disk;
  SimRows sim{disk};
  FailingStores stores{sim.stores};
};

TEST_F(EngineKvScanTest, SeesTheRowsOfOneOffsetWhateverIsWrittenMeanwhile) {
  // Some are in the state on disk, some only in memory.
  sim.Put(bucket, {{1, "a"}, {2, "b"}, {3, "c"}, {4, "d"}});
  sim.RunFor(3000);
  EXPECT_EQ(sim.Put(bucket, {{2, "B"}, {3, std::nullopt}, {5, "e"}})->end(), 8);
  const auto first = Open(bucket);
  EXPECT_THAT(NamesIn(first), ElementsAre("a"));
  EXPECT_TRUE(first->batch.more);
  EXPECT_EQ(first->offset, LogOffset(8));
  sim.Put(bucket, {{1, std::nullopt}, {4, "D"}, {5, std::nullopt}, {6, "f"}});
  EXPECT_THAT(NamesIn(Continue(first->id, 1)), ElementsAre("B"));
  sim.RunFor(3000);  // and is flushed
  sim.Put(bucket, {{2, "x"}, {7, "g"}});
  EXPECT_THAT(Rest(first->id, 2), ElementsAre("d", "e"));
  const auto again = Open(bucket, 10'000);
  EXPECT_THAT(NamesIn(again), ElementsAre("x", "D", "f", "g"));
  EXPECT_FALSE(again->batch.more);
  EXPECT_EQ(CodeOf(Continue(again->id, 1).status()), ErrorCode::kUnknownScannerId);
}

TEST_F(EngineKvScanTest, WhatIsInFlightIsNotSeen) {
  sim.Put(bucket, {{1, "a"}});
  const auto put = sim.StartPut(bucket, {{1, "b"}, {2, "c"}});
  const auto seen = Open(bucket, 10'000);
  const bool durable = put->done();
  using Names = std::vector<std::string>;
  EXPECT_EQ(NamesIn(seen), durable ? (Names{"b", "c"}) : (Names{"a"}));
  EXPECT_EQ(seen->offset, LogOffset(durable ? 4 : 1));
}

TEST_F(EngineKvScanTest, NothingToScan) {
  const auto empty = Open(bucket);
  EXPECT_THAT(NamesIn(empty), IsEmpty());
  EXPECT_FALSE(empty->batch.more);
  EXPECT_EQ(empty->id, "");
  sim.Put(bucket, {{1, "a"}});
  sim.Put(bucket, {{1, std::nullopt}});
  EXPECT_EQ(Open(bucket)->offset, LogOffset(2));
}

TEST_F(EngineKvScanTest, ALimitIsOfTheWholeScan) {
  sim.Put(bucket, {{1, "a"}, {2, "b"}, {3, "c"}});
  const auto first = Open(bucket, 1, 2);
  EXPECT_THAT(NamesIn(first), ElementsAre("a"));
  EXPECT_TRUE(first->batch.more);
  EXPECT_THAT(Rest(first->id), ElementsAre("b"));
}

TEST_F(EngineKvScanTest, ADropEndsTheScansOfItsBuckets) {
  sim.Put(bucket, {{1, "a"}, {2, "b"}});
  sim.Put(TestBucket(1), {{1, "x"}, {2, "y"}});
  const auto dropped = Open(bucket);
  const auto other = Open(TestBucket(1));
  ASSERT_TRUE(dropped.ok() && other.ok());
  ASSERT_TRUE(sim.Drop({bucket}).ok());
  EXPECT_FALSE(disk.Exists(BucketDirectory("data/kv", bucket)).ValueOrDie());
  EXPECT_EQ(CodeOf(Continue(dropped->id, 1).status()), ErrorCode::kScannerExpired);
  EXPECT_EQ(CodeOf(Open(bucket).status()), ErrorCode::kUnknownTableOrBucket);
  EXPECT_THAT(Rest(other->id), ElementsAre("y"));
}

TEST_F(EngineKvScanTest, ScansTakeHalfOfTheOpenStatesAtMost) {
  std::vector<std::string> ids;
  for (int i = 0; i < 8; ++i) sim.Put(TestBucket(i), {{1, "a"}, {2, "b"}});
  for (int i = 0; i < 3; ++i) ids.push_back(Open(TestBucket(i))->id);
  EXPECT_EQ(CodeOf(Open(TestBucket(3)).status()), ErrorCode::kTooManyScanners);
  // Everybody else gets on with the rest of them.
  sim.RunFor(3000);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(sim.Lookup(TestBucket(i), {2}), (TestRows{{2, "b"}}));
  for (const auto& id : ids) EXPECT_THAT(Rest(id), ElementsAre("b"));
  EXPECT_TRUE(Open(TestBucket(3)).ok());
}

TEST_F(EngineKvScanTest, AStateThatFailsIsOpenedAgainThoughItWasBeingScanned) {
  sim.Put(bucket, {{1, "a"}, {2, "b"}});
  const auto scan = Open(bucket);
  ASSERT_TRUE(scan.ok());
  const int opened = stores.opened;
  stores.failing = true;
  sim.RunFor(1000);
  EXPECT_EQ(CodeOf(Continue(scan->id, 1).status()), ErrorCode::kScannerExpired);
  EXPECT_EQ(sim.Lookup(bucket, {1, 2, 3}), (TestRows{{1, "a"}, {2, "b"}}));
  EXPECT_GT(stores.opened, opened);
  stores.failing = false;
  sim.RunFor(3000);
  EXPECT_THAT(NamesIn(Open(bucket, 10'000)), ElementsAre("a", "b"));
}

TEST_F(EngineKvScanTest, EndsWhereWritersNeedTheMemoryOfItsRows) {
  sim.Stop();
  sim.options.kv.dirty_bytes_max = 100 << 10;
  ASSERT_TRUE(sim.Open().ok());
  for (int i = 0; i < 40; ++i) {
    const auto put = sim.Put(bucket, {{i, std::string(2'000, 'a')}});
    ASSERT_TRUE(put->ok()) << (*put->result).status();
  }
  const auto scan = Open(bucket);
  ASSERT_TRUE(scan.ok() && scan->batch.more);
  for (int i = 0; i < 40; ++i) {
    const auto put = sim.Put(bucket, {{i, std::string(2'000, 'b')}});
    ASSERT_TRUE(put->ok()) << (*put->result).status();
  }
  const auto refused = Continue(scan->id, 1).status();
  EXPECT_EQ(CodeOf(refused), ErrorCode::kScannerExpired);
  EXPECT_NE(refused.message().find("memory"), std::string::npos) << refused;
}

TEST_F(EngineKvScanTest, WhatIsWrittenBesideTheRowsOfAScanCountsAsWell) {
  sim.Stop();
  sim.options.kv.dirty_bytes_max = 100 << 10;
  ASSERT_TRUE(sim.Open().ok());
  for (int round = 0; round < 3; ++round) {
    // When it begins there is next to nothing in memory.
    sim.Put(bucket, {{0, "a"}, {1, "b"}});
    ASSERT_TRUE(Open(bucket).ok()) << round;
    for (int i = 0; i < 40; ++i) {
      const auto put = sim.Put(bucket, {{i, std::string(2'000, 'c')}});
      ASSERT_TRUE(put->ok()) << round << ", row " << i << ": " << (*put->result).status();
    }
  }
}

}  // namespace
}  // namespace thalweg::tablet
