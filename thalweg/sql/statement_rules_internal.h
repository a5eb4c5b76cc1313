#pragma once

#include "arrow/status.h"
#include "thalweg/sql/duckdb_internal.h"

namespace thalweg::sql {

/// Whether a session may have DuckDB run that: queries, changes of rows, and what is the session's own (temporary tables and views).
/// Invalid, saying what to do, for transactions, files, extensions, settings and the like.
arrow::Status CheckAllowed(const duckdb::SQLStatement& statement);

/// Whether the statement makes or drops something temporary only.
bool IsOfSession(const duckdb::SQLStatement& statement);

}  // namespace thalweg::sql
