#include "thalweg/kv/bucket_state.h"

#include <utility>

namespace thalweg::kv {
namespace {

class LeasedSnapshot final : public StateSnapshot {
 public:
  LeasedSnapshot(StorePool::Lease lease, std::unique_ptr<StateSnapshot> snapshot)
      : lease_(std::move(lease)), snapshot_(std::move(snapshot)) {}
  const StateMeta& meta() const override { return snapshot_->meta(); }
  std::unique_ptr<RowCursor> Scan(ByteView prefix) const override { return snapshot_->Scan(prefix); }
  int64_t held_bytes() const override { return snapshot_->held_bytes(); }

 private:
  const StorePool::Lease lease_;  // goes last
  const std::unique_ptr<StateSnapshot> snapshot_;
};

class LeasedFiles final : public StateFiles {
 public:
  LeasedFiles(StorePool::Lease lease, std::unique_ptr<StateFiles> files)
      : lease_(std::move(lease)), files_(std::move(files)) {}
  const StateMeta& meta() const override { return files_->meta(); }
  const std::string& lineage() const override { return files_->lineage(); }
  const std::vector<StateFile>& files() const override { return files_->files(); }

 private:
  const StorePool::Lease lease_;  // goes last
  const std::unique_ptr<StateFiles> files_;
};

}  // namespace

BucketState::BucketState(StorePool& pool, DirtyBudget& budget, const Options& options, const StateMeta& stored)
    : pool_(pool),
      bucket_(options.bucket),
      store_failed_(options.store_failed),
      overlay_(budget, options.bucket, stored) {}

arrow::Result<std::shared_ptr<BucketState>> BucketState::Open(StorePool& pool, DirtyBudget& budget,
                                                              const Options& options) {
  StateMeta stored;
  {
    ARROW_ASSIGN_OR_RAISE(const StorePool::Lease lease, pool.Acquire(options.bucket, {}));
    stored = lease->meta();
  }
  if (!options.count_rows) {
    stored.row_count.reset();
  } else if (stored.applied == LogOffset(0)) {
    stored.row_count = 0;
  }
  return std::shared_ptr<BucketState>(new BucketState(pool, budget, options, stored));
}

bool BucketState::LookupInMemory(std::span<const ByteView> keys, RowBatch* rows) const {
  rows->Reset(keys.size());
  overlay_.Lookup(keys, rows);
  return rows->unknown() == 0;
}

arrow::Status BucketState::Complete(std::span<const ByteView> keys, RowBatch* rows) {
  if (rows->unknown() == 0) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const StorePool::Lease lease, Acquire());
  return lease->MultiGet(keys, rows);
}

arrow::Status BucketState::Lookup(std::span<const ByteView> keys, RowBatch* rows) {
  LookupInMemory(keys, rows);
  return Complete(keys, rows);
}

arrow::Result<std::unique_ptr<StateSnapshot>> BucketState::TakeSnapshot() {
  ARROW_ASSIGN_OR_RAISE(StorePool::Lease lease, Acquire());
  ARROW_ASSIGN_OR_RAISE(auto snapshot, overlay_.TakeSnapshot(*lease));
  return std::make_unique<LeasedSnapshot>(std::move(lease), std::move(snapshot));
}

arrow::Result<uint64_t> BucketState::FlushWith(StorePool::Lease& lease) {
  overlay_.Seal();
  auto written = overlay_.FlushTo(*lease);
  if (!written.ok()) GiveUp(lease);
  return written;
}

void BucketState::GiveUp(StorePool::Lease& lease) {
  lease.GiveUp();
  ++store_failures_;
  if (store_failed_) store_failed_();
}

arrow::Result<uint64_t> BucketState::Flush() {
  std::lock_guard lock(flush_mutex_);
  ARROW_ASSIGN_OR_RAISE(StorePool::Lease lease, Acquire());
  return FlushWith(lease);
}

arrow::Result<std::unique_ptr<StateFiles>> BucketState::HoldFiles() {
  std::lock_guard lock(flush_mutex_);
  ARROW_ASSIGN_OR_RAISE(StorePool::Lease lease, Acquire());
  ARROW_RETURN_NOT_OK(FlushWith(lease).status());
  auto files = lease->HoldFiles();
  if (!files.ok()) {
    GiveUp(lease);
    return files.status();
  }
  return std::make_unique<LeasedFiles>(std::move(lease), std::move(*files));
}

void BucketState::BeforeClose(StateStore& store) {
  overlay_.Seal();
  // Where it fails, the rows are still in the overlay, and the next Flush tells: with a store that was opened again.
  (void)overlay_.FlushTo(store);
}

}  // namespace thalweg::kv
