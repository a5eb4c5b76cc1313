#include <algorithm>
#include <chrono>

#include "duckdb/catalog/catalog_search_path.hpp"
#include "duckdb/main/client_config.hpp"
#include "duckdb/main/client_data.hpp"
#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/sql/catalog_internal.h"
#include "thalweg/sql/session_core_internal.h"

namespace thalweg::sql {
namespace {

constexpr int64_t kTokenWaitMs = 10'000;
// How long a wait goes on after it was cancelled.
constexpr int64_t kTokenWaitSliceMs = 200;

}  // namespace

SessionCore::SessionCore(const EngineEnvironment& environment, QueryThreads& threads, SessionOptions options,
                         size_t thread_count, int64_t time_ms_max, GiveInstance give, TakeInstance take)
    : environment_(environment),
      threads_(threads),
      time_ms_max_(time_ms_max),
      give_(std::move(give)),
      take_(std::move(take)),
      state_(duckdb::make_shared_ptr<SessionState>(environment, query::Session(environment.query, options.asker),
                                                   thread_count)),
      database_(std::move(options.database)) {}

SessionCore::~SessionCore() { Close(); }

arrow::Status SessionCore::Open() {
  ARROW_ASSIGN_OR_RAISE(instance_, give_());
  connection_ = std::make_unique<duckdb::Connection>(instance_->database());
  context().registered_state->Insert(SessionState::kName, state_);
  duckdb::ClientConfig::GetConfig(context()).set_variables["TimeZone"] = duckdb::Value("UTC");
  return SetDatabase(database_);
}

arrow::Status SessionCore::SetDatabase(const std::string& name) {
  // Straight into the search path, which takes one that is missing.
  auto& path = *duckdb::ClientData::Get(context()).catalog_search_path;
  path.Set(duckdb::CatalogSearchEntry(kCatalogName, name), duckdb::CatalogSetPathType::SET_DIRECTLY);
  database_ = name;
  return arrow::Status::OK();
}

arrow::Status SessionCore::UseDatabase(const std::string& name) {
  std::string found;
  for (const auto& database : session().ListDatabasesOfTables()) {
    if (database->name == name) found = name;
    if (found.empty() && duckdb::StringUtil::CIEquals(database->name, name)) found = database->name;
  }
  if (duckdb::StringUtil::CIEquals(name, kSystemSchema)) found = kSystemSchema;
  if (found.empty()) return Error(ErrorCode::kDatabaseNotExist, "Database {} does not exist.", name);
  return SetDatabase(found);
}

arrow::Status SessionCore::WaitFor(const query::Token& token) {
  ARROW_RETURN_NOT_OK(session().RequireToSee(token));
  int64_t left_ms = kTokenWaitMs;
  while (true) {
    const int64_t slice_ms = std::min(left_ms, kTokenWaitSliceMs);
    arrow::Status status = runtime::BlockOn(workers(), query::WaitFor(environment_.query, token, slice_ms, workers()));
    left_ms -= slice_ms;
    if (CodeOf(status) != ErrorCode::kRequestTimeOut || left_ms <= 0) return status;
    ARROW_RETURN_NOT_OK(state_->cancelled());
  }
}

arrow::Status SessionCore::Begin() {
  if (closed_) return arrow::Status::Invalid("The session is closed.");
  End();
  state_->Begin();
  if (!connection_) ARROW_RETURN_NOT_OK(Open());
  ++statement_;
  {
    std::lock_guard lock(mutex_);
    running_ = true;
    deadline_ns_ = time_ms_max_ > 0 ? environment_.query.clock.MonotonicNs() + time_ms_max_ * 1'000'000 : 0;
  }
  WatchTime();
  return arrow::Status::OK();
}

void SessionCore::End() {
  std::lock_guard lock(mutex_);
  running_ = false;
  deadline_ns_ = 0;
}

void SessionCore::WatchTime() {
  int64_t left_ns = 0;
  {
    std::lock_guard lock(mutex_);
    if (is_watched_ || deadline_ns_ == 0) return;
    is_watched_ = true;
    left_ns = deadline_ns_ - environment_.query.clock.MonotonicNs();
  }
  // One look ahead at a time, so that many short statements leave no more than one behind.
  threads_.clock().PostAfter(std::chrono::nanoseconds(left_ns), [weak = weak_from_this()] {
    const auto core = weak.lock();
    if (!core) return;
    bool late = false;
    {
      std::lock_guard lock(core->mutex_);
      core->is_watched_ = false;
      late = core->running_ && core->deadline_ns_ != 0 &&
             core->environment_.query.clock.MonotonicNs() >= core->deadline_ns_;
    }
    if (late) {
      core->Cancel(Error(ErrorCode::kRequestTimeOut, "The statement took longer than the {} ms that it may take.",
                         core->time_ms_max_));
    } else {
      core->WatchTime();
    }
  });
}

void SessionCore::Cancel(const arrow::Status& why) {
  std::lock_guard lock(mutex_);
  if (!running_) return;
  state_->Cancel(why);
  if (connection_) connection_->Interrupt();
}

void SessionCore::Close() {
  if (closed_) return;
  closed_ = true;
  Cancel(arrow::Status::Cancelled("The session was closed."));
  End();
  std::unique_ptr<duckdb::Connection> connection;
  {
    std::lock_guard lock(mutex_);
    connection = std::move(connection_);
  }
  // Its threads may have to finish what they are at.
  if (connection) threads_.Run([&] { connection.reset(); });
  if (instance_) take_(std::move(instance_));
}

arrow::Status SessionCore::Explained(const arrow::Status& status) const {
  const arrow::Status why = state_->cancelled();
  return why.ok() ? status : why;
}

}  // namespace thalweg::sql
