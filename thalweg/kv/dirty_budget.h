#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <vector>

#include "thalweg/base/ids.h"

namespace thalweg::kv {

/// How much memory the rows of all buckets may take that are not in their stores yet, and which buckets to flush when it is too
/// much. It refuses nothing: who writes asks IsOver(), has the buckets of Victims() flushed, and lets writers wait from
/// IsFull() on.
/// Thread safety: all of it.
class DirtyBudget {
 public:
  /// `hash_seed`: from the runtime's Random, so that nobody can choose keys that collide.
  explicit DirtyBudget(int64_t limit_bytes, uint64_t hash_seed = 0) : limit_(limit_bytes), hash_seed_(hash_seed) {}

  int64_t limit() const { return limit_; }
  int64_t used() const { return used_.load(std::memory_order_relaxed); }
  uint64_t hash_seed() const { return hash_seed_; }
  /// Past three quarters: time to flush.
  bool IsOver() const { return used() > Target(); }
  /// Nothing more should be taken in before something is flushed.
  bool IsFull() const { return used() >= limit_; }
  /// The buckets with the most to flush, as many as bring the memory to half of the limit; none where IsOver() is false.
  std::vector<TableBucket> Victims() const;

  /// For the flushers to say, and to be asked: flushes of a state since the start, and rows in them.
  void NoteFlush(uint64_t rows) {
    flushes_.fetch_add(1, std::memory_order_relaxed);
    rows_flushed_.fetch_add(rows, std::memory_order_relaxed);
  }
  uint64_t flushes() const { return flushes_.load(std::memory_order_relaxed); }
  uint64_t rows_flushed() const { return rows_flushed_.load(std::memory_order_relaxed); }

  /// Of one bucket; what a dirty overlay reports to. A bucket may have several: readers may hold on to rows of an overlay that is
  /// gone. Must go away before the budget.
  class Share {
   public:
    Share(DirtyBudget& budget, const TableBucket& bucket);
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    /// `bytes` may be negative.
    void Add(int64_t bytes);
    int64_t used() const { return used_.load(std::memory_order_relaxed); }

   private:
    friend class DirtyBudget;
    DirtyBudget& budget_;
    const TableBucket bucket_;
    std::atomic<int64_t> used_ = 0;
  };

 private:
  int64_t Target() const { return limit_ / 4 * 3; }

  const int64_t limit_;
  const uint64_t hash_seed_;
  std::atomic<int64_t> used_ = 0;
  std::atomic<uint64_t> flushes_ = 0;
  std::atomic<uint64_t> rows_flushed_ = 0;
  mutable std::mutex mutex_;  // guards shares_
  std::set<const Share*> shares_;
};

}  // namespace thalweg::kv
