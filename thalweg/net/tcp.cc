#include "thalweg/net/tcp.h"

#include <asio/connect.hpp>
#include <asio/ip/tcp.hpp>
#include <cerrno>
#include <future>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "thalweg/base/error.h"
#include "thalweg/net/tcp_stream_internal.h"
#include "thalweg/runtime/asio_internal.h"
#include "thalweg/runtime/completion.h"
#include "thalweg/runtime/log.h"
#include "thalweg/runtime/signals.h"
#include "thalweg/runtime/timer.h"

namespace thalweg::net {
namespace {

using asio::ip::tcp;
using namespace std::chrono_literals;

constexpr runtime::Nanos kPauseWithoutDescriptors = 100ms;

// Asio's error category compares with errno's numbers only by value.
bool IsShortage(const std::error_code& error) {
  const int number = error.value();
  return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

/// The acceptor lives on shard 0. Handlers hold the state by shared_ptr, so the listener may go at any time.
struct ListenState : std::enable_shared_from_this<ListenState> {
  ListenState(runtime::Shards& all, Listener::OnStream callback)
      : shards(all), on_stream(std::move(callback)), acceptor(runtime::IoContextOf(all.at(0))) {}

  void Accept() {
    if (!acceptor.is_open()) return;
    runtime::Executor& target = shards.at(next_shard++ % shards.count());
    acceptor.async_accept(runtime::IoContextOf(target),
                          [self = shared_from_this(), &target](std::error_code error, tcp::socket socket) {
                            self->OnAccept(error, target, std::move(socket));
                          });
  }

  void OnAccept(const std::error_code& error, runtime::Executor& target, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (IsShortage(error)) {
      static runtime::LogLimit limit(10s);
      runtime::LogEvery(limit, runtime::LogLevel::kWarn,
                        "Cannot accept connections for now: {}. Raise the limit of open files (ulimit -n).",
                        error.message());
      shards.at(0).PostAfter(kPauseWithoutDescriptors, [self = shared_from_this()] { self->Accept(); });
      return;
    }
    // Any other error is of the one connection, which its peer has given up before we took it.
    if (!error) HandOut(target, std::move(socket));
    Accept();
  }

  void HandOut(runtime::Executor& target, tcp::socket socket) {
    target.Post([self = shared_from_this(), &target, socket = std::move(socket)]() mutable {
      std::shared_lock lock(self->handing_out);
      if (!self->stopped) self->on_stream(MakeTcpStream(target, std::move(socket)));
    });
  }

  void Close() {
    std::error_code ignored;  // nothing is left to do about a socket that does not close
    acceptor.close(ignored);
  }

  runtime::Shards& shards;
  const Listener::OnStream on_stream;
  tcp::acceptor acceptor;
  size_t next_shard = 0;
  std::shared_mutex handing_out;  ///< held shared while a stream is handed out, alone while `stopped` is set
  bool stopped = false;
};

class TcpListener final : public Listener {
 public:
  TcpListener(std::shared_ptr<ListenState> state, Address address)
      : state_(std::move(state)), address_(std::move(address)) {
    state_->shards.at(0).Post([state = state_] { state->Accept(); });
  }
  ~TcpListener() override { Stop(); }

  const Address& address() const override { return address_; }

  void Stop() override {
    {
      std::lock_guard lock(state_->handing_out);
      if (std::exchange(state_->stopped, true)) return;
    }
    runtime::Executor& home = state_->shards.at(0);
    if (home.RunsHere()) return state_->Close();
    // Wait, so that the port is free again on return. Where the shards have stopped, the work is destroyed and its
    // promise with it, which ends the wait as well.
    auto closed = std::make_unique<std::promise<void>>();
    const auto done = closed->get_future();
    home.Post([state = state_, closed = std::move(closed)] {
      state->Close();
      closed->set_value();
    });
    done.wait();
  }

 private:
  const std::shared_ptr<ListenState> state_;
  const Address address_;
};

arrow::Status CannotListen(const Address& address, const std::error_code& error, std::string_view option = "--listen") {
  const auto refuse = [&](std::string_view why) {
    return Error(ErrorCode::kInvalidConfig, "Cannot listen on {}: {}.", address.ToString(), why);
  };
  if (error == asio::error::address_in_use) {
    return refuse(fmt::format("the port is in use by another process; choose another with {}", option));
  }
  if (error.value() == EADDRNOTAVAIL) return refuse("it is not an address of this machine");
  if (error == asio::error::access_denied)
    return refuse(fmt::format("ports below 1024 need privileges; choose another with {}", option));
  return refuse(error.message());
}

Address ToAddress(const tcp::endpoint& endpoint) { return {endpoint.address().to_string(), endpoint.port()}; }

/// The first IPv4 address of the name, else the first of any kind: a name such as localhost stands for both, and the
/// clients that know only one kind know IPv4.
tcp::endpoint Prefer(const tcp::resolver::results_type& found) {
  for (const auto& entry : found) {
    if (entry.endpoint().address().is_v4()) return entry.endpoint();
  }
  return found.begin()->endpoint();
}

struct ConnectResult {
  std::error_code error;
  const char* doing;
};

/// Looks the name up and connects; both may be called off by closing `socket` or cancelling `resolver`.
struct Connecting {
  tcp::resolver& resolver;
  tcp::socket& socket;
  const Address& address;
  const bool& called_off;
  ConnectResult result = {};

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    resolver.async_resolve(address.host, std::to_string(address.port), tcp::resolver::numeric_service,
                           [this, handle](std::error_code error, tcp::resolver::results_type found) {
                             if (called_off) error = asio::error::operation_aborted;
                             if (error) return Finish(handle, {error, "the host was not found"});
                             asio::async_connect(socket, found,
                                                 [this, handle](std::error_code failed, const tcp::endpoint&) {
                                                   Finish(handle, {failed, "nothing answers there"});
                                                 });
                           });
  }
  ConnectResult await_resume() const noexcept { return result; }

  void Finish(std::coroutine_handle<> handle, ConnectResult got) {
    result = got;
    handle.resume();
  }
};

}  // namespace

arrow::Result<Address> CheckFree(const Address& address, std::string_view option) {
  asio::io_context io;
  std::error_code error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(address.host, std::to_string(address.port),
                                      tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error || found.empty()) return CannotListen(address, error, option);
  const tcp::endpoint endpoint = Prefer(found);
  tcp::acceptor acceptor(io);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(1, error);
  if (error) return CannotListen(address, error, option);
  return ToAddress(endpoint);
}

arrow::Result<std::unique_ptr<Listener>> ListenTcp(runtime::Shards& shards, const Address& address,
                                                   Listener::OnStream on_stream) {
  runtime::IgnoreBrokenPipes();  // sendfile has no flag for it
  std::error_code error;
  tcp::resolver resolver(runtime::IoContextOf(shards.at(0)));
  const auto found = resolver.resolve(address.host, std::to_string(address.port),
                                      tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error || found.empty()) return CannotListen(address, error);
  const tcp::endpoint endpoint = Prefer(found);
  auto state = std::make_shared<ListenState>(shards, std::move(on_stream));
  tcp::acceptor& acceptor = state->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) return CannotListen(address, error);
  const Address bound = ToAddress(acceptor.local_endpoint(error));
  if (error) return CannotListen(address, error);
  return std::make_unique<TcpListener>(std::move(state), bound);
}

runtime::Task<arrow::Result<std::unique_ptr<Stream>>> ConnectTcp(runtime::Executor& shard, Address address,
                                                                 runtime::Nanos timeout) {
  runtime::IgnoreBrokenPipes();
  co_await runtime::SwitchTo(shard);
  asio::io_context& io = runtime::IoContextOf(shard);
  tcp::resolver resolver(io);
  tcp::socket socket(io);
  runtime::Timer timer(shard);
  bool timed_out = false;
  timer.Arm(timeout, [&] {
    timed_out = true;
    std::error_code ignored;  // a socket that was not opened yet
    resolver.cancel();
    socket.close(ignored);
  });
  const ConnectResult result = co_await Connecting{resolver, socket, address, timed_out};
  timer.Cancel();
  if (timed_out) {
    co_return Error(ErrorCode::kNetwork, "Cannot connect to {}: no answer in time.", address.ToString());
  }
  if (result.error) {
    co_return Error(ErrorCode::kNetwork, "Cannot connect to {}: {} ({}).", address.ToString(), result.doing,
                    result.error.message());
  }
  co_return MakeTcpStream(shard, std::move(socket));
}

}  // namespace thalweg::net
