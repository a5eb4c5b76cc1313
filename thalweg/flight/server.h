#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/flight/limits.h"
#include "thalweg/flight/login_policy.h"
#include "thalweg/flight/services.h"
#include "thalweg/net/listener.h"
#include "thalweg/net/tls_context.h"
#include "thalweg/query/environment.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/security/failed_logins.h"

namespace thalweg::sql {
class Engine;
}

namespace thalweg::flight {

struct ServerOptions {
  net::Address bind{"127.0.0.1", 9130};
  LoginPolicy logins{};
  std::optional<net::TlsIdentity> tls{};  ///< none: in the clear
  Limits limits{};
  std::string version{};
  sql::Engine* sql = nullptr;                    ///< null: no Flight SQL. Outlives the server
  std::vector<FlussListener> fluss_listeners{};  ///< the one for the users of this door first
};

/// The door for Arrow Flight. Its threads are gRPC's; they wait for the shards and never run on them.
class Server {
 public:
  /// Listens when it returns. All that is given outlives the server. INVALID_CONFIG where the address cannot be had.
  static arrow::Result<std::unique_ptr<Server>> Start(ServerOptions options, const query::Environment& environment,
                                                      std::vector<runtime::Executor*> shards,
                                                      security::FailedLogins& failed_logins);
  virtual ~Server() = default;

  virtual const net::Address& address() const = 0;
  /// Another certificate, for connections from now on. gRPC takes none for a listener that is open, and libarrow lets no two have one
  /// port: so the listener is closed and another opened at once. Calls in progress have kReplaceGrace to end, then they are cut;
  /// clients call again, over a new connection. Blocks that long. INVALID_CONFIG; where it is about the identity, nothing has
  /// changed. Only where there was one; never at the same time as Stop.
  virtual arrow::Status ReplaceIdentity(net::TlsIdentity identity) = 0;
  static constexpr std::chrono::seconds kReplaceGrace{5};

  /// Calls in progress.
  virtual int calls() const = 0;
  /// Ends all calls, and those that come. Does not wait.
  virtual void BeginStop() = 0;
  /// Takes no more calls. Returns when none is left: while the shards still run. Once.
  virtual void Stop() = 0;
};

}  // namespace thalweg::flight
