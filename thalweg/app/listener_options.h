#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/flight/login_policy.h"
#include "thalweg/net/listener.h"
#include "thalweg/security/plain_credentials.h"

namespace thalweg::app {

/// The listener of a server that was told nothing; Fluss's own name for it.
inline constexpr const char* kDefaultListener = "FLUSS";

/// The name of the Arrow Flight listener in the options about security.
inline constexpr const char* kFlightListener = "FLIGHT";

/// Where Fluss clients connect, and what they are told to come back to.
struct ListenerOptions {
  std::string name = kDefaultListener;
  net::Address bind{"127.0.0.1", 9123};
  /// Absent: `bind`, or, where that is all interfaces, the address at which each client has reached us.
  std::optional<net::Address> advertised{};
  /// Whom it lets in. Null: everybody.
  std::shared_ptr<const security::PlainCredentials> credentials{};
};

/// "INTERNAL://127.0.0.1:9123, CLIENT://[::]:9124": one or more, with different names. INVALID_CONFIG.
arrow::Result<std::vector<ListenerOptions>> ParseListeners(const std::string& text);

/// What the options about listeners say, each for itself, in any order.
struct ListenerSettings {
  std::vector<ListenerOptions> bind;        ///< bind.listeners
  std::vector<ListenerOptions> advertised;  ///< advertised.listeners; the address stands in `bind`
  std::map<std::string, bool> sasl;         ///< security.protocol.map: whether a listener asks for SASL
  bool plain_enabled = true;                ///< security.sasl.enabled.mechanisms
  /// Of all listeners, and those of one, by its name in lower case.
  std::shared_ptr<const security::PlainCredentials> credentials;
  std::map<std::string, std::shared_ptr<const security::PlainCredentials>> credentials_of;
};

/// "CLIENT:SASL, INTERNAL:PLAINTEXT": which listeners ask for SASL. INVALID_CONFIG.
arrow::Result<std::map<std::string, bool>> ParseProtocols(const std::string& text);
/// The value of security.sasl.enabled.mechanisms: true where PLAIN is among them; there is no other. INVALID_CONFIG.
arrow::Result<bool> ParseMechanisms(const std::string& text);

/// The listeners that `settings` ask for, where the command line says `listen` (empty: nothing): HOST:PORT, which moves
/// the only listener, or NAME://HOST:PORT,… in the place of bind.listeners. INVALID_CONFIG where they do not fit together.
arrow::Result<std::vector<ListenerOptions>> MakeListeners(const ListenerSettings& settings, const std::string& listen);

/// Whom the Flight listener lets in. Where security.protocol.map does not name it: whom `listeners` let in, so without a password
/// only where one of them does. INVALID_CONFIG where it is to ask for passwords that nobody has.
arrow::Result<flight::LoginPolicy> MakeFlightLogins(const ListenerSettings& settings,
                                                    const std::vector<ListenerOptions>& listeners);

}  // namespace thalweg::app
