#include "thalweg/flight/server.h"

#include <chrono>
#include <future>
#include <memory>
#include <utility>

#include "arrow/flight/server.h"
#include "arrow/flight/server_auth.h"
#include "thalweg/base/error.h"
#include "thalweg/flight/flight_status.h"
#include "thalweg/flight/guard.h"
#include "thalweg/flight/handlers.h"
#include "thalweg/flight/sql_door.h"
#include "thalweg/net/tcp.h"
#include "thalweg/runtime/threads.h"

namespace thalweg::flight {
namespace {

/// Gives each call of Flight to its handler.
class Door final : public arrow::flight::FlightServerBase {
 public:
  explicit Door(Services& services) : services_(services) {}

  using Context = arrow::flight::ServerCallContext;

  arrow::Status ListFlights(const Context& context, const arrow::flight::Criteria* criteria,
                            std::unique_ptr<arrow::flight::FlightListing>* listings) override {
    return Give(HandleListFlights(Call(services_, context), criteria), listings);
  }
  arrow::Status GetFlightInfo(const Context& context, const arrow::flight::FlightDescriptor& request,
                              std::unique_ptr<arrow::flight::FlightInfo>* info) override {
    return Give(HandleGetFlightInfo(Call(services_, context), request), info);
  }
  arrow::Status GetSchema(const Context& context, const arrow::flight::FlightDescriptor& request,
                          std::unique_ptr<arrow::flight::SchemaResult>* schema) override {
    return Give(HandleGetSchema(Call(services_, context), request), schema);
  }
  arrow::Status DoGet(const Context& context, const arrow::flight::Ticket& request,
                      std::unique_ptr<arrow::flight::FlightDataStream>* stream) override {
    return Give(HandleGet(Call(services_, context), request), stream);
  }
  arrow::Status DoPut(const Context& context, std::unique_ptr<arrow::flight::FlightMessageReader> reader,
                      std::unique_ptr<arrow::flight::FlightMetadataWriter> writer) override {
    return ToFlightStatus(HandlePut(Call(services_, context), *reader, *writer));
  }
  arrow::Status DoExchange(const Context& context, std::unique_ptr<arrow::flight::FlightMessageReader> reader,
                           std::unique_ptr<arrow::flight::FlightMessageWriter> writer) override {
    return ToFlightStatus(HandleExchange(Call(services_, context), *reader, *writer));
  }
  arrow::Status DoAction(const Context& context, const arrow::flight::Action& action,
                         std::unique_ptr<arrow::flight::ResultStream>* stream) override {
    auto results = HandleAction(Call(services_, context), action);
    if (!results.ok()) return ToFlightStatus(results.status());
    *stream = std::make_unique<arrow::flight::SimpleResultStream>(std::move(*results));
    return arrow::Status::OK();
  }
  arrow::Status ListActions(const Context&, std::vector<arrow::flight::ActionType>* actions) override {
    *actions = flight::ListActions();
    return arrow::Status::OK();
  }

 private:
  template <typename T>
  static arrow::Status Give(arrow::Result<T> result, T* to) {
    if (!result.ok()) return ToFlightStatus(result.status());
    *to = std::move(*result);
    return arrow::Status::OK();
  }

  Services& services_;
};

class FlightServer final : public Server {
 public:
  FlightServer(ServerOptions options, const query::Environment& environment, std::vector<runtime::Executor*> shards,
               security::FailedLogins& failed_logins)
      : sql_(options.sql ? std::make_unique<SqlDoor>(*options.sql, environment.clock) : nullptr),
        watch_(*shards.front(), environment.clock, environment.memory),
        acknowledgers_(static_cast<size_t>(options.limits.calls_max), "flight"),
        services_{.environment = environment,
                  .shards = std::move(shards),
                  .watch = watch_,
                  .acknowledgers = acknowledgers_,
                  .limits = options.limits,
                  .version = std::move(options.version),
                  .fluss_listeners = std::move(options.fluss_listeners),
                  .sql = sql_.get()},
        guard_(std::make_shared<Guard>(
            Guard::Options{.logins = std::move(options.logins), .calls_max = options.limits.calls_max}, failed_logins,
            environment.clock)),
        identity_(std::move(options.tls)),
        address_(std::move(options.bind)) {}

  arrow::Status Listen() {
    // Says what is wrong with an address, which gRPC only logs.
    ARROW_ASSIGN_OR_RAISE(address_, net::CheckFree(address_, "--flight"));
    // It takes a bad key without a word, and then no connection.
    if (identity_) ARROW_RETURN_NOT_OK(net::TlsServerContext::Make(*identity_).status());
    ARROW_ASSIGN_OR_RAISE(door_, Open(identity_));
    address_.port = static_cast<uint16_t>(door_->port());
    return arrow::Status::OK();
  }

  arrow::Status ReplaceIdentity(net::TlsIdentity identity) override {
    ARROW_RETURN_NOT_OK(net::TlsServerContext::Make(identity).status());
    std::promise<void> closed;
    const auto is_closed = closed.get_future();
    acknowledgers_.Post([this, &closed] {
      if (door_) Close(*door_, Now() + kReplaceGrace);
      closed.set_value();
    });
    // The port is free as soon as the old one has begun to close; its last calls may take longer.
    arrow::Result<std::unique_ptr<Door>> next = arrow::Status::UnknownError("not tried");
    for (int tries = 0; tries < kOpenTries && !next.ok(); ++tries) {
      services_.Wait([](runtime::Executor& home) { return Pause(home); });
      next = Open(identity);
    }
    is_closed.wait();
    if (!next.ok()) next = Open(identity);
    door_.reset();
    ARROW_ASSIGN_OR_RAISE(door_, std::move(next));
    return arrow::Status::OK();
  }

  const net::Address& address() const override { return address_; }
  int calls() const override { return guard_->calls(); }

  void BeginStop() override { watch_.Stop(); }
  void Stop() override {
    watch_.Stop();
    // Streams that wait for their clients would be waited for.
    if (door_) Close(*door_, Now());
  }

 private:
  static constexpr int kOpenTries = 20;
  static runtime::Task<> Pause(runtime::Executor& home) {
    co_await runtime::Sleep(home, std::chrono::milliseconds(50));
  }

  arrow::Result<std::unique_ptr<Door>> Open(const std::optional<net::TlsIdentity>& identity) {
    auto door = std::make_unique<Door>(services_);
    const auto location = identity ? arrow::flight::Location::ForGrpcTls(HostText(), address_.port)
                                   : arrow::flight::Location::ForGrpcTcp(HostText(), address_.port);
    ARROW_RETURN_NOT_OK(location.status());
    arrow::flight::FlightServerOptions options(*location);
    if (identity) options.tls_certificates.push_back({identity->certificate, identity->key});
    options.auth_handler = std::make_shared<arrow::flight::NoOpAuthHandler>();  // a handshake brings a header only
    options.middleware.emplace_back(Guard::kName, guard_);
    const arrow::Status status = door->Init(options);
    if (status.ok()) return door;
    return Error(ErrorCode::kInvalidConfig, "Arrow Flight cannot listen on {}: {}.", address_.ToString(),
                 status.message());
  }

  std::chrono::system_clock::time_point Now() const {
    return std::chrono::system_clock::time_point(std::chrono::milliseconds(services_.environment.clock.WallMs()));
  }

  static void Close(Door& door, std::chrono::system_clock::time_point deadline) {
    (void)door.Shutdown(&deadline);
    (void)door.Wait();
  }

  std::string HostText() const {
    return address_.host.find(':') == std::string::npos ? address_.host : "[" + address_.host + "]";
  }

  const std::unique_ptr<SqlDoor> sql_;
  CallWatch watch_;
  runtime::BlockingPool acknowledgers_;
  Services services_;
  const std::shared_ptr<Guard> guard_;
  const std::optional<net::TlsIdentity> identity_;
  std::unique_ptr<Door> door_;
  net::Address address_;
};

}  // namespace

arrow::Result<std::unique_ptr<Server>> Server::Start(ServerOptions options, const query::Environment& environment,
                                                     std::vector<runtime::Executor*> shards,
                                                     security::FailedLogins& failed_logins) {
  auto server = std::make_unique<FlightServer>(std::move(options), environment, std::move(shards), failed_logins);
  ARROW_RETURN_NOT_OK(server->Listen());
  return server;
}

}  // namespace thalweg::flight
