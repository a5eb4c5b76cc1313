#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/ids.h"
#include "thalweg/journal/journal.h"
#include "thalweg/log/writer_state.h"
#include "thalweg/runtime/completion.h"
#include "thalweg/tablet/append.h"
#include "thalweg/tablet/bucket_store.h"
#include "thalweg/tablet/kv_bucket.h"
#include "thalweg/tablet/read.h"

namespace thalweg::tablet {

/// The live end of one bucket: gives offsets, knows what is in flight, holds the memory tail, wakes readers.
///
/// Offsets are taken at Append, in the order of calls. The journal makes entries durable; Commit then makes them visible:
/// it puts them in the tail, moves the high watermark, completes the writers. Trim drops from the tail what the files have.
///
/// Invariants: 1. start <= high watermark <= next offset; 2. the tail is one run of offsets that ends at the high
/// watermark, and what lies before it is in the log's files; 3. a batch is acknowledged after it is visible.
/// Thread safety: none; it lives on one shard.
class Bucket {
 public:
  /// `store` is open, and `recovered` is what it gave.
  Bucket(std::shared_ptr<BucketStore> store, BucketStore::Recovered recovered);

  /// What became of an append before it is durable.
  struct Accepted {
    LogOffset base;                       ///< of the first batch
    bool durable = false;                 ///< a repetition of something that is durable already
    std::optional<journal::Entry> entry;  ///< to be journaled now; none for a repetition
  };
  /// Gives offsets and commit times. OUT_OF_ORDER_SEQUENCE leaves everything as it was. `done` is completed once the
  /// append (or what it repeats) is durable and visible, or has failed; null for a writer that does not wait. Not used
  /// where `durable` is set.
  arrow::Result<Accepted> Append(AppendRequest request, int64_t wall_ms, runtime::Completion<arrow::Status>* done);

  /// A batch that a writer has sent before.
  struct Repetition {
    LogOffset base;
    LogOffset end;
    bool durable = false;
  };
  /// What Append would say of the batch with that number. None: it is new. `done` as in Append, where it is a repetition.
  arrow::Result<std::optional<Repetition>> CheckRepeated(WriterId writer, int32_t sequence,
                                                         runtime::Completion<arrow::Status>* done);

  /// Whether all that was appended is durable; else `done`, where there is one, is completed once it is, or has failed.
  arrow::Result<bool> CheckDurable(runtime::Completion<arrow::Status>* done);

  /// `entry`, the oldest in flight, is durable. Gives the bytes that are no longer in flight.
  uint64_t Commit(journal::Entry entry);
  /// Nothing that is in flight will become durable, and nothing further is taken.
  uint64_t Fail(const arrow::Status& why);
  /// The files hold everything below `end`.
  void Trim(LogOffset end);

  /// What can be read at once. Null in `data` with bytes > 0 is never given; where the files have to be asked, `from_files`
  /// is set, and the caller asks log()->Locate up to `files_limit`.
  struct ReadPlan {
    ReadResult result;
    bool from_files = false;
    bool from_remote = false;  ///< it lies before the local log
    LogOffset files_limit;
  };
  ReadPlan Read(const ReadRequest& request);

  /// Base offset of the first visible batch in the tail with a commit time at or after `timestamp_ms`.
  std::optional<LogOffset> TailOffsetForTimestamp(int64_t timestamp_ms) const;
  int64_t max_timestamp_ms() const { return max_timestamp_ms_; }

  LogOffset start() const { return store_->start(); }
  LogOffset high_watermark() const { return high_watermark_; }
  LogOffset next_offset() const { return next_offset_; }
  const log::WriterState& writers() const { return writers_; }
  /// The rows by key; null until MakeKv, and for buckets that keep none.
  KvBucket* kv() { return kv_.get(); }
  void MakeKv(runtime::Executor& shard, StateFlusher& flusher) { kv_ = std::make_unique<KvBucket>(shard, flusher); }
  const arrow::Status& failure() const { return failure_; }
  BucketStore& store() { return *store_; }
  const std::shared_ptr<BucketStore>& shared_store() const { return store_; }

 private:
  struct InFlight {
    LogOffset first;
    uint32_t count = 0;
    uint64_t bytes = 0;
    std::vector<runtime::Completion<arrow::Status>*> waiting;
  };

  arrow::Result<std::optional<log::WriterState::Verdict>> CheckSequences(const AppendRequest& request) const;
  void AwaitInFlight(LogOffset offset, runtime::Completion<arrow::Status>* done);
  void ReadTail(const ReadRequest& request, LogOffset from, ReadResult& result) const;
  void AddWaiter(std::shared_ptr<ReadWaiter> waiter);

  std::shared_ptr<BucketStore> store_;
  log::WriterState writers_;
  LogOffset next_offset_;
  LogOffset high_watermark_;
  int64_t max_timestamp_ms_;  ///< of what has offsets
  arrow::Status failure_;
  std::deque<InFlight> in_flight_;
  std::deque<journal::Entry> tail_;
  std::vector<std::shared_ptr<ReadWaiter>> waiters_;
  std::unique_ptr<KvBucket> kv_;
};

}  // namespace thalweg::tablet
