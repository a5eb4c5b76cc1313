#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "arrow/flight/server_middleware.h"
#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/flight/bearer_tokens.h"
#include "thalweg/flight/login_policy.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/security/access_policy.h"
#include "thalweg/security/failed_logins.h"

namespace thalweg::flight {

/// Stands before every call: how many there are at a time, and who makes them.
///
/// A client proves who it is with the header `authorization`: "Basic …" (RFC 7617), or "Bearer …" with what it was given in the
/// header of the same name when it sent the other one with a handshake. Without one it is the anonymous user, where that is let in.
class Guard final : public arrow::flight::ServerMiddlewareFactory {
 public:
  struct Options {
    LoginPolicy logins{};
    int calls_max = 512;  ///< at a time: each has a thread
  };
  /// `failed_logins` and `clock` outlive it.
  Guard(Options options, security::FailedLogins& failed_logins, const runtime::Clock& clock)
      : options_(std::move(options)), failed_logins_(failed_logins), clock_(clock) {}

  arrow::Status StartCall(const arrow::flight::CallInfo& info, const arrow::flight::ServerCallContext& context,
                          std::shared_ptr<arrow::flight::ServerMiddleware>* middleware) override;

  /// Who makes this call, which has passed.
  static const security::Asker& AskerOf(const arrow::flight::ServerCallContext& context);
  int calls() const { return calls_; }

  static constexpr const char* kName = "guard";

 private:
  class Pass;
  arrow::Result<security::Principal> Identify(const arrow::flight::ServerCallContext& context, const std::string& host);
  arrow::Result<security::Principal> CheckPassword(std::string_view encoded, const std::string& host);

  const Options options_;
  security::FailedLogins& failed_logins_;
  const runtime::Clock& clock_;
  BearerTokens tokens_;
  std::atomic<int> calls_ = 0;
};

/// The host of a peer as gRPC writes it: "ipv4:127.0.0.1:5000", "ipv6:%5B::1%5D:5000". Other text as it is.
std::string HostOfPeer(const std::string& peer);

}  // namespace thalweg::flight
