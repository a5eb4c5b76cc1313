#pragma once

#include <optional>
#include <utility>

#include "thalweg/catalog/catalog.h"

namespace thalweg::catalog {

/// Revision of a counter whose new value is on its way into the store.
inline constexpr int64_t kRevisionPending = -1;

/// Adds to `transaction` that the table goes, with its schemas and partitions, provided that it has not changed.
void RemoveTable(const Table& table, MetaStore::Transaction& transaction);

template <typename T>
runtime::Task<arrow::Result<T>> Catalog::InTurn(runtime::Task<arrow::Result<T>> work, runtime::Executor& home) {
  std::optional<arrow::Result<T>> result;
  {
    const TurnQueue::Turn turn = co_await turns_.Take(home);
    arrow::Status current = is_stale_ ? co_await Load() : arrow::Status::OK();
    if (current.ok()) {
      result.emplace(co_await std::move(work));
    } else {
      result.emplace(std::move(current));
    }
    // After a failure it may have happened all the same: readers should see it as soon as the store can be read. Where it
    // cannot, the next change reads it.
    if (is_stale_) (void)co_await Load();
  }
  co_await runtime::SwitchTo(home);
  co_return std::move(*result);
}

}  // namespace thalweg::catalog
