#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "thalweg/query/session.h"
#include "thalweg/sql/duckdb_internal.h"
#include "thalweg/sql/statement_token.h"

namespace thalweg::query {
class Scan;
}

namespace thalweg::sql {

struct EngineEnvironment;

/// What the parts that DuckDB calls need to know of the session that it calls them for: hangs on its ClientContext.
/// Thread safety: all calls.
class SessionState final : public duckdb::ClientContextState {
 public:
  static constexpr const char* kName = "thalweg";
  static SessionState& Of(duckdb::ClientContext& context);

  SessionState(const EngineEnvironment& environment, query::Session session, size_t threads)
      : environment_(environment), session_(std::move(session)), threads_(threads) {}

  const EngineEnvironment& environment() const { return environment_; }
  const query::Session& session() const { return session_; }
  size_t threads() const { return threads_; }

  /// From the beginning of a statement to its end: a scan that is opened meanwhile ends when the statement is cancelled.
  void Begin();
  /// Scans that run, and those that the statement opens from now on, end with `why`.
  void Cancel(const arrow::Status& why);
  /// OK while nobody cancelled the statement.
  arrow::Status cancelled() const;
  void Add(const std::shared_ptr<query::Scan>& scan);
  /// Of the statement that runs: what it reads and writes is noted there.
  std::shared_ptr<StatementToken> token() const;

 private:
  const EngineEnvironment& environment_;
  const query::Session session_;
  const size_t threads_;

  mutable std::mutex mutex_;
  arrow::Status why_;
  std::vector<std::weak_ptr<query::Scan>> scans_;
  std::shared_ptr<StatementToken> token_ = std::make_shared<StatementToken>();
};

}  // namespace thalweg::sql
