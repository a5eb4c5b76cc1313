#include "thalweg/testing/memory_meta_store.h"

#include <utility>

#include "thalweg/base/error.h"

namespace thalweg::testing {

runtime::Task<arrow::Result<std::optional<catalog::MetaStore::Versioned>>> MemoryMetaStore::Get(std::string key) {
  co_await runtime::SwitchTo(pool_);
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) co_return std::nullopt;
  co_return found->second;
}

runtime::Task<arrow::Result<std::vector<catalog::MetaStore::Entry>>> MemoryMetaStore::List(std::string prefix) {
  co_await runtime::SwitchTo(pool_);
  std::lock_guard lock(mutex_);
  std::vector<Entry> entries;
  for (auto at = entries_.lower_bound(prefix); at != entries_.end() && at->first.starts_with(prefix); ++at) {
    entries.push_back({at->first, at->second.value, at->second.revision});
  }
  co_return entries;
}

runtime::Task<arrow::Result<std::optional<int64_t>>> MemoryMetaStore::Commit(Transaction transaction) {
  co_await runtime::SwitchTo(pool_);
  std::lock_guard lock(mutex_);
  ++commits_;
  const Failure failure = std::exchange(failure_, Failure::kNone);
  if (failure != Failure::kBefore) {
    auto result = CommitNow(transaction);
    if (failure == Failure::kNone) co_return result;
  }
  co_return Error(ErrorCode::kStorage, "The metadata store cannot be reached (simulated).");
}

arrow::Result<std::optional<int64_t>> MemoryMetaStore::CommitNow(const Transaction& transaction) {
  if (transaction.epoch != epoch_) {
    return Error(ErrorCode::kFencedLeaderEpoch, "Epoch {} may no longer change the metadata: epoch {} has taken over.",
                 transaction.epoch, epoch_);
  }
  for (const Compare& compare : transaction.compares) {
    const auto found = entries_.find(compare.key);
    if ((found == entries_.end() ? kAbsent : found->second.revision) != compare.revision) return std::nullopt;
  }
  ++revision_;
  for (const auto& [key, value] : transaction.puts) entries_[key] = {value, revision_};
  for (const std::string& key : transaction.removals) entries_.erase(key);
  return revision_;
}

runtime::Task<arrow::Result<int64_t>> MemoryMetaStore::TakeEpoch() {
  co_await runtime::SwitchTo(pool_);
  std::lock_guard lock(mutex_);
  co_return ++epoch_;
}

void MemoryMetaStore::FailNextCommit(bool happens) {
  std::lock_guard lock(mutex_);
  failure_ = happens ? Failure::kAfter : Failure::kBefore;
}

int MemoryMetaStore::commits() const {
  std::lock_guard lock(mutex_);
  return commits_;
}

}  // namespace thalweg::testing
