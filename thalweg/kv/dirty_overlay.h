#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/kv/dirty_budget.h"
#include "thalweg/kv/row_batch.h"
#include "thalweg/kv/state_store.h"

namespace thalweg::kv {

class DirtyGeneration;
struct DirtyEntry;

/// The rows of one bucket that its store does not have on disk yet, in front of that store: those that are durable in the changelog,
/// and on top of them those in flight, which the journal has not synced.
///
///   overlay.Begin(end_of_log);                          // one writer: batch after batch, several may be in flight
///   overlay.Newest(key); overlay.Put(key, row, offset); // merges against what is in flight, too
///   overlay.Commit(batch_end, rows_added, ids);         // or Abort(): as if the batch had never been
///   … the journal syncs …
///   overlay.Publish(batch_end);                         // from now on readers see the batch
///   overlay.Lookup(keys, &rows);                        // readers: what is unknown afterwards is asked of the store
///   overlay.Seal(); overlay.FlushTo(store);             // in the background
///
/// Every row is a version at an offset of the changelog. Versions are kept in generations: Seal() has the writer begin a new
/// one, FlushTo writes those whose rows are all published, and lets go of them once the store has flushed. So the store
/// never has what is not durable in the changelog, and a crash of the store loses nothing that is not still here or in the
/// changelog. Memory: what was written since the last flush, old versions included; counted in the DirtyBudget, from which a
/// generation vanishes when its last reader does.
///
/// Invariants:
///  1. A key's newest version below published() is here, or the store has it.
///  2. The store's rows are those of some offset ≤ published(), and its meta says which.
/// Thread safety: Begin to Abort, and Newest, one writer at a time; Publish one caller at a time, in the order of offsets;
/// everything else all calls. Only FlushTo blocks on the disk; the mutex is held for what a batch of keys costs in memory.
class DirtyOverlay {
 public:
  /// `stored`: what the bucket's store says about itself now. The budget must outlive the overlay and all its snapshots.
  DirtyOverlay(DirtyBudget& budget, const TableBucket& bucket, const StateMeta& stored);
  ~DirtyOverlay();
  DirtyOverlay(const DirtyOverlay&) = delete;
  DirtyOverlay& operator=(const DirtyOverlay&) = delete;

  // --- The writer.

  /// What is newest of a key, in flight or not: a row, or that it was removed.
  struct Latest {
    LogOffset offset;
    std::optional<ByteView> row;
  };

  /// Starts a batch whose rows get offsets from `begin`, where the last Commit ended.
  void Begin(LogOffset begin);
  /// Nothing where the overlay does not know the key: what the store had when drops() was last seen unchanged is the answer.
  /// The bytes stay valid until Commit or Abort. Between these only.
  std::optional<Latest> Newest(ByteView key) const;
  /// Offsets ascend. The bytes are copied.
  void Put(ByteView key, ByteView row, LogOffset offset) { Add(key, row, offset); }
  void Remove(ByteView key, LogOffset offset) { Add(key, std::nullopt, offset); }
  /// The batch is whole and ends at `end`. `rows_added`: keys that came minus keys that went.
  void Commit(LogOffset end, int64_t rows_added);
  /// Takes back what the batch has put.
  void Abort();

  /// Generations that are gone. Who asked the store for what the overlay did not know may rely on the answer only while this
  /// is what it was before the question, seen unchanged after Begin.
  uint64_t drops() const { return drops_.load(std::memory_order_acquire); }

  // --- Once it is durable.

  /// Everything below `end`, where some batch ended, is visible to readers.
  void Publish(LogOffset end);
  LogOffset published() const { return LogOffset(published_.load(std::memory_order_acquire)); }
  /// Of all that is published.
  StateMeta meta() const;

  // --- Readers.

  /// Fills what `rows` does not know and the overlay does, of published rows.
  void Lookup(std::span<const ByteView> keys, RowBatch* rows) const { LookupBelow(keys, published().value, rows); }
  /// The same with rows in flight: for the writer's questions ahead of a batch, together with drops().
  void LookupNewest(std::span<const ByteView> keys, RowBatch* rows) const { LookupBelow(keys, INT64_MAX, rows); }
  /// All that is published, overlay and store together, as of one moment. `store` is the bucket's and must outlive the
  /// snapshot. Sorting comes with the first Scan. Blocks on the store alone.
  arrow::Result<std::unique_ptr<StateSnapshot>> TakeSnapshot(StateStore& store) const;

  // --- The flusher.

  /// Has the next batch begin a new generation, so that what is here can be flushed. Nothing where there is nothing to flush.
  void Seal();
  /// Writes sealed and published rows to `store`, oldest generation first, and flushes it. Returns how many rows were
  /// written. After an error the rows are still here, and the same call may be made again.
  arrow::Result<uint64_t> FlushTo(StateStore& store);

  /// Of memory, about.
  int64_t bytes() const { return share_->used(); }
  /// Where replay of the changelog would have to begin after a crash now.
  LogOffset stored() const { return LogOffset(stored_.load(std::memory_order_acquire)); }

 private:
  using Generations = std::vector<std::shared_ptr<DirtyGeneration>>;  // oldest first

  struct Committed {
    LogOffset end;
    int64_t rows_added = 0;
  };

  void Add(ByteView key, std::optional<ByteView> row, LogOffset offset);
  void LookupBelow(std::span<const ByteView> keys, int64_t end, RowBatch* rows) const;
  void SealLocked();
  std::shared_ptr<DirtyGeneration> NextToFlush() const;

  DirtyBudget& budget_;
  const std::shared_ptr<DirtyBudget::Share> share_;  // generations report to it; snapshots may keep those longer
  mutable std::shared_ptr<std::mutex>
      mutex_;                        // guards what follows but the writer's and the atomics; shared with snapshots
  Generations generations_;          // the last one takes the writer's rows, if it is not sealed
  std::deque<Committed> committed_;  // not yet published
  StateMeta meta_;                   // of what is published
  LogOffset committed_end_;
  bool in_batch_ = false;
  bool seal_wanted_ = false;

  std::atomic<int64_t> published_;
  std::atomic<int64_t> stored_;
  std::atomic<uint64_t> drops_ = 0;

  // The writer's alone.
  Generations held_;                // what Newest looks through, all through a batch
  std::vector<DirtyEntry*> added_;  // of the batch, in order
  LogOffset begin_;
  LogOffset next_offset_;

  std::mutex flush_mutex_;  // one FlushTo at a time; taken before mutex_
};

}  // namespace thalweg::kv
