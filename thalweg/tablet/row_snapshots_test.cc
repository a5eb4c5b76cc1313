#include "thalweg/tablet/row_snapshots.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/io/directory_store.h"
#include "thalweg/kv/memory_state_store.h"
#include "thalweg/tablet/test_tiering_internal.h"
#include "thalweg/testing/memory_file_system.h"
#include "thalweg/testing/sim_clock.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::tablet {
namespace {

const TableBucket kBucket = TestBucket(0);

/// Calls somebody before each object that is put.
class HookedStore final : public io::ObjectStore {
 public:
  HookedStore(std::unique_ptr<io::ObjectStore> below, std::function<void()>& hook)
      : below_(std::move(below)), hook_(hook) {}
  arrow::Status Put(const std::string& key, ByteView content) override {
    if (hook_) hook_();
    return below_->Put(key, content);
  }
  arrow::Status PutFile(const std::string& key, io::File& file, uint64_t bytes,
                        const std::function<bool()>& go_on) override {
    if (hook_) hook_();
    return below_->PutFile(key, file, bytes, go_on);
  }
  arrow::Result<size_t> ReadAt(const io::ObjectRef& object, uint64_t offset, MutableByteView into) override {
    return below_->ReadAt(object, offset, into);
  }
  arrow::Result<std::vector<io::Entry>> List(const std::string& folder) override { return below_->List(folder); }
  arrow::Status Remove(const std::string& key) override { return below_->Remove(key); }
  arrow::Status RemoveTree(const std::string& folder) override { return below_->RemoveTree(folder); }
  const std::string& public_root() const override { return below_->public_root(); }

 private:
  const std::unique_ptr<io::ObjectStore> below_;
  std::function<void()>& hook_;
};

/// A state that can fail to write.
class FailingState final : public kv::StateStore {
 public:
  FailingState(kv::MemoryStateStore& below, const bool& fails) : below_(below), fails_(fails) {}
  ~FailingState() override { below_.DropUnflushed(); }
  arrow::Status MultiGet(std::span<const ByteView> keys, kv::RowBatch* rows) override {
    return below_.MultiGet(keys, rows);
  }
  arrow::Status Apply(std::span<const kv::RowChange> changes, const kv::StateMeta& meta) override {
    if (fails_) return Error(ErrorCode::kKvStorage, "no");
    return below_.Apply(changes, meta);
  }
  kv::StateMeta meta() const override { return below_.meta(); }
  arrow::Result<std::unique_ptr<kv::StateSnapshot>> TakeSnapshot() override { return below_.TakeSnapshot(); }
  arrow::Status Flush() override { return below_.Flush(); }
  arrow::Result<std::unique_ptr<kv::StateFiles>> HoldFiles() override { return below_.HoldFiles(); }

 private:
  kv::MemoryStateStore& below_;
  const bool& fails_;
};

class FailingStates final : public kv::StoreFactory {
 public:
  arrow::Result<std::unique_ptr<kv::StateStore>> Open(const TableBucket&) override {
    return std::make_unique<FailingState>(rows, fails);
  }
  arrow::Status Remove(const TableBucket&) override { return arrow::Status::OK(); }

  kv::MemoryStateStore rows;
  bool fails = false;
};

class RowSnapshotsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    disk_.CreateDurableDirectories("data");
    remote_ = std::make_unique<HookedStore>(*io::DirectoryStore::Open(disk_, "remote", "file://remote"), hook_);
    tiering_ = {.store = remote_.get(), .random = &random_, .policy_of = [](const TableBucket&) {
                  return TieringPolicy{.names = {.database = "db", .table = "t", .partition = {}}};
                }};
    snapshots_ = *RowSnapshots::Open({.fs = disk_,
                                      .clock = clock_,
                                      .pool = pool_,
                                      .tiering = tiering_,
                                      .options = options_,
                                      .directory = "data/snapshots",
                                      .open_changed = [] {},
                                      .report = [](std::string) {}});
    rows_ = *kv::BucketState::Open(states_, budget_, {.bucket = kBucket});
    snapshots_->Start();
    snapshots_->Add(std::make_shared<FlushedState>(
        kBucket, rows_, std::make_shared<BucketStore>(kBucket, stores_environment_, std::nullopt)));
  }
  void TearDown() override { snapshots_->Stop(); }

  void Write(std::string_view key) {
    auto& overlay = rows_->overlay();
    const LogOffset begin = overlay.published();
    overlay.Begin(begin);
    overlay.Put(AsBytes(key), AsBytes("row"), begin);
    overlay.Commit(begin + 1, 1);
    overlay.Publish(begin + 1);
  }
  size_t Listed() { return (*snapshots_->ManifestOf(kBucket))->snapshots.size(); }

  testing::SimScheduler sim_{1};
  testing::SimClock clock_{sim_};
  testing::SimExecutor& pool_ = sim_.MakePool("pool");
  testing::MemoryFileSystem disk_;
  SeededRandom random_{1};
  std::function<void()> hook_;
  std::unique_ptr<io::ObjectStore> remote_;
  TieringOptions tiering_;
  const SnapshotOptions options_{.interval_ns = 1'000'000'000, .retained = 2, .workers_max = 1};
  FailingStates factory_;
  kv::DirtyBudget budget_{64 << 20};
  kv::StorePool states_{factory_, 2};
  log::OpenFiles files_{disk_, 10};
  log::IndexCache indexes_{10};
  StoreEnvironment stores_environment_{.fs = disk_,
                                       .files = files_,
                                       .indexes = indexes_,
                                       .log_options = {},
                                       .directory = "data/log",
                                       .set_aside = "data/unreplayed",
                                       .remote_drops = "data/remote-drops",
                                       .tiering = {},
                                       .report = [](std::string) {}};
  std::shared_ptr<kv::BucketState> rows_;
  std::unique_ptr<RowSnapshots> snapshots_;
};

TEST_F(RowSnapshotsTest, AnUploadLetsGoOfAStateThatFailsToWrite) {
  Write("a");
  bool failed = false;
  hook_ = [&] {
    if (std::exchange(failed, true)) return;
    Write("b");
    factory_.fails = true;
    EXPECT_FALSE(rows_->Flush().ok());
    EXPECT_EQ(CodeOf(rows_->Flush().status()), ErrorCode::kStorageBackpressure) << "the upload holds it";
    factory_.fails = false;
  };
  sim_.RunFor(std::chrono::milliseconds(1'500));
  EXPECT_TRUE(failed);
  EXPECT_EQ(Listed(), 0u) << "it was given up";
  EXPECT_TRUE(rows_->Flush().ok());
  sim_.RunFor(std::chrono::milliseconds(1'500));
  EXPECT_EQ(Listed(), 1u);
}

}  // namespace
}  // namespace thalweg::tablet
