#pragma once

#include <memory>
#include <string>

#include "thalweg/net/listener.h"
#include "thalweg/security/plain_credentials.h"

namespace thalweg::service {

/// One of the server's listeners, as the connections that come in over it see it.
struct Endpoint {
  std::string name;
  /// Where clients are told to come back to. Without host: the address at which each of them has reached us.
  net::Address advertised;
  /// Whom it lets in, by SASL/PLAIN. Null: everybody, as an anonymous user.
  std::shared_ptr<const security::PlainCredentials> credentials{};
};

}  // namespace thalweg::service
