#pragma once

#include <string>
#include <string_view>

#include "arrow/result.h"
#include "thalweg/sql/answer.h"

namespace thalweg::sql {

/// Where statements run one after the other: a session of this process's engine, or one on a server.
///
/// Thread safety: Cancel from any thread; all else, the readers of answers included, from one thread at a time. Every call may block.
class Connection {
 public:
  virtual ~Connection() = default;

  /// `text` is one statement, with or without a semicolon at its end (SplitStatements takes a script apart).
  virtual arrow::Result<Answer> Execute(std::string_view text) = 0;

  /// Ends the statement that runs now or whose rows are being read, which then fails; no later one. Does not wait for its end.
  virtual void Cancel() = 0;

  /// The database that names without one mean.
  virtual std::string database() const = 0;
};

}  // namespace thalweg::sql
