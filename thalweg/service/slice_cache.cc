#include "thalweg/service/slice_cache.h"

#include <utility>

namespace thalweg::service {

std::optional<Bytes> SliceCache::Find(const TableBucket& bucket, LogOffset from) {
  std::lock_guard lock(mutex_);
  const auto place = places_.find(bucket);
  if (place == places_.end() || place->second->from != from) return std::nullopt;
  slices_.splice(slices_.begin(), slices_, place->second);
  return place->second->batch;
}

void SliceCache::Keep(const TableBucket& bucket, LogOffset from, ByteView batch) {
  if (batch.size() > kSliceBytesMax) return;
  Bytes kept = Bytes::Copy(batch);
  std::lock_guard lock(mutex_);
  if (const auto place = places_.find(bucket); place != places_.end()) {
    slices_.splice(slices_.begin(), slices_, place->second);
    slices_.front().from = from;
    slices_.front().batch = std::move(kept);
    return;
  }
  if (slices_.size() == kSlicesMax) {
    places_.erase(slices_.back().bucket);
    slices_.pop_back();
  }
  slices_.push_front({.bucket = bucket, .from = from, .batch = std::move(kept)});
  places_[bucket] = slices_.begin();
}

}  // namespace thalweg::service
