#include "thalweg/flight/sql_sessions.h"

#include <algorithm>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/sql/engine.h"

namespace thalweg::flight {

SqlSessions::Lease::~Lease() {
  if (session_) owner_->Return(*this);
}

SqlSessions::IdleList SqlSessions::TakeStale(size_t keep, int64_t now_ns) {
  IdleList stale;
  while (!latest_last_.empty() &&
         (latest_last_.size() > keep || now_ns - latest_last_.front().since_ns > options_.idle_ns_max)) {
    stale.splice(stale.end(), latest_last_, latest_last_.begin());
  }
  return stale;
}

arrow::Result<SqlSessions::Lease> SqlSessions::Take(const std::string& connection, const security::Asker& asker) {
  const auto is_users = [&](const Idle& idle) {
    return idle.asker.principal == asker.principal && idle.asker.host == asker.host;
  };
  IdleList stale;  // closed without the lock
  {
    std::lock_guard lock(mutex_);
    stale = TakeStale(options_.idle_max, clock_.MonotonicNs());
    auto found = std::ranges::find_if(
        latest_last_, [&](const Idle& idle) { return is_users(idle) && idle.connection == connection; });
    if (found == latest_last_.end()) {
      found = std::ranges::find_if(latest_last_, [&](const Idle& idle) { return is_users(idle) && !idle.own; });
    }
    if (found != latest_last_.end()) {
      Lease lease(*this, connection, asker, std::move(found->session));
      lease.own_ = found->own;
      latest_last_.erase(found);
      return lease;
    }
  }
  stale.clear();
  auto session = engine_.OpenSession({.asker = asker});
  if (CodeOf(session.status()) == ErrorCode::kStorageBackpressure) {
    {
      std::lock_guard lock(mutex_);
      if (!latest_last_.empty()) stale.splice(stale.end(), latest_last_, latest_last_.begin());
    }
    if (stale.empty()) return session.status();
    stale.clear();
    session = engine_.OpenSession({.asker = asker});
  }
  ARROW_RETURN_NOT_OK(session.status());
  return Lease(*this, connection, asker, std::move(*session));
}

void SqlSessions::Return(Lease& lease) {
  if (lease.discard_) return;
  IdleList stale;
  std::lock_guard lock(mutex_);
  const int64_t now_ns = clock_.MonotonicNs();
  latest_last_.push_back(
      {std::move(lease.connection_), std::move(lease.asker_), std::move(lease.session_), lease.own_, now_ns});
  stale = TakeStale(options_.idle_max, now_ns);
}

void SqlSessions::Close(const std::string& connection) {
  IdleList closed;
  std::lock_guard lock(mutex_);
  for (auto at = latest_last_.begin(); at != latest_last_.end();) {
    const auto next = std::next(at);
    if (at->connection == connection) closed.splice(closed.end(), latest_last_, at);
    at = next;
  }
}

size_t SqlSessions::idle() const {
  std::lock_guard lock(mutex_);
  return latest_last_.size();
}

}  // namespace thalweg::flight
