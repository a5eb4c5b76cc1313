#include "thalweg/log/index_cache.h"

#include <utility>

#include "thalweg/log/segment_index.h"

namespace thalweg::log {

void IndexCache::Touch(std::shared_ptr<const SegmentIndex> index) {
  std::shared_ptr<const SegmentIndex> dropped;  // freed behind the lock
  std::lock_guard lock(mutex_);
  if (auto found = places_.find(index.get()); found != places_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return;
  }
  const SegmentIndex* key = index.get();
  recent_.push_front(std::move(index));
  places_.emplace(key, recent_.begin());
  if (recent_.size() > indexes_max_) {
    dropped = std::move(recent_.back());
    places_.erase(dropped.get());
    recent_.pop_back();
  }
}

size_t IndexCache::size() const {
  std::lock_guard lock(mutex_);
  return recent_.size();
}

}  // namespace thalweg::log
