#include <algorithm>

#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/service/handlers.h"

namespace thalweg::service {
namespace {

char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

/// Whether what the client calls its way of proving itself is `name`, in any case.
bool Speaks(const pb::AuthenticateRequest& request, std::string_view name) {
  return std::ranges::equal(request.protocol(), name, {}, Upper);
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
    TW_CO_ASSIGN_OR_RETURN(connection.asker.principal, credentials->Check(request.token()));
    connection.authenticated = true;
  }
  co_return MessageReply(call, pb::AuthenticateResponse());
}

}  // namespace thalweg::service
