#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "thalweg/runtime/executor.h"

namespace thalweg::runtime {

/// Delayed work by deadline; of equal deadlines, what was added first comes first. Thread safety: none.
class TimerHeap {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// True where `due` is now the earliest deadline.
  bool Add(TimePoint due, Work work) {
    entries_.push_back({due, added_++, std::move(work)});
    std::push_heap(entries_.begin(), entries_.end());
    return entries_.front().order == added_ - 1;
  }

  std::optional<TimePoint> next() const {
    return entries_.empty() ? std::nullopt : std::optional(entries_.front().due);
  }

  /// Takes the first piece of work whose deadline is at or before `now`; empty where there is none.
  Work TakeDue(TimePoint now) {
    if (entries_.empty() || entries_.front().due > now) return {};
    std::pop_heap(entries_.begin(), entries_.end());
    Work work = std::move(entries_.back().work);
    entries_.pop_back();
    return work;
  }

  /// Takes everything, so that the caller can destroy it where that is safe.
  std::vector<Work> TakeAll() {
    std::vector<Work> all;
    all.reserve(entries_.size());
    for (auto& entry : entries_) all.push_back(std::move(entry.work));
    entries_.clear();
    return all;
  }

 private:
  struct Entry {
    TimePoint due;
    uint64_t order;
    Work work;
    bool operator<(const Entry& other) const { return due != other.due ? due > other.due : order > other.order; }
  };

  uint64_t added_ = 0;
  std::vector<Entry> entries_;
};

/// `now + delay`, where a delay too long to add means never.
inline TimerHeap::TimePoint DueAfter(Nanos delay) {
  const auto now = std::chrono::steady_clock::now();
  return delay > TimerHeap::TimePoint::max() - now ? TimerHeap::TimePoint::max() : now + delay;
}

}  // namespace thalweg::runtime
