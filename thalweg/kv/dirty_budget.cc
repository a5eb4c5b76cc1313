#include "thalweg/kv/dirty_budget.h"

#include <algorithm>
#include <utility>

namespace thalweg::kv {

std::vector<TableBucket> DirtyBudget::Victims() const {
  if (!IsOver()) return {};
  std::vector<std::pair<int64_t, TableBucket>> buckets;
  {
    std::lock_guard lock(mutex_);
    for (const Share* share : shares_) {
      if (share->used() > 0) buckets.emplace_back(share->used(), share->bucket_);
    }
  }
  std::ranges::sort(buckets, std::ranges::greater());
  std::vector<TableBucket> victims;
  int64_t left = used();
  for (const auto& [bytes, bucket] : buckets) {
    if (left <= limit_ / 2) break;
    victims.push_back(bucket);
    left -= bytes;
  }
  return victims;
}

DirtyBudget::Share::Share(DirtyBudget& budget, const TableBucket& bucket) : budget_(budget), bucket_(bucket) {
  std::lock_guard lock(budget.mutex_);
  budget.shares_.insert(this);
}

DirtyBudget::Share::~Share() {
  budget_.used_.fetch_sub(used(), std::memory_order_relaxed);
  std::lock_guard lock(budget_.mutex_);
  budget_.shares_.erase(this);
}

void DirtyBudget::Share::Add(int64_t bytes) {
  used_.fetch_add(bytes, std::memory_order_relaxed);
  budget_.used_.fetch_add(bytes, std::memory_order_relaxed);
}

}  // namespace thalweg::kv
