#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "arrow/result.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/security/access_policy.h"
#include "thalweg/sql/session.h"

namespace thalweg::sql {
class Engine;
}

namespace thalweg::flight {

struct SqlSessionsOptions {
  size_t idle_max = 8;                          ///< sessions that wait for their connection's next statement
  int64_t idle_ns_max = 300 * 1'000'000'000ll;  ///< one that waits longer is closed
};

/// Sessions of SQL for the connections of Flight SQL, which knows none: what one connection sets stays its own, and a statement that comes
/// while another of the same connection runs has a session of its own. A session that has nothing of its own serves other
/// connections of its user too, so that they need not wait for it to start.
/// Thread safety: all calls.
class SqlSessions {
 public:
  /// Both outlive it. No lease is left when it ends.
  SqlSessions(sql::Engine& engine, const runtime::Clock& clock, SqlSessionsOptions options = {})
      : engine_(engine), clock_(clock), options_(options) {}

  /// A session for one statement, until its rows have been read.
  class Lease {
   public:
    Lease(SqlSessions& owner, std::string connection, security::Asker asker, std::unique_ptr<sql::Session> session)
        : owner_(&owner), connection_(std::move(connection)), asker_(std::move(asker)), session_(std::move(session)) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();

    sql::Session* operator->() const { return session_.get(); }
    sql::Session& operator*() const { return *session_; }
    /// The session has become its connection's own.
    void Claim() { own_ = true; }
    /// It is not to be used again.
    void Discard() { discard_ = true; }

   private:
    friend class SqlSessions;
    SqlSessions* owner_;
    std::string connection_;
    security::Asker asker_;
    std::unique_ptr<sql::Session> session_;
    bool own_ = false;
    bool discard_ = false;
  };

  /// STORAGE_BACKPRESSURE where all are in use.
  arrow::Result<Lease> Take(const std::string& connection, const security::Asker& asker);
  /// Closes what waits of that connection.
  void Close(const std::string& connection);
  size_t idle() const;

 private:
  struct Idle {
    std::string connection;
    security::Asker asker;
    std::unique_ptr<sql::Session> session;
    bool own = false;  ///< of that connection alone
    int64_t since_ns = 0;
  };
  using IdleList = std::list<Idle>;

  void Return(Lease& lease);
  /// Takes those that have waited too long, or are too many, out of the list; the longest first.
  IdleList TakeStale(size_t keep, int64_t now_ns);

  sql::Engine& engine_;
  const runtime::Clock& clock_;
  const SqlSessionsOptions options_;
  mutable std::mutex mutex_;
  IdleList latest_last_;
};

}  // namespace thalweg::flight
