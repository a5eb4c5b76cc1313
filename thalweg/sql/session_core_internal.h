#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "arrow/result.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/sql/engine.h"
#include "thalweg/sql/instance_internal.h"
#include "thalweg/sql/session_state_internal.h"

namespace thalweg::sql {

/// What a session, its statements and its answers share: the connection to DuckDB, and the statement that runs now, of which there is
/// one at most.
///
/// Thread safety: Cancel and the time-out from any thread, all else from one at a time.
class SessionCore final : public std::enable_shared_from_this<SessionCore> {
 public:
  using GiveInstance = std::function<arrow::Result<std::unique_ptr<Instance>>()>;
  using TakeInstance = std::function<void(std::unique_ptr<Instance>)>;

  /// `give` brings a DuckDB once it is needed, `take` has it back. `time_ms_max` 0: no bound.
  SessionCore(const EngineEnvironment& environment, QueryThreads& threads, SessionOptions options, size_t thread_count,
              int64_t time_ms_max, GiveInstance give, TakeInstance take);
  ~SessionCore();

  /// Does `work` in a thread for queries, with what is thrown there as a status. The error of a statement that was cancelled or
  /// timed out is that.
  template <typename Work>
  auto Run(Work&& work) {
    auto result = threads_.Run([&] { return Guarded(work); });
    if (!result.ok()) result = Explained(StatusOf(result));
    return result;
  }

  /// A statement begins: whatever ran before is over. Opens DuckDB where that has not happened yet. Only inside of Run.
  arrow::Status Begin();
  /// The number of the statement that runs, so that an answer knows whether it still is its own.
  uint64_t statement() const { return statement_; }
  /// It has ended.
  void End();
  void Cancel(const arrow::Status& why);
  /// After this nothing runs any more.
  void Close();
  bool closed() const { return closed_; }

  /// After Begin.
  duckdb::Connection& connection() { return *connection_; }
  duckdb::ClientContext& context() { return *connection_->context; }
  const query::Session& session() const { return state_->session(); }
  /// Of the statement that runs.
  std::shared_ptr<const StatementToken> token() const { return state_->token(); }
  /// Waits until all that `token` names is visible, which it is for all later statements then. Only while a statement runs, which may
  /// be cancelled. REQUEST_TIME_OUT, UNKNOWN_TABLE_OR_BUCKET.
  arrow::Status WaitFor(const query::Token& token);
  runtime::Executor& workers() const { return environment_.query.workers; }

  const std::string& database() const { return database_; }
  /// As USE: what names without a database mean from now on.
  arrow::Status UseDatabase(const std::string& name);
  /// The same, of a database that may be missing: the next statement may create it.
  arrow::Status SetDatabase(const std::string& name);

 private:
  static const arrow::Status& StatusOf(const arrow::Status& status) { return status; }
  template <typename T>
  static const arrow::Status& StatusOf(const arrow::Result<T>& result) {
    return result.status();
  }
  arrow::Status Explained(const arrow::Status& status) const;
  arrow::Status Open();
  void WatchTime();

  const EngineEnvironment& environment_;
  QueryThreads& threads_;
  const int64_t time_ms_max_;
  const GiveInstance give_;
  const TakeInstance take_;
  const duckdb::shared_ptr<SessionState> state_;
  std::string database_;

  std::unique_ptr<Instance> instance_;
  std::unique_ptr<duckdb::Connection> connection_;
  uint64_t statement_ = 0;
  bool closed_ = false;

  std::mutex mutex_;         ///< of what Cancel and the time-out look at
  bool running_ = false;     ///< a statement is
  int64_t deadline_ns_ = 0;  ///< its; 0: none
  bool is_watched_ = false;  ///< the clock will look at the deadline again
};

}  // namespace thalweg::sql
