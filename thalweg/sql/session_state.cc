#include <algorithm>
#include <utility>

#include "thalweg/query/scan.h"
#include "thalweg/sql/session_state_internal.h"

namespace thalweg::sql {

SessionState& SessionState::Of(duckdb::ClientContext& context) {
  const auto state = context.registered_state->Get<SessionState>(kName);
  if (!state) throw duckdb::InternalException("a connection without a session");
  return *state;
}

void SessionState::Begin() {
  std::lock_guard lock(mutex_);
  why_ = arrow::Status::OK();
  token_ = std::make_shared<StatementToken>();
  std::erase_if(scans_, [](const auto& scan) { return scan.expired(); });
}

void SessionState::Cancel(const arrow::Status& why) {
  std::vector<std::shared_ptr<query::Scan>> running;
  {
    std::lock_guard lock(mutex_);
    if (why_.ok()) why_ = why;
    for (const auto& scan : scans_) {
      if (auto held = scan.lock()) running.push_back(std::move(held));
    }
  }
  for (const auto& scan : running) scan->Cancel(why);
}

arrow::Status SessionState::cancelled() const {
  std::lock_guard lock(mutex_);
  return why_;
}

std::shared_ptr<StatementToken> SessionState::token() const {
  std::lock_guard lock(mutex_);
  return token_;
}

void SessionState::Add(const std::shared_ptr<query::Scan>& scan) {
  arrow::Status why;
  {
    std::lock_guard lock(mutex_);
    scans_.push_back(scan);
    why = why_;
  }
  if (!why.ok()) scan->Cancel(why);
}

}  // namespace thalweg::sql
