#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace thalweg::catalog {

/// An immutable map whose changed copies share all but a few entries with it: With and Without cost about
/// size / kEntriesPerBucket pointer copies, not size entry copies. A default one is empty and owns no memory.
/// Thread safety: as a const object; copies are cheap.
template <typename Key, typename Value>
class PersistentMap {
 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// nullptr where there is none; valid as long as this map or a copy.
  const Value* Find(const Key& key) const {
    if (buckets_.empty()) return nullptr;
    const std::shared_ptr<const Bucket>& bucket = buckets_[IndexOf(key, buckets_.size())];
    if (!bucket) return nullptr;
    for (const auto& [found, value] : *bucket) {
      if (found == key) return &value;
    }
    return nullptr;
  }

  /// This map with `key` set to `value`, whether it was there or not.
  PersistentMap With(const Key& key, Value value) const {
    PersistentMap next = size_ < buckets_.size() * kEntriesPerBucket ? *this : Grown();
    std::shared_ptr<const Bucket>& place = next.buckets_[IndexOf(key, next.buckets_.size())];
    Bucket bucket = place ? *place : Bucket();
    bool replaced = false;
    for (auto& [found, old] : bucket) {
      if (found != key) continue;
      old = std::move(value);
      replaced = true;
      break;
    }
    if (!replaced) {
      bucket.emplace_back(key, std::move(value));
      ++next.size_;
    }
    place = std::make_shared<const Bucket>(std::move(bucket));
    return next;
  }

  PersistentMap Without(const Key& key) const {
    if (Find(key) == nullptr) return *this;
    PersistentMap next = *this;
    std::shared_ptr<const Bucket>& place = next.buckets_[IndexOf(key, next.buckets_.size())];
    Bucket bucket = *place;
    std::erase_if(bucket, [&](const auto& entry) { return entry.first == key; });
    place = std::make_shared<const Bucket>(std::move(bucket));
    --next.size_;
    return next;
  }

  /// Calls `visit(key, value)` for each entry, in no order that means anything.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const auto& bucket : buckets_) {
      if (!bucket) continue;
      for (const auto& [key, value] : *bucket) visit(key, value);
    }
  }

 private:
  using Bucket = std::vector<std::pair<Key, Value>>;
  static constexpr size_t kEntriesPerBucket = 16;
  static constexpr size_t kGrowth = 4;

  static size_t IndexOf(const Key& key, size_t bucket_count) {
    // Ids hash to themselves and come in runs; spread them as splitmix64 does.
    uint64_t h = std::hash<Key>{}(key) * 0x9E3779B97F4A7C15ull;
    return static_cast<size_t>((h ^ (h >> 32)) % bucket_count);
  }

  PersistentMap Grown() const {
    PersistentMap next;
    next.size_ = size_;
    const size_t count = buckets_.empty() ? 1 : buckets_.size() * kGrowth;
    std::vector<Bucket> filled(count);
    ForEach([&](const Key& key, const Value& value) { filled[IndexOf(key, count)].emplace_back(key, value); });
    next.buckets_.resize(count);
    for (size_t i = 0; i < count; ++i) {
      if (!filled[i].empty()) next.buckets_[i] = std::make_shared<const Bucket>(std::move(filled[i]));
    }
    return next;
  }

  std::vector<std::shared_ptr<const Bucket>> buckets_;
  size_t size_ = 0;
};

}  // namespace thalweg::catalog
