#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/net/listener.h"
#include "thalweg/net/stream.h"
#include "thalweg/runtime/byte_budget.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"
#include "thalweg/security/access_policy.h"
#include "thalweg/service/endpoint.h"
#include "thalweg/service/waits.h"
#include "thalweg/wire/frame.h"

namespace thalweg::service {

struct Services;

/// What handlers know of the client at the other end. Belongs to the connection's shard.
struct Connection {
  /// As it calls itself in API_VERSIONS: "fluss" (Java) or "fluss-rust" (Rust, Python, C++, Elixir).
  std::string client_name;
  /// Tables whose metadata were sent on this connection; kept for fluss-rust only (see metadata_handler.cc).
  std::unordered_set<TableId> tables_told;
  /// The listener over which it came.
  const Endpoint* endpoint = nullptr;
  /// Where it is told to come back to.
  net::Address advertised;
  /// Who it is; anonymous until it has proven more.
  security::Asker asker;
  /// Whether it may ask for anything but API_VERSIONS and AUTHENTICATE.
  bool authenticated = false;
  int failed_logins = 0;
  Waits waits;
  /// Scans of SCAN_KV that were begun or gone on with over it and are not at their end; the oldest first. Some may be over.
  std::deque<std::string> scans;
};

/// One request on its way through a handler. The handler owns it, and with it the memory of the frame.
struct Call {
  Services& services;
  runtime::Executor& home;        ///< the connection's shard: where handlers start and end
  Connection& connection;         ///< outlives the call
  std::shared_ptr<Buffer> frame;  ///< without its length field; handlers may write to record bytes in it
  wire::Request request;          ///< views `frame`
  runtime::ByteBudget& answers;   ///< memory for records in answers, of the whole server
  /// What the answer holds of it until it is sent; see answer_memory.h. Outlives the call.
  runtime::ByteBudget::Hold& answer_memory;
};

/// A whole response frame.
using Reply = std::vector<net::Fragment>;

/// Runs on the connection's shard, without waiting, up to the point where it hands work to a bucket's shard: so requests
/// of one connection reach a bucket in the order in which they were sent. A failed status becomes an error frame.
using Handler = runtime::Task<arrow::Result<Reply>> (*)(Call call);

/// A reply of a single message.
template <typename Message>
Reply MessageReply(const Call& call, const Message& message) {
  Reply reply;
  reply.emplace_back(wire::EncodeResponse(call.request.id, message));
  return reply;
}

}  // namespace thalweg::service
