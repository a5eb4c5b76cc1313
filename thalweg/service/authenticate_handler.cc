#include <algorithm>

#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/net/listener.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/request_metrics.h"
#include "thalweg/service/services.h"

namespace thalweg::service {
namespace {

char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

/// Whether what the client calls its way of proving itself is `name`, in any case.
bool Speaks(const pb::AuthenticateRequest& request, std::string_view name) {
  return std::ranges::equal(request.protocol(), name, {}, Upper);
}

/// Whose password the token holds; nobody's password is looked at while its network is held off, which clients know to
/// try again after.
arrow::Result<security::Principal> LogIn(const Call& call, std::string_view token) {
  using Login = RequestMetrics::Login;
  constexpr int64_t kNsPerSecond = 1'000'000'000;
  Services& services = call.services;
  Connection& connection = call.connection;
  const std::string network = net::NetworkOf(connection.asker.host);
  const int64_t now_ns = services.clock.MonotonicNs();
  if (const int64_t wait_ns = services.failed_logins.WaitNs(network, now_ns); wait_ns > 0) {
    services.metrics.AddLogin(Login::kHeldOff);
    ++connection.failed_logins;
    return Error(ErrorCode::kRetriableAuthenticate,
                 "Too many log-ins from {} have failed, so this password was not looked at. Try again in {} s.",
                 network, (wait_ns + kNsPerSecond - 1) / kNsPerSecond);
  }
  auto principal = connection.endpoint->credentials->Check(token);
  services.metrics.AddLogin(principal.ok() ? Login::kAccepted : Login::kRefused);
  if (principal.ok()) return principal;
  ++connection.failed_logins;
  if (!services.failed_logins.Add(network, now_ns)) return principal;
  return Error(ErrorCode::kAuthenticate, "{} Log-ins from {} are held off for now: too many have failed.",
               principal.status().message(), network);
}

}  // namespace

// fluss-rust asks a second time, with nothing in hand, wherever a challenge is in the answer: so none is, and who is
// known already is told yes again.
runtime::Task<arrow::Result<Reply>> HandleAuthenticate(Call call) {
  pb::AuthenticateRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  Connection& connection = call.connection;
  const auto& credentials = connection.endpoint->credentials;
  const std::string_view wanted = credentials ? "PLAIN" : "PLAINTEXT";
  if (!Speaks(request, wanted)) {
    co_return Error(ErrorCode::kAuthenticate, "This listener, {}, takes {}, not {}: {}.", connection.endpoint->name,
                    credentials ? "SASL/PLAIN" : "PLAINTEXT", request.protocol().substr(0, 32),
                    credentials ? "set client.security.sasl.mechanism to PLAIN"
                                : "set client.security.protocol to PLAINTEXT, or connect to a SASL listener");
  }
  if (!connection.authenticated) {
    TW_CO_ASSIGN_OR_RETURN(connection.asker.principal, LogIn(call, request.token()));
    connection.authenticated = true;
  }
  co_return MessageReply(call, pb::AuthenticateResponse());
}

}  // namespace thalweg::service
