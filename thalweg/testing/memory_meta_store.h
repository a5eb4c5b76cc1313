#pragma once

#include <map>
#include <mutex>
#include <string>

#include "thalweg/catalog/meta_store.h"
#include "thalweg/runtime/executor.h"

namespace thalweg::testing {

/// A MetaStore without a disk. Calls complete on `pool`. Thread safety: all calls.
class MemoryMetaStore final : public catalog::MetaStore {
 public:
  explicit MemoryMetaStore(runtime::Executor& pool) : pool_(pool) {}

  runtime::Task<arrow::Result<std::optional<Versioned>>> Get(std::string key) override;
  runtime::Task<arrow::Result<std::vector<Entry>>> List(std::string prefix) override;
  runtime::Task<arrow::Result<std::optional<int64_t>>> Commit(Transaction transaction) override;
  runtime::Task<arrow::Result<int64_t>> TakeEpoch() override;

  /// The next commit fails with kStorage although (`happens`) or because it did not happen.
  void FailNextCommit(bool happens);
  /// Commits that were asked for so far.
  int commits() const;

 private:
  enum class Failure { kNone, kBefore, kAfter };

  arrow::Result<std::optional<int64_t>> CommitNow(const Transaction& transaction);

  runtime::Executor& pool_;
  mutable std::mutex mutex_;
  std::map<std::string, Versioned> entries_;
  int64_t revision_ = 0;
  int64_t epoch_ = 0;
  int commits_ = 0;
  Failure failure_ = Failure::kNone;
};

}  // namespace thalweg::testing
