#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "arrow/result.h"
#include "thalweg/base/ids.h"
#include "thalweg/kv/state_store.h"

namespace thalweg::kv {

/// Where the stores of buckets come from. Thread safety: all calls; never two for the same bucket at once.
class StoreFactory {
 public:
  virtual ~StoreFactory() = default;
  /// Blocks. The store as its last flush left it, or empty.
  virtual arrow::Result<std::unique_ptr<StateStore>> Open(const TableBucket& bucket) = 0;
  /// Removes all of it; no error where there is nothing. The store is not open.
  virtual arrow::Status Remove(const TableBucket& bucket) = 0;
};

/// The stores that are open, at most `open_max`: who needs one more has the one closed that was used the longest ago and is not
/// in use now. Its owner gets the chance to flush first.
///
/// Errors: those of the factory; STORAGE_BACKPRESSURE where every open store is in use, or this one was given up and still is:
/// that may last, and who waits keeps a thread of the pool.
/// Thread safety: all calls. Those that open or close block, never with the mutex held.
class StorePool {
 public:
  /// Whom a store belongs to.
  class Owner {
   public:
    virtual ~Owner() = default;
    /// The store is about to be closed, and nobody uses it. Blocks. What goes wrong is the owner's to remember: the store is
    /// closed all the same.
    virtual void BeforeClose(StateStore& store) = 0;
  };

  /// Keeps a store open.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), slot_(other.slot_) {}
    Lease& operator=(Lease&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(slot_, other.slot_);
      return *this;
    }
    ~Lease() {
      if (pool_) pool_->Release(slot_);
    }
    StateStore* operator->() const;
    StateStore& operator*() const;
    /// It has failed to write: it is closed when the last lease goes, and the next one gets it opened again.
    void GiveUp();

   private:
    friend class StorePool;
    struct Slot;
    Lease(StorePool* pool, Slot* slot) : pool_(pool), slot_(slot) {}
    StorePool* pool_ = nullptr;
    Slot* slot_ = nullptr;
  };

  StorePool(StoreFactory& factory, size_t open_max);
  /// All leases must be gone. Stores are closed as Close does.
  ~StorePool();

  /// Opens it where it is not open. Who only looks needs no owner; one that is there stays.
  arrow::Result<Lease> Acquire(const TableBucket& bucket, std::weak_ptr<Owner> owner);
  /// Closes it where it is open, with BeforeClose; waits for leases to go.
  void Close(const TableBucket& bucket);
  /// Closes it without BeforeClose and removes its files; waits for leases to go.
  arrow::Status Remove(const TableBucket& bucket);

  size_t open_max() const { return open_max_; }
  size_t open_count() const;
  /// Since the start.
  struct Counts {
    uint64_t hits = 0;       ///< a store was asked for that was open
    uint64_t opens = 0;      ///< or was not, and was opened
    uint64_t evictions = 0;  ///< closed to make room
  };
  Counts counts() const;
  uint64_t evictions() const { return counts().evictions; }

 private:
  enum class State : uint8_t { kOpening, kOpen, kClosing };
  using Slots = std::map<TableBucket, std::unique_ptr<Lease::Slot>>;

  void Release(Lease::Slot* slot);
  /// Takes the slot of `bucket` into kClosing, once nobody uses it; null where it is not open.
  Lease::Slot* BeginClose(std::unique_lock<std::mutex>& lock, const TableBucket& bucket);
  void FinishClose(std::unique_lock<std::mutex>& lock, Lease::Slot* slot, bool tell_owner);
  arrow::Status MakeRoom(std::unique_lock<std::mutex>& lock);

  StoreFactory& factory_;
  const size_t open_max_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  Slots slots_;
  std::list<Lease::Slot*> idle_;  // open and not in use, longest ago first
  Counts counts_;
};

}  // namespace thalweg::kv
