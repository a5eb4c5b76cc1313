#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "thalweg/net/stream.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"

namespace thalweg::http {

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// What answers GET and HEAD of one path. `handle` runs on the connection's shard and must not block.
struct Route {
  std::string path;
  std::string about;  ///< one line, for the index at "/"
  std::function<Response()> handle;
};

struct ServerOptions {
  size_t connections_max = 256;  ///< further ones are answered 503 and closed
  size_t header_bytes_max = 8 << 10;
  size_t body_bytes_max = 64 << 10;  ///< of requests; what arrives is thrown away
  runtime::Nanos request_timeout = std::chrono::seconds(
      10);  ///< from the first byte of a request to the last of it, and as long again for the response
  runtime::Nanos idle_timeout = std::chrono::seconds(60);  ///< between requests of one connection
};

/// A small HTTP/1.1 server for operators and their tools: GET and HEAD, keep-alive, no TLS. "/" lists the routes.
///
/// Errors become responses: 400 not HTTP, 404 no such path, 405 another method, 413 and 431 too large, 503 too many
/// connections; after 400, 413, 431 and 503 the connection is closed. A peer that is too slow is cut off without a word.
///
/// Thread safety: Serve from the stream's executor, Stop once from anywhere.
class Server {
 public:
  explicit Server(std::vector<Route> routes, ServerOptions options = {});
  ~Server();

  /// Serves one connection to its end, in the background; what a Listener calls with each of its streams.
  void Serve(std::unique_ptr<net::Stream> stream);

  /// Closes all connections, turns later ones away and resumes on `home` once the last has ended.
  runtime::Task<void> Stop(runtime::Executor& home);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace thalweg::http
