#pragma once

#include <functional>
#include <string>
#include <vector>

#include "thalweg/catalog/meta_store.h"

namespace thalweg::catalog {

/// A MetaStore that takes no more than what makes room while its device is nearly full: a transaction that removes nothing
/// is refused with what `check` says. Reads and epochs pass. Thread safety: as the store below, if `check` allows it.
class BoundedMetaStore final : public MetaStore {
 public:
  using Check = std::function<runtime::Task<arrow::Status>()>;

  /// `below` outlives this. `check` may resume anywhere.
  BoundedMetaStore(MetaStore& below, Check check) : below_(below), check_(std::move(check)) {}

  runtime::Task<arrow::Result<std::optional<Versioned>>> Get(std::string key) override {
    return below_.Get(std::move(key));
  }
  runtime::Task<arrow::Result<std::vector<Entry>>> List(std::string prefix) override {
    return below_.List(std::move(prefix));
  }
  runtime::Task<arrow::Result<std::optional<int64_t>>> Commit(Transaction transaction) override {
    if (transaction.removals.empty()) TW_CO_RETURN_NOT_OK(co_await check_());
    co_return co_await below_.Commit(std::move(transaction));
  }
  runtime::Task<arrow::Result<int64_t>> TakeEpoch() override { return below_.TakeEpoch(); }

 private:
  MetaStore& below_;
  const Check check_;
};

}  // namespace thalweg::catalog
