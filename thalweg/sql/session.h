#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/sql/answer.h"

namespace thalweg::sql {

/// A statement that has been read and understood, with `?`, `$1` or `$name` for what is to be filled in.
///
/// It belongs to its session and is used by one thread at a time with it. A table that was changed since it was prepared is
/// looked at anew when it runs.
class Statement {
 public:
  virtual ~Statement() = default;

  virtual StatementKind kind() const = 0;
  /// The columns of its rows; empty for what gives none. Types may yet change where a parameter decides them.
  virtual const std::shared_ptr<arrow::Schema>& columns() const = 0;
  /// One field for each parameter, in their order (`$2` is the second), named as in the statement ("1" for the first `?`). Of type
  /// null where the statement does not tell.
  virtual const std::shared_ptr<arrow::Schema>& parameters() const = 0;

  /// Runs it. `parameters` has one row and a column for each parameter, in their order, of any type that casts to what is
  /// expected; null where there are none. For kChange it may have more rows: the statement runs with each, and the numbers of
  /// changed rows add up. kInvalidArgument… see Session for errors.
  virtual arrow::Result<Answer> Execute(const std::shared_ptr<arrow::RecordBatch>& parameters) = 0;
};

/// One user's connection: what is current in it, and what it has made for itself (temporary tables, settings).
///
/// Errors: INVALID_TABLE, TABLE_NOT_EXIST, DATABASE_NOT_EXIST … where the catalog or the tables say so; REQUEST_TIME_OUT beyond the
/// time limit or after Cancel; INVALID_REQUEST-like mistakes in a statement are arrow::Status::Invalid with DuckDB's words, which
/// point at the place.
///
/// Thread safety: Cancel from any thread; all else, the readers and statements that came from it included, from one thread at a
/// time. Every call may block: never on a shard.
class Session {
 public:
  /// Ends what runs. Statements and readers that are left fail from now on.
  virtual ~Session() = default;

  /// `text` is one statement, with or without a semicolon at its end (SplitStatements takes a script apart).
  virtual arrow::Result<Answer> Execute(std::string_view text) = 0;
  virtual arrow::Result<std::shared_ptr<Statement>> Prepare(std::string_view text) = 0;

  /// Ends the statement that runs now or whose rows are being read, which then fails; no later one. Does not wait.
  virtual void Cancel() = 0;

  /// The database that names without one mean.
  virtual std::string database() const = 0;
  /// INVALID… as `USE name`.
  virtual arrow::Status UseDatabase(const std::string& name) = 0;
};

}  // namespace thalweg::sql
