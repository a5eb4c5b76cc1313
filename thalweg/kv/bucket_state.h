#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/kv/dirty_overlay.h"
#include "thalweg/kv/row_batch.h"
#include "thalweg/kv/store_pool.h"

namespace thalweg::kv {

/// The current rows of one bucket: the overlay, and behind it a store that is open only while somebody needs it.
///
/// Errors: those of StorePool::Acquire and of the store. A store that has failed to write is opened again once nobody uses it;
/// the overlay still has what it did not take.
/// Thread safety: all calls; for the overlay's writer see there. All but LookupInMemory, store_failures and meta block.
class BucketState final : public StorePool::Owner, public std::enable_shared_from_this<BucketState> {
 public:
  struct Options {
    TableBucket bucket;
    /// Off where the changelog does not tell an insert from an update (image WAL).
    bool count_rows = true;
    /// The store has failed to write. It is opened again once nobody uses it, and all calls that need it are refused until
    /// then: who keeps snapshots or files lets go of them now. Called on any thread; may not call back.
    std::function<void()> store_failed{};
  };

  /// Opens the store to learn where it stands. `pool` and `budget` must outlive the state and its snapshots.
  static arrow::Result<std::shared_ptr<BucketState>> Open(StorePool& pool, DirtyBudget& budget, const Options& options);

  DirtyOverlay& overlay() { return overlay_; }
  /// Of all that is published.
  StateMeta meta() const { return overlay_.meta(); }

  /// Published rows. Resets `rows`.
  arrow::Status Lookup(std::span<const ByteView> keys, RowBatch* rows);
  /// As far as that goes without the store, from which Complete has the rest: false where something is left to ask.
  bool LookupInMemory(std::span<const ByteView> keys, RowBatch* rows) const;
  arrow::Status Complete(std::span<const ByteView> keys, RowBatch* rows);

  /// All published rows as of now. Keeps the store open.
  arrow::Result<std::unique_ptr<StateSnapshot>> TakeSnapshot();

  /// Seals the overlay and writes what is published. Returns the rows written. Rows in flight stay for the next time.
  arrow::Result<uint64_t> Flush();
  /// Flush, and the files then; they keep the store open. See store_failures.
  arrow::Result<std::unique_ptr<StateFiles>> HoldFiles();

  /// How often the store has failed to write. Any thread, free: who holds files for long lets go of them when it grows.
  uint64_t store_failures() const { return store_failures_; }

  void BeforeClose(StateStore& store) override;

 private:
  BucketState(StorePool& pool, DirtyBudget& budget, const Options& options, const StateMeta& stored);
  arrow::Result<StorePool::Lease> Acquire() { return pool_.Acquire(bucket_, weak_from_this()); }
  arrow::Result<uint64_t> FlushWith(StorePool::Lease& lease);
  void GiveUp(StorePool::Lease& lease);

  StorePool& pool_;
  const TableBucket bucket_;
  const std::function<void()> store_failed_;
  std::atomic<uint64_t> store_failures_{0};
  DirtyOverlay overlay_;
  std::mutex flush_mutex_;  // files are not listed while a flush goes on
};

}  // namespace thalweg::kv
