#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/sql/answer.h"
#include "thalweg/sql/connection.h"

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
/// Thread safety: as a Connection's; statements that came from it are used by that one thread too. Every call may block: never on a
/// shard.
class Session : public Connection {
 public:
  // Its end ends what runs: statements and readers that are left fail from now on.

  virtual arrow::Result<std::shared_ptr<Statement>> Prepare(std::string_view text) = 0;

  /// Names without a database mean this one from now on. It need not be there yet.
  virtual arrow::Status UseDatabase(const std::string& name) = 0;
};

}  // namespace thalweg::sql
