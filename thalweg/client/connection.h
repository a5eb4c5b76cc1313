#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/net/listener.h"
#include "thalweg/net/tls_context.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"
#include "thalweg/wire/api_key.h"

namespace google::protobuf {
class MessageLite;
}
namespace thalweg::runtime {
class CallerLoop;
class Shards;
}  // namespace thalweg::runtime

namespace thalweg::client {

class Channel;

struct ConnectionOptions {
  net::Address server{"127.0.0.1", 9123};
  /// SASL/PLAIN; an empty user asks for no authentication. Never printed.
  std::string user{};
  std::string password{};
  /// Speaks TLS with the server, whose name is that of `server` where none is given.
  std::optional<net::TlsClientOptions> tls{};
  /// As servers see it in their logs.
  std::string client_name = "thalweg";
  std::string client_version = "0";
  runtime::Nanos connect_limit = std::chrono::seconds(10);
  runtime::Nanos answer_limit = std::chrono::seconds(30);
  /// Takes answers in while nobody waits for them, for programs that send ahead. Without it an answer reaches its caller some tens of
  /// microseconds earlier, since no other thread has to be woken and to wake.
  bool own_thread = true;
};

/// One connection to one Fluss server, for programs that may block: requests can be sent ahead of the answers to earlier
/// ones, and answers are taken in while a send waits.
///
/// Errors: the server's own refusals carry its code and message; NETWORK where the connection is lost, and everything
/// fails then until Reconnect; UNSUPPORTED_VERSION, without asking, for what the server does not offer.
/// Thread safety: one thread at a time, which may be another one each time.
class Connection {
 public:
  static arrow::Result<std::unique_ptr<Connection>> Open(ConnectionOptions options);
  /// As Open, but not connected before Reconnect.
  static std::unique_ptr<Connection> Make(ConnectionOptions options);
  ~Connection();

  /// A new connection to the same server; answers to what was sent on the old one are lost. Ids go on.
  arrow::Status Reconnect();

  /// Sends a request and returns its id.
  arrow::Result<int32_t> Send(wire::ApiKey key, const google::protobuf::MessageLite& request);
  /// Waits for the answer to `id`, once per Send.
  arrow::Status Receive(int32_t id, google::protobuf::MessageLite* answer);
  arrow::Status Call(wire::ApiKey key, const google::protobuf::MessageLite& request,
                     google::protobuf::MessageLite* answer);

  /// Sends the frame that `encode` makes of the request's id and waits for the answer: its whole frame (without the length
  /// field), which may hold a refusal.
  arrow::Result<Bytes> Exchange(wire::ApiKey key, const std::function<Bytes(int32_t id)>& encode);

  bool Offers(wire::ApiKey key) const { return offered_.contains(static_cast<int16_t>(key)); }
  void Sleep(runtime::Nanos time);
  const ConnectionOptions& options() const { return options_; }

 private:
  explicit Connection(ConnectionOptions options);

  runtime::Executor& executor() const;
  /// On executor(), and waits for its end.
  template <typename T>
  T Run(runtime::Task<T> task);
  void Disconnect();
  arrow::Status CheckOffered(wire::ApiKey key) const;
  int32_t TakeId() { return std::exchange(next_id_, (next_id_ + 1) & INT32_MAX); }
  arrow::Status Greet();
  arrow::Status Authenticate();

  const ConnectionOptions options_;
  std::unique_ptr<runtime::Shards> thread_;    ///< either this
  std::unique_ptr<runtime::CallerLoop> loop_;  ///< or this
  std::unique_ptr<Channel> channel_;
  std::map<int16_t, int16_t> offered_;  ///< key to highest version
  int32_t next_id_ = 0;
};

}  // namespace thalweg::client
