#include "thalweg/http/server.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/bytes.h"
#include "thalweg/http/request_internal.h"
#include "thalweg/runtime/gate.h"
#include "thalweg/runtime/timer.h"

namespace thalweg::http {
namespace {

using namespace std::chrono_literals;
using runtime::Task;

constexpr size_t kReadBytes = 4096;
/// What a peer may still send after an error was answered: closing while its bytes arrive would make its kernel drop
/// the answer unread.
constexpr size_t kLingerBytesMax = 1 << 20;
constexpr runtime::Nanos kLingerTime = 1s;

std::string_view Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "";
  }
}

std::vector<net::Fragment> Encode(const Response& response, bool with_body, bool keep_alive) {
  auto text = std::make_shared<std::string>(fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {}\r\nCache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\n",
      response.status, Reason(response.status), response.content_type, response.body.size(),
      keep_alive ? "keep-alive" : "close"));
  if (response.status == 405) *text += "Allow: GET, HEAD\r\n";
  *text += "\r\n";
  if (with_body) *text += response.body;
  const ByteView view = AsBytes(*text);
  return {Bytes(std::move(text), view)};
}

Response Plain(int status, std::string body) { return {.status = status, .body = std::move(body)}; }

}  // namespace

struct Server::State {
  std::map<std::string, Route> routes;
  ServerOptions options;

  runtime::Gate gate;
  std::mutex mutex;
  bool stopping = false;
  std::map<uint64_t, std::shared_ptr<net::Stream>> open;
  uint64_t next_id = 0;

  Response Index() const {
    std::string text = "Thalweg\n\n";
    for (const auto& [path, route] : routes) text += fmt::format("{:<12} {}\n", path, route.about);
    return Plain(200, std::move(text));
  }

  Response Answer(const RequestReader& request) const {
    const std::string method = request.method();
    if (method != "GET" && method != "HEAD") return Plain(405, "Only GET and HEAD are answered here.\n");
    const std::string path = request.path();
    if (path.empty()) return Plain(400, "The request's target is not a path.\n");
    if (const auto found = routes.find(path); found != routes.end()) return found->second.handle();
    if (path == "/") return Index();
    return Plain(404, "There is nothing at this path; / lists what there is.\n");
  }

  /// What is said about a request that cannot be read.
  Response Complaint(RequestReader::State why) const {
    if (why == RequestReader::State::kHeaderTooLarge) {
      return Plain(431, fmt::format("A request's header may have {} bytes.\n", options.header_bytes_max));
    }
    if (why == RequestReader::State::kBodyTooLarge) {
      return Plain(413, fmt::format("A request's body may have {} bytes.\n", options.body_bytes_max));
    }
    return Plain(400, "This is not an HTTP request.\n");
  }

  Task<void> Run(std::shared_ptr<net::Stream> stream, uint64_t id, bool refused);
  Task<void> Converse(net::Stream& stream);
  Task<void> Refuse(net::Stream& stream, Response response);
};

Task<void> Server::State::Run(std::shared_ptr<net::Stream> stream, uint64_t id, bool refused) {
  const runtime::Gate::Holder in(gate);
  if (refused) {
    co_await Refuse(*stream, Plain(503, "Too many connections; try again later.\n"));
  } else {
    co_await Converse(*stream);
  }
  stream->Close();
  std::lock_guard lock(mutex);
  open.erase(id);
}

/// Answers and waits a little for the peer to take the answer.
Task<void> Server::State::Refuse(net::Stream& stream, Response response) {
  runtime::Timer timer(stream.executor());
  timer.Arm(kLingerTime, [&stream] { stream.Close(); });
  if (!(co_await stream.Write(Encode(response, true, false))).ok()) co_return;
  std::array<uint8_t, kReadBytes> buffer;
  for (size_t taken = 0; taken < kLingerBytesMax;) {
    const auto got = co_await stream.Read(buffer);
    if (!got.ok() || *got == 0) co_return;
    taken += *got;
  }
}

Task<void> Server::State::Converse(net::Stream& stream) {
  RequestReader request(options.header_bytes_max, options.body_bytes_max);
  runtime::Timer timer(stream.executor());
  const auto close_after = [&](runtime::Nanos delay) { timer.Arm(delay, [&stream] { stream.Close(); }); };
  std::array<uint8_t, kReadBytes> buffer;
  ByteView unread;
  close_after(options.idle_timeout);
  for (;;) {
    while (request.state() == RequestReader::State::kPartial) {
      if (unread.empty()) {
        const auto got = co_await stream.Read(buffer);
        if (!got.ok() || *got == 0) co_return;
        unread = ByteView(buffer).first(*got);
      }
      if (!request.started()) close_after(options.request_timeout);
      unread = unread.subspan(request.Feed(unread));
    }
    if (request.state() != RequestReader::State::kDone) {
      timer.Cancel();
      co_return co_await Refuse(stream, Complaint(request.state()));
    }
    close_after(options.request_timeout);
    const bool keep_alive = request.keep_alive();
    const auto response = Encode(Answer(request), request.method() != "HEAD", keep_alive);
    if (!(co_await stream.Write(response)).ok() || !keep_alive) co_return;
    request.Reset();
    close_after(options.idle_timeout);
  }
}

Server::Server(std::vector<Route> routes, ServerOptions options) : state_(std::make_unique<State>()) {
  for (Route& route : routes) {
    std::string path = route.path;
    state_->routes.emplace(std::move(path), std::move(route));
  }
  state_->options = options;
}

Server::~Server() = default;

void Server::Serve(std::unique_ptr<net::Stream> stream) {
  std::shared_ptr<net::Stream> shared = std::move(stream);
  uint64_t id;
  bool refused;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->stopping || !state_->gate.Enter()) return;
    id = state_->next_id++;
    refused = state_->open.size() >= state_->options.connections_max;
    state_->open.emplace(id, shared);
  }
  runtime::Spawn(state_->Run(std::move(shared), id, refused));
}

Task<void> Server::Stop(runtime::Executor& home) {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    for (const auto& [id, stream] : state_->open) {
      stream->executor().Post([stream] { stream->Close(); });
    }
  }
  co_await state_->gate.Close(home);
}

}  // namespace thalweg::http
