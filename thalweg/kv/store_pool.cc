#include "thalweg/kv/store_pool.h"

#include "thalweg/base/check.h"
#include "thalweg/base/error.h"

namespace thalweg::kv {

struct StorePool::Lease::Slot {
  TableBucket bucket;
  State state = State::kOpening;
  std::unique_ptr<StateStore> store;
  std::weak_ptr<Owner> owner;
  size_t leases = 0;
  bool given_up = false;
  std::list<Slot*>::iterator idle_at;  // where kOpen without leases
};

StateStore* StorePool::Lease::operator->() const { return slot_->store.get(); }
StateStore& StorePool::Lease::operator*() const { return *slot_->store; }

void StorePool::Lease::GiveUp() {
  std::lock_guard lock(pool_->mutex_);
  slot_->given_up = true;
}

StorePool::StorePool(StoreFactory& factory, size_t open_max) : factory_(factory), open_max_(open_max) {
  TW_CHECK(open_max > 0);
}

StorePool::~StorePool() {
  std::unique_lock lock(mutex_);
  while (!slots_.empty()) {
    TW_CHECK(!idle_.empty());
    Lease::Slot* const slot = idle_.front();
    idle_.pop_front();
    slot->state = State::kClosing;
    FinishClose(lock, slot, /*tell_owner=*/true);
  }
}

arrow::Result<StorePool::Lease> StorePool::Acquire(const TableBucket& bucket, std::weak_ptr<Owner> owner) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto found = slots_.find(bucket);
    if (found != slots_.end()) {
      Lease::Slot* const slot = found->second.get();
      if (slot->state == State::kOpen && !slot->given_up) {
        if (slot->leases++ == 0) idle_.erase(slot->idle_at);
        if (!owner.expired()) slot->owner = std::move(owner);
        ++counts_.hits;
        return Lease(this, slot);
      }
      if (slot->state == State::kOpen) {  // and given up
        return Error(ErrorCode::kStorageBackpressure,
                     "The store of {} has failed to write and is opened again when those who read it are done. Retry.",
                     bucket);
      }
      changed_.wait(lock);
    } else if (slots_.size() >= open_max_) {
      ARROW_RETURN_NOT_OK(MakeRoom(lock));
    } else {
      break;
    }
  }
  Lease::Slot* const slot = slots_.emplace(bucket, std::make_unique<Lease::Slot>()).first->second.get();
  slot->bucket = bucket;
  lock.unlock();
  auto opened = factory_.Open(bucket);
  lock.lock();
  changed_.notify_all();
  if (!opened.ok()) {
    slots_.erase(bucket);
    return opened.status();
  }
  ++counts_.opens;
  slot->store = std::move(*opened);
  slot->owner = std::move(owner);
  slot->leases = 1;
  slot->state = State::kOpen;
  return Lease(this, slot);
}

arrow::Status StorePool::MakeRoom(std::unique_lock<std::mutex>& lock) {
  if (idle_.empty()) {
    for (const auto& [bucket, slot] : slots_) {
      if (slot->state == State::kOpen) continue;
      changed_.wait(lock);  // it is about to be idle or gone
      return arrow::Status::OK();
    }
    return Error(ErrorCode::kStorageBackpressure,
                 "All {} open key-value stores are in use. Try again, or raise kv.open-buckets.", open_max_);
  }
  Lease::Slot* const slot = idle_.front();
  idle_.pop_front();
  slot->state = State::kClosing;
  ++counts_.evictions;
  FinishClose(lock, slot, /*tell_owner=*/true);
  return arrow::Status::OK();
}

void StorePool::FinishClose(std::unique_lock<std::mutex>& lock, Lease::Slot* slot, bool tell_owner) {
  lock.unlock();
  if (tell_owner && !slot->given_up) {
    if (const std::shared_ptr<Owner> owner = slot->owner.lock()) owner->BeforeClose(*slot->store);
  }
  slot->store.reset();
  lock.lock();
  slots_.erase(slot->bucket);
  changed_.notify_all();
}

void StorePool::Release(Lease::Slot* slot) {
  std::unique_lock lock(mutex_);
  if (--slot->leases > 0) return;
  if (slot->given_up) {
    slot->state = State::kClosing;
    FinishClose(lock, slot, /*tell_owner=*/false);
    return;
  }
  slot->idle_at = idle_.insert(idle_.end(), slot);
  changed_.notify_all();
}

StorePool::Lease::Slot* StorePool::BeginClose(std::unique_lock<std::mutex>& lock, const TableBucket& bucket) {
  for (;;) {
    const auto found = slots_.find(bucket);
    if (found == slots_.end()) return nullptr;
    Lease::Slot* const slot = found->second.get();
    if (slot->state == State::kOpen && slot->leases == 0) {
      idle_.erase(slot->idle_at);
      slot->state = State::kClosing;
      return slot;
    }
    changed_.wait(lock);
  }
}

void StorePool::Close(const TableBucket& bucket) {
  std::unique_lock lock(mutex_);
  if (Lease::Slot* const slot = BeginClose(lock, bucket)) FinishClose(lock, slot, /*tell_owner=*/true);
}

arrow::Status StorePool::Remove(const TableBucket& bucket) {
  std::unique_lock lock(mutex_);
  Lease::Slot* const slot = BeginClose(lock, bucket);
  if (slot) {
    lock.unlock();
    slot->store.reset();
  } else {
    // Nobody may open it while its files go.
    Lease::Slot* const closed = slots_.emplace(bucket, std::make_unique<Lease::Slot>()).first->second.get();
    closed->bucket = bucket;
    closed->state = State::kClosing;
    lock.unlock();
  }
  const arrow::Status removed = factory_.Remove(bucket);
  lock.lock();
  slots_.erase(bucket);
  changed_.notify_all();
  return removed;
}

size_t StorePool::open_count() const {
  std::lock_guard lock(mutex_);
  return slots_.size();
}

StorePool::Counts StorePool::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace thalweg::kv
