#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/format/changelog_builder.h"
#include "thalweg/format/row_view.h"
#include "thalweg/kv/bucket_state.h"
#include "thalweg/kv/row_batch.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/tablet/append.h"
#include "thalweg/tablet/builder_cache.h"
#include "thalweg/tablet/kv_table.h"
#include "thalweg/tablet/state_flusher.h"

namespace thalweg::tablet {

/// What one writer wants put into one bucket of a table with a primary key.
struct PutRequest {
  std::shared_ptr<const KvTable> table;
  std::vector<int32_t> target_columns;      ///< none: whole rows
  bool overwrite = false;                   ///< past the merge engine
  bool all_targets_are_whole_rows = false;  ///< see kv::WriteMode
  bool only_missing = false;                ///< rows that are there when its turn comes stay as they are
  std::shared_ptr<Buffer> owner;            ///< of `batch`
  ByteView batch;                           ///< one KV record batch
};

/// A KV record batch, taken apart in place.
struct PutBatch {
  SchemaId schema;
  WriterId writer = kNoWriter;
  int32_t sequence = -1;
  std::vector<ByteView> keys;
  std::vector<std::optional<ByteView>> rows;  ///< of each key; none: it is to go

  /// CORRUPT_RECORD where it is not one whole sound batch.
  static arrow::Result<PutBatch> Parse(ByteView batch);
};

/// Numbers for the rows of one bucket, taken from what was reserved for it. Thread safety: none.
class RowNumbers final : public kv::IdSource {
 public:
  /// INVALID_TABLE where the column's type has no more numbers, or all that were reserved are given out.
  arrow::Result<int64_t> Next() override;

  uint64_t left() const { return left_; }
  void Add(int64_t first, int64_t count);
  void set_last(int64_t last) { last_ = last; }

 private:
  std::deque<std::pair<int64_t, int64_t>> ranges_;  ///< next and end
  uint64_t left_ = 0;
  int64_t last_ = INT64_MAX;
};

/// What a primary-key bucket is beside its log, which is its changelog: the rows that are not in its state on disk yet, and
/// who writes next.
///
/// One write at a time goes from its question for old rows to its place in the log; how long that takes to become durable
/// holds up nobody, so that several are in flight. Their rows are in the overlay, where readers see those that are durable.
///
/// Thread safety: none; it lives on its bucket's shard, but for its state, which is shared with the I/O pool.
class KvBucket {
 public:
  KvBucket(runtime::Executor& shard, StateFlusher& flusher) : shard_(shard), flusher_(flusher) {}

  // --- Whose turn it is to write.

  /// `co_await Turn()`: resumes once everybody who came before has called EndTurn.
  auto Turn() {
    struct Awaiter {
      KvBucket& bucket;
      bool await_ready() const noexcept { return !std::exchange(bucket.busy_, true); }
      void await_suspend(std::coroutine_handle<> handle) { bucket.line_.push_back(handle); }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this};
  }
  void EndTurn();

  // --- Opening, which replays what the state on disk lacks.

  bool open() const { return state_ != nullptr; }
  /// Whether the caller has to open it; others wait with WaitOpened.
  bool BeginOpening() { return !std::exchange(opening_, true); }
  auto WaitOpened() {
    struct Awaiter {
      KvBucket& bucket;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> handle) { bucket.waiting_.push_back(handle); }
      arrow::Status await_resume() const { return bucket.opened_; }
    };
    return Awaiter{*this};
  }
  /// Resumes those who wait. After a failure the next one may try again.
  void EndOpening(arrow::Status status, std::shared_ptr<FlushedState> state, std::shared_ptr<const KvTable> table);

  /// Once open.
  const std::shared_ptr<kv::BucketState>& state() const { return state_->state; }
  /// Some version of it. What it says of keys is the same in all.
  const std::shared_ptr<const KvTable>& table() const { return table_; }

  // --- One write.

  RowNumbers& numbers() { return numbers_; }

  /// What a batch does, before it has its place in the log for good.
  struct Merged {
    AppendRequest changelog;
    LogOffset end;
    int64_t rows_added = 0;
    size_t rows_logged = 0;
    uint64_t row_bytes = 0;  ///< of the rows that are logged, as they are in memory
  };
  /// Merges `batch` into the overlay, its changes at offsets from `begin`. `keys`: of the batch, as they are stored;
  /// `old_rows`: what they had, in their order. Then
  /// Accept or Abort must follow where it succeeds; a failure leaves everything as it was. RECORD_TOO_LARGE where the rows
  /// before or the rows in the changes take more than `row_bytes_max`; CORRUPT_RECORD where a key is not that of its row.
  arrow::Result<Merged> Merge(const PutRequest& request, const PutBatch& batch, std::span<const ByteView> keys,
                              const kv::RowBatch& old_rows, LogOffset begin, uint64_t row_bytes_max,
                              BuilderCache& builders);
  void Accept(const Merged& merged) { state()->overlay().Commit(merged.end, merged.rows_added); }
  void Abort();
  /// Everything below `end` is durable.
  void Publish(LogOffset end);

 private:
  /// How a request writes; a few of them are kept, since writers stay with theirs.
  struct Mode {
    std::vector<int32_t> target_columns;
    bool overwrite = false;
    bool all_targets_are_whole_rows = false;
    bool operator==(const Mode&) const = default;
  };

  void UseTable(const std::shared_ptr<const KvTable>& table);
  arrow::Result<kv::RowMerger*> MergerFor(const PutRequest& request);
  arrow::Status MergeAll(const PutRequest& request, const PutBatch& batch, std::span<const ByteView> keys,
                         const kv::RowBatch& old_rows, uint64_t row_bytes_max, kv::RowMerger& merger,
                         format::ChangelogBuilder& builder, Merged* merged);
  arrow::Status CheckKey(ByteView key, const format::RowView& row);

  runtime::Executor& shard_;
  StateFlusher& flusher_;
  bool busy_ = false;
  std::deque<std::coroutine_handle<>> line_;

  bool opening_ = false;
  arrow::Status opened_;
  std::vector<std::coroutine_handle<>> waiting_;
  std::shared_ptr<FlushedState> state_;

  // What the current version of the table needs; kept from write to write.
  std::shared_ptr<const KvTable> table_;
  std::deque<std::pair<Mode, std::unique_ptr<kv::RowMerger>>> mergers_;
  RowNumbers numbers_;
  std::vector<uint8_t> key_of_row_;
};

}  // namespace thalweg::tablet
