#include "thalweg/flight/guard.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "arrow/flight/server.h"
#include "arrow/util/base64.h"
#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/flight/flight_status.h"
#include "thalweg/net/listener.h"
#include "thalweg/runtime/log.h"
#include "thalweg/runtime/random.h"

namespace thalweg::flight {
namespace {

constexpr std::string_view kAuthorization = "authorization";
constexpr std::string_view kBasic = "Basic ";
constexpr std::string_view kBearer = "Bearer ";
constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr size_t kSecretBytes = 24;

bool StartsWithAnyCase(std::string_view text, std::string_view prefix) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return text.size() >= prefix.size() && std::ranges::equal(text.substr(0, prefix.size()), prefix, {}, lower, lower);
}

/// Of the text that RFC 7617 has between name and password, the token of RFC 4616.
std::optional<std::string> PlainTokenOf(std::string_view encoded) {
  // Go's clients leave out the padding.
  std::string padded(encoded.substr(0, encoded.find_last_not_of('=') + 1));
  padded.append((4 - padded.size() % 4) % 4, '=');
  const auto decoded = arrow::util::base64_decode(padded);
  if (!decoded.ok()) return std::nullopt;
  const size_t colon = decoded->find(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string token(1, '\0');
  token.append(*decoded, 0, colon).append(1, '\0').append(*decoded, colon + 1);
  return token;
}

}  // namespace

std::string HostOfPeer(const std::string& peer) {
  std::string_view rest = peer;
  const bool v4 = rest.starts_with("ipv4:");
  if (!v4 && !rest.starts_with("ipv6:")) return peer;
  rest.remove_prefix(5);
  rest = rest.substr(0, rest.rfind(':'));
  for (const std::string_view open : {"%5B", "["}) {
    if (rest.starts_with(open)) rest.remove_prefix(open.size());
  }
  for (const std::string_view close : {"%5D", "]"}) {
    if (rest.ends_with(close)) rest.remove_suffix(close.size());
  }
  return std::string(rest);
}

/// What a call has passed with.
class Guard::Pass final : public arrow::flight::ServerMiddleware {
 public:
  explicit Pass(std::atomic<int>& calls) : calls_(calls) {}
  ~Pass() override { --calls_; }

  std::string name() const override { return kName; }
  void SendingHeaders(arrow::flight::AddCallHeaders* headers) override {
    if (!bearer.empty()) headers->AddHeader(std::string(kAuthorization), fmt::format("{}{}", kBearer, bearer));
  }
  void CallCompleted(const arrow::Status&) override {}

  security::Asker asker;
  std::string bearer;  ///< what the client is given to show from now on

 private:
  std::atomic<int>& calls_;
};

arrow::Status Guard::StartCall(const arrow::flight::CallInfo& info, const arrow::flight::ServerCallContext& context,
                               std::shared_ptr<arrow::flight::ServerMiddleware>* middleware) {
  const int calls = ++calls_;
  auto pass = std::make_shared<Pass>(calls_);
  if (calls > options_.calls_max) {
    return ToFlightStatus(Error(ErrorCode::kStorageBackpressure,
                                "There are {} calls at this door already, which is the most: try again.",
                                options_.calls_max));
  }
  pass->asker.host = HostOfPeer(context.peer());
  auto principal = Identify(context, pass->asker.host);
  if (!principal.ok()) return ToFlightStatus(principal.status());
  pass->asker.principal = std::move(*principal);
  // Only who logs in so is going to use it.
  if (info.method == arrow::flight::FlightMethod::Handshake && pass->asker.principal != security::kAnonymous) {
    pass->bearer = runtime::SecretText(kSecretBytes);
    tokens_.Add(pass->bearer, pass->asker.principal, clock_.MonotonicNs());
  }
  *middleware = std::move(pass);
  return arrow::Status::OK();
}

const security::Asker& Guard::AskerOf(const arrow::flight::ServerCallContext& context) {
  return static_cast<Pass*>(context.GetMiddleware(kName))->asker;
}

arrow::Result<security::Principal> Guard::Identify(const arrow::flight::ServerCallContext& context,
                                                   const std::string& host) {
  const auto header = context.incoming_headers().find(kAuthorization);
  const std::string_view value = header == context.incoming_headers().end() ? std::string_view() : header->second;
  if (value.empty()) {
    if (options_.logins.anonymous) return security::kAnonymous;
    return Error(ErrorCode::kAuthenticate,
                 "This door asks who you are: give a user name and a password (authenticate_basic_token of pyarrow, "
                 "user and password of JDBC, username and password of ADBC).");
  }
  if (StartsWithAnyCase(value, kBearer)) {
    if (auto known = tokens_.Find(value.substr(kBearer.size()), clock_.MonotonicNs())) return std::move(*known);
    return Error(ErrorCode::kAuthenticate, "This bearer token is not, or no longer, worth anything: log in again.");
  }
  if (!StartsWithAnyCase(value, kBasic)) {
    return Error(ErrorCode::kAuthenticate, "The header authorization is neither Basic nor Bearer.");
  }
  return CheckPassword(value.substr(kBasic.size()), host);
}

arrow::Result<security::Principal> Guard::CheckPassword(std::string_view encoded, const std::string& host) {
  if (!options_.logins.credentials) {
    return Error(ErrorCode::kAuthenticate, "Nobody has a password here: connect without user name and password.");
  }
  const std::string network = net::NetworkOf(host);
  const int64_t now_ns = clock_.MonotonicNs();
  if (const int64_t wait_ns = failed_logins_.WaitNs(network, now_ns); wait_ns > 0) {
    return Error(ErrorCode::kRetriableAuthenticate,
                 "Too many log-ins from {} have failed, so this password was not looked at. Try again in {} s.",
                 network, (wait_ns + kNsPerSecond - 1) / kNsPerSecond);
  }
  const auto token = PlainTokenOf(encoded);
  auto principal = options_.logins.credentials->Check(token.value_or(""));
  if (principal.ok()) return principal;
  static runtime::LogLimit limit(std::chrono::seconds(1));
  runtime::LogEvery(limit, runtime::LogLevel::kInfo, "{} was not let in over Flight: {}", host,
                    principal.status().message());
  if (!failed_logins_.Add(network, now_ns)) return principal;
  return Error(ErrorCode::kAuthenticate, "{} Log-ins from {} are held off for now: too many have failed.",
               principal.status().message(), network);
}

}  // namespace thalweg::flight
