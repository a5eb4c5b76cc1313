#include "thalweg/client/connection.h"

#include <utility>

#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/client/channel.h"
#include "thalweg/net/tcp.h"
#include "thalweg/net/tls_context.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/caller_loop.h"
#include "thalweg/runtime/shards.h"
#include "thalweg/runtime/task.h"
#include "thalweg/wire/frame.h"

namespace thalweg::client {
namespace {

// Every message here is of the first version.
constexpr int16_t kVersion = 0;

runtime::Task<arrow::Result<std::unique_ptr<Channel>>> Connect(runtime::Executor& shard,
                                                               const ConnectionOptions& options) {
  TW_CO_ASSIGN_OR_RETURN(auto stream, co_await net::ConnectTcp(shard, options.server, options.connect_limit));
  if (options.tls) {
    net::TlsClientOptions tls = *options.tls;
    if (tls.server_name.empty()) tls.server_name = options.server.host;
    TW_CO_ASSIGN_OR_RETURN(stream, net::WrapTlsClient(std::move(stream), tls));
  }
  co_return std::make_unique<Channel>(std::move(stream));
}

/// One turn of the other thread for both.
runtime::Task<arrow::Result<Bytes>> SendAndAwait(Channel& channel, int32_t id, Bytes frame, runtime::Nanos limit) {
  TW_CO_RETURN_NOT_OK(co_await channel.Write(id, std::move(frame)));
  co_return co_await channel.Await(id, limit);
}

runtime::Task<bool> Wait(runtime::Executor& shard, runtime::Nanos time) {
  co_await runtime::Sleep(shard, time);
  co_return true;
}

}  // namespace

Connection::Connection(ConnectionOptions options) : options_(std::move(options)) {
  if (options_.own_thread) {
    thread_ = runtime::Shards::Start(1);
  } else {
    loop_ = std::make_unique<runtime::CallerLoop>();
  }
}

runtime::Executor& Connection::executor() const { return thread_ ? thread_->at(0) : loop_->executor(); }

template <typename T>
T Connection::Run(runtime::Task<T> task) {
  return thread_ ? runtime::BlockOn(thread_->at(0), std::move(task)) : loop_->Run(std::move(task));
}

std::unique_ptr<Connection> Connection::Make(ConnectionOptions options) {
  return std::unique_ptr<Connection>(new Connection(std::move(options)));
}

arrow::Result<std::unique_ptr<Connection>> Connection::Open(ConnectionOptions options) {
  auto connection = Make(std::move(options));
  ARROW_RETURN_NOT_OK(connection->Reconnect());
  return connection;
}

Connection::~Connection() {
  Disconnect();
  if (thread_) thread_->Stop();
}

void Connection::Disconnect() {
  if (!channel_) return;
  Run(channel_->Stop());
  channel_.reset();
}

arrow::Status Connection::Reconnect() {
  Disconnect();
  auto channel = Run(Connect(executor(), options_));
  if (!channel.ok()) {
    return Error(ErrorCode::kNetwork, "No connection to {}: {} Is the server running?", options_.server.ToString(),
                 channel.status().message());
  }
  channel_ = std::move(*channel);
  ARROW_RETURN_NOT_OK(Greet());
  return options_.user.empty() ? arrow::Status::OK() : Authenticate();
}

arrow::Status Connection::Greet() {
  offered_ = {{static_cast<int16_t>(wire::ApiKey::kApiVersions), kVersion}};
  pb::ApiVersionsRequest request;
  request.set_client_software_name(options_.client_name);
  request.set_client_software_version(options_.client_version);
  pb::ApiVersionsResponse answer;
  ARROW_RETURN_NOT_OK(Call(wire::ApiKey::kApiVersions, request, &answer));
  for (const auto& version : answer.api_versions()) {
    offered_[static_cast<int16_t>(version.api_key())] = static_cast<int16_t>(version.max_version());
  }
  offered_[static_cast<int16_t>(wire::ApiKey::kAuthenticate)] = kVersion;
  return arrow::Status::OK();
}

arrow::Status Connection::Authenticate() {
  pb::AuthenticateRequest request;
  request.set_protocol("PLAIN");
  std::string token(1, '\0');
  token.append(options_.user).append(1, '\0').append(options_.password);
  request.set_token(std::move(token));
  pb::AuthenticateResponse answer;
  return Call(wire::ApiKey::kAuthenticate, request, &answer);
}

arrow::Status Connection::CheckOffered(wire::ApiKey key) const {
  if (!Offers(key)) {
    return Error(ErrorCode::kUnsupportedVersion, "The server at {} does not offer {}.", options_.server.ToString(),
                 wire::ApiName(key));
  }
  if (!channel_) return Error(ErrorCode::kNetwork, "There is no connection to {}.", options_.server.ToString());
  return arrow::Status::OK();
}

arrow::Result<int32_t> Connection::Send(wire::ApiKey key, const google::protobuf::MessageLite& request) {
  ARROW_RETURN_NOT_OK(CheckOffered(key));
  const int32_t id = TakeId();
  ARROW_RETURN_NOT_OK(Run(channel_->Write(id, wire::EncodeRequest(key, kVersion, id, request))));
  return id;
}

arrow::Result<Bytes> Connection::Exchange(wire::ApiKey key, const std::function<Bytes(int32_t id)>& encode) {
  ARROW_RETURN_NOT_OK(CheckOffered(key));
  const int32_t id = TakeId();
  return Run(SendAndAwait(*channel_, id, encode(id), options_.answer_limit));
}

arrow::Status Connection::Receive(int32_t id, google::protobuf::MessageLite* answer) {
  if (!channel_) return Error(ErrorCode::kNetwork, "There is no connection to {}.", options_.server.ToString());
  ARROW_ASSIGN_OR_RAISE(const Bytes frame, Run(channel_->Await(id, options_.answer_limit)));
  ARROW_ASSIGN_OR_RAISE(const auto response, wire::DecodeResponse(frame.view()));
  ARROW_RETURN_NOT_OK(response.status);
  return wire::ParseBody(response.body, answer);
}

arrow::Status Connection::Call(wire::ApiKey key, const google::protobuf::MessageLite& request,
                               google::protobuf::MessageLite* answer) {
  ARROW_ASSIGN_OR_RAISE(const Bytes frame,
                        Exchange(key, [&](int32_t id) { return wire::EncodeRequest(key, kVersion, id, request); }));
  ARROW_ASSIGN_OR_RAISE(const auto response, wire::DecodeResponse(frame.view()));
  ARROW_RETURN_NOT_OK(response.status);
  return wire::ParseBody(response.body, answer);
}

void Connection::Sleep(runtime::Nanos time) { Run(Wait(executor(), time)); }

}  // namespace thalweg::client
