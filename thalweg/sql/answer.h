#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "arrow/type_fwd.h"
#include "thalweg/sql/statement_token.h"

namespace thalweg::sql {

/// What a statement is, before it has run.
enum class StatementKind : uint8_t {
  kQuery,       ///< gives rows: SELECT, SHOW, DESCRIBE, EXPLAIN, VALUES, …
  kChange,      ///< changes rows and gives their number: INSERT, UPDATE, DELETE
  kDefinition,  ///< changes databases, tables or columns: CREATE, ALTER, DROP
  kSession,     ///< changes the session alone: USE, SET, CREATE TEMP …
};

/// What a statement came to.
struct Answer {
  StatementKind kind = StatementKind::kQuery;
  /// Of kQuery: its rows, never null; of all others null. Reading it may run the rest of the query, in the reading thread and in
  /// threads of the engine, and its errors are those of the query. One thread reads at a time; rows that nobody reads are not made.
  /// Closing or destroying it ends the query. It may be read until the session runs its next statement, which ends it; it may
  /// outlive the session only to be destroyed.
  std::shared_ptr<arrow::RecordBatchReader> rows{};
  /// Of kChange: how many rows were written or deleted, all of them durable.
  int64_t changed_rows = 0;
  /// Of kQuery what it has read so far, all of it once `rows` has ended; of kChange what it has read and written. Null of all others.
  std::shared_ptr<const StatementToken> token{};
};

}  // namespace thalweg::sql
