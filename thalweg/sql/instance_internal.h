#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <vector>

#include "arrow/result.h"
#include "thalweg/sql/duckdb_internal.h"
#include "thalweg/sql/query_threads_internal.h"

namespace thalweg::sql {

/// One DuckDB, whose main database is our catalog, shut off from files, network and extensions. Its settings cannot be changed.
/// Thread safety: of duckdb::DuckDB.
class Instance {
 public:
  /// `threads` of `pool` work for it, that of the caller included. In a thread of the pool.
  static arrow::Result<std::unique_ptr<Instance>> Open(QueryThreads& pool, size_t threads, uint64_t memory_bytes_max);
  /// Waits for its threads. Not in a thread of the pool.
  ~Instance();

  duckdb::DuckDB& database() { return *database_; }

 private:
  Instance() = default;

  std::unique_ptr<duckdb::DuckDB> database_;
  std::atomic<bool> running_{true};
  std::vector<std::future<void>> loops_;
};

}  // namespace thalweg::sql
