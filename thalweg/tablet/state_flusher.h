#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "thalweg/base/ids.h"
#include "thalweg/kv/bucket_state.h"
#include "thalweg/kv/dirty_budget.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/tablet/bucket_store.h"
#include "thalweg/tablet/entrance.h"

namespace thalweg::tablet {

/// The rows of one bucket, and the log that has to keep what they would be made of again.
struct FlushedState {
  FlushedState(const TableBucket& id, std::shared_ptr<kv::BucketState> rows, std::shared_ptr<BucketStore> log)
      : bucket(id), state(std::move(rows)), store(std::move(log)) {}

  const TableBucket bucket;
  const std::shared_ptr<kv::BucketState> state;
  const std::shared_ptr<BucketStore> store;
  std::atomic<bool> queued{false};  ///< the flusher has it
};

struct StateFlusherOptions {
  /// Rows reach the state on disk this much later, at most, where memory for them does not run out before.
  int64_t delay_ns = 60'000'000'000;
  int64_t retry_ns = 1'000'000'000;
};

/// Moves rows of primary-key buckets from memory to their states on disk, in the background: those of a bucket `delay_ns` after
/// the first of them; at once, the largest first, where the budget is nearly used up. One bucket at a time.
///
/// Thread safety: NoteDirty from any thread; Stop and Drain from one. Runs on the pool, and only while there is something to do.
class StateFlusher {
 public:
  StateFlusher(const runtime::Clock& clock, runtime::Executor& pool, kv::DirtyBudget& budget,
               const StateFlusherOptions& options, std::function<void(std::string)> report)
      : clock_(clock), pool_(pool), budget_(budget), options_(options), report_(std::move(report)) {}

  /// `state` has rows that are not on disk.
  void NoteDirty(const std::shared_ptr<FlushedState>& state);

  /// Waits for the flush under way and starts no other. Blocks.
  void Stop();
  /// After Stop: flushes as many as fit before `deadline_ns` on the clock. Blocks.
  void Drain(int64_t deadline_ns);

  uint64_t failures() const { return failures_; }

 private:
  struct Due {
    std::shared_ptr<FlushedState> state;
    int64_t at_ns = 0;
  };

  void ScheduleLocked(int64_t delay_ns);
  void Tick(int64_t due_ns);
  std::shared_ptr<FlushedState> Take();
  bool FlushOne(const std::shared_ptr<FlushedState>& state);

  const runtime::Clock& clock_;
  runtime::Executor& pool_;
  kv::DirtyBudget& budget_;
  const StateFlusherOptions options_;
  const std::function<void(std::string)> report_;
  const std::shared_ptr<Entrance> entrance_ = std::make_shared<Entrance>();

  std::mutex mutex_;
  std::deque<Due> due_;
  int64_t scheduled_ns_ = INT64_MAX;   ///< of the earliest posted tick
  int64_t not_before_ns_ = INT64_MIN;  ///< after a failure
  bool running_ = false;
  bool stopping_ = false;
  std::atomic<uint64_t> failures_{0};
};

}  // namespace thalweg::tablet
