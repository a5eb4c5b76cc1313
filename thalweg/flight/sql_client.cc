#include "thalweg/flight/sql_client.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <mutex>
#include <utility>

#include "arrow/flight/client.h"
#include "arrow/flight/types_async.h"
#include "arrow/record_batch.h"
#include "arrow/util/base64.h"
#include "proto/arrow/flight/protocol/sql.pb.h"
#include "proto/thalweg/flight/v1/flight.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/flight/envelope.h"
#include "thalweg/flight/flight_status.h"
#include "thalweg/flight/sql_statements.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/schema/table_path.h"

namespace thalweg::flight {
namespace {

namespace sql_pb = ::arrow::flight::protocol::sql;
using arrow::flight::FlightCallOptions;
using arrow::flight::FlightClient;
using arrow::flight::FlightInfo;

constexpr double kOpenSeconds = 30;
constexpr int kReconnectMsMax = 1000;
constexpr double kShortSeconds = 5;  // of calls that the server answers at once

/// Takes the answer of GetFlightInfo, which only so can be given up.
class InfoListener final : public arrow::flight::AsyncListener<FlightInfo> {
 public:
  void OnNext(FlightInfo info) override { info_ = std::move(info); }
  void OnFinish(arrow::Status status) override {
    if (!status.ok()) return answer_.set_value(status);
    answer_.set_value(info_ ? arrow::Result<FlightInfo>(*std::move(info_))
                            : arrow::Status::IOError("An empty answer."));
  }
  arrow::Result<FlightInfo> Wait() { return answer_.get_future().get(); }

 private:
  std::optional<FlightInfo> info_;
  std::promise<arrow::Result<FlightInfo>> answer_;
};

/// One statement, from when it is sent until its rows have been read.
class Running {
 public:
  Running(std::shared_ptr<FlightClient> client, FlightCallOptions options, int64_t ends_ns)
      : client_(std::move(client)), options_(std::move(options)), ends_ns_(ends_ns) {}

  arrow::Result<FlightInfo> Ask(const std::string& text) {
    sql_pb::CommandStatementQuery command;
    command.set_query(text);
    const auto listener = std::make_shared<InfoListener>();
    client_->GetFlightInfoAsync(Options(), arrow::flight::FlightDescriptor::Command(SealEnvelope(command)), listener);
    {
      std::lock_guard lock(mutex_);
      asking_ = listener;
      if (cancelled_) listener->TryCancel();
    }
    auto info = listener->Wait();
    std::lock_guard lock(mutex_);
    asking_.reset();
    if (!info.ok()) return Explained(info.status());
    info_.emplace(*info);
    return info;
  }

  /// After Ask. Waits until the rows begin.
  arrow::Status Begin() {
    {
      std::lock_guard lock(mutex_);
      if (cancelled_) return Explained(arrow::Status::OK());
      if (info_->endpoints().size() != 1)
        return arrow::Status::IOError("The server's answer has no one place of rows.");
    }
    auto reader = client_->DoGet(Options(), info_->endpoints()[0].ticket);
    std::lock_guard lock(mutex_);
    if (!reader.ok()) return Explained(reader.status());
    reader_ = *std::move(reader);
    if (cancelled_) reader_->Cancel();
    return arrow::Status::OK();
  }

  /// After Begin, in its thread.
  arrow::flight::FlightStreamReader& reader() { return *reader_; }

  void Cancel() {
    std::optional<FlightInfo> beginning;
    {
      std::lock_guard lock(mutex_);
      cancelled_ = true;
      if (asking_) asking_->TryCancel();
      if (reader_) {
        reader_->Cancel();
      } else if (info_) {
        beginning = info_;
      }
    }
    if (!beginning) return;
    // A call of which nothing has come back yet cannot be given up from here, so that another one has to ask for it.
    FlightCallOptions options = options_;
    options.timeout = arrow::flight::TimeoutDuration(kShortSeconds);
    (void)client_->CancelFlightInfo(options, {std::make_unique<FlightInfo>(*std::move(beginning))});
  }

  /// Nobody reads on.
  void End() {
    std::lock_guard lock(mutex_);
    if (!reader_ || ended_) return;
    ended_ = true;
    reader_->Cancel();
  }
  bool ended() const { return ended_; }

  arrow::Status WhyFailed(const arrow::Status& status) {
    std::lock_guard lock(mutex_);
    return Explained(status);
  }

 private:
  FlightCallOptions Options() const {
    FlightCallOptions options = options_;
    if (ends_ns_ > 0) {
      const auto left_ns = std::max<int64_t>(1, ends_ns_ - runtime::SystemClock().MonotonicNs());
      options.timeout = std::chrono::nanoseconds(left_ns);
    }
    return options;
  }

  arrow::Status Explained(const arrow::Status& status) const {
    if (cancelled_) return arrow::Status::Cancelled("The statement was cancelled.");
    return FromFlightStatus(status);
  }

  const std::shared_ptr<FlightClient> client_;
  const FlightCallOptions options_;
  const int64_t ends_ns_;  ///< 0: never
  std::mutex mutex_;
  bool cancelled_ = false;
  bool ended_ = false;
  std::shared_ptr<InfoListener> asking_;
  std::optional<FlightInfo> info_;
  std::unique_ptr<arrow::flight::FlightStreamReader> reader_;
};

/// The rows of a statement, which it ends with them.
class ComingRows final : public arrow::RecordBatchReader {
 public:
  ComingRows(std::shared_ptr<Running> running, std::shared_ptr<arrow::Schema> schema)
      : running_(std::move(running)), schema_(std::move(schema)) {}
  ~ComingRows() override { running_->End(); }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    batch->reset();
    while (!finished_) {
      if (running_->ended()) return arrow::Status::Invalid("The statement has been ended by the next one.");
      auto chunk = running_->reader().Next();
      if (!chunk.ok()) return running_->WhyFailed(chunk.status());
      finished_ = !chunk->data && !chunk->app_metadata;
      *batch = std::move(chunk->data);
      if (*batch) break;
    }
    return arrow::Status::OK();
  }
  arrow::Status Close() override {
    running_->End();
    return arrow::Status::OK();
  }

 private:
  const std::shared_ptr<Running> running_;
  const std::shared_ptr<arrow::Schema> schema_;
  bool finished_ = false;
};

class FlightSqlClient final : public SqlClient {
 public:
  FlightSqlClient(SqlClientOptions options, std::shared_ptr<FlightClient> client)
      : options_(std::move(options)), client_(std::move(client)), database_(options_.database) {}

  ~FlightSqlClient() override {
    if (running_) running_->End();
    FlightCallOptions options = CallOptions();
    options.timeout = arrow::flight::TimeoutDuration(kShortSeconds);
    // What the session has made is not needed any more; a server that is gone has forgotten it as well.
    if (answered_) (void)client_->CloseSession(options, {});
  }

  arrow::Status CheckServer() {
    FlightCallOptions options = CallOptions();
    options.timeout = arrow::flight::TimeoutDuration(kOpenSeconds);
    sql_pb::CommandStatementQuery command;
    command.set_query("SELECT 1");
    const auto descriptor = arrow::flight::FlightDescriptor::Command(SealEnvelope(command));
    return Told(FromFlightStatus(client_->GetFlightInfo(options, descriptor).status()));
  }

  arrow::Result<sql::Answer> Execute(std::string_view text) override {
    const int64_t ends_ns =
        options_.time_ms_max > 0 ? runtime::SystemClock().MonotonicNs() + options_.time_ms_max * 1'000'000 : 0;
    auto running = std::make_shared<Running>(client_, CallOptions(), ends_ns);
    {
      std::lock_guard lock(mutex_);
      if (running_) running_->End();
      running_ = running;
    }
    const auto told = running->Ask(std::string(text));
    if (!told.ok()) return Told(told.status());
    v1::StatementInfo info;
    if (!info.ParseFromString(told->app_metadata()) || info.kind() == v1::StatementInfo::KIND_UNSPECIFIED) {
      return Error(ErrorCode::kUnsupportedVersion,
                   "The server at {} speaks Flight SQL, but is not a Thalweg of this version.",
                   options_.server.ToString());
    }
    if (info.kind() == v1::StatementInfo::QUERY) return Rows(std::move(running));
    database_ = info.database();
    sql::Answer answer{.kind = sql::StatementKind::kSession};
    if (info.kind() == v1::StatementInfo::DEFINITION) answer.kind = sql::StatementKind::kDefinition;
    if (info.kind() == v1::StatementInfo::CHANGE) {
      answer.kind = sql::StatementKind::kChange;
      answer.changed_rows = info.changed_rows();
    }
    return answer;
  }

  void Cancel() override {
    std::shared_ptr<Running> running;
    {
      std::lock_guard lock(mutex_);
      running = running_;
    }
    if (running) running->Cancel();
  }

  std::string database() const override { return database_; }

 private:
  arrow::Result<sql::Answer> Rows(std::shared_ptr<Running> running) {
    ARROW_RETURN_NOT_OK(Told(running->Begin()));
    auto schema = running->reader().GetSchema();
    if (!schema.ok()) return Told(running->WhyFailed(schema.status()));
    return sql::Answer{.kind = sql::StatementKind::kQuery,
                       .rows = std::make_shared<ComingRows>(std::move(running), *std::move(schema))};
  }

  FlightCallOptions CallOptions() const {
    FlightCallOptions options;
    options.headers.emplace_back(kDatabaseHeader, database_);
    if (!options_.user.empty()) {
      // With each call: a bearer token would be worth nothing to a server that has started anew.
      options.headers.emplace_back("authorization",
                                   "Basic " + arrow::util::base64_encode(options_.user + ":" + options_.password));
    }
    return options;
  }

  /// What a failure means to who has asked.
  arrow::Status Told(const arrow::Status& status) {
    if (status.ok()) answered_ = true;
    if (CodeOf(status) == ErrorCode::kNetwork) {
      return Error(
          ErrorCode::kNetwork,
          "No Thalweg answers Flight SQL at {} ({}). Is its server running (`thalweg serve`), is this its Flight "
          "address (port 9130, where 9123 is Fluss's), and does {} speak TLS?",
          options_.server.ToString(), status.message(), options_.authorities ? "it" : "it not");
    }
    if (CodeOf(status) == ErrorCode::kRequestTimeOut && options_.time_ms_max > 0) {
      return Error(ErrorCode::kRequestTimeOut, "The statement took longer than the {} ms that it may take.",
                   options_.time_ms_max);
    }
    return status;
  }

  const SqlClientOptions options_;
  const std::shared_ptr<FlightClient> client_;
  std::string database_;
  bool answered_ = false;
  std::mutex mutex_;
  std::shared_ptr<Running> running_;
};

}  // namespace

arrow::Result<std::unique_ptr<SqlClient>> SqlClient::Open(SqlClientOptions options) {
  if (const std::string problem = schema::NameProblem(options.database); !problem.empty()) {
    return Error(ErrorCode::kInvalidDatabase, "'{}' is no database: {}.", options.database, problem);
  }
  if (options.user.find(':') != std::string::npos) {
    return Error(ErrorCode::kInvalidConfig, "A user name must not hold a colon.");
  }
  const std::string host =
      options.server.host.find(':') == std::string::npos ? options.server.host : "[" + options.server.host + "]";
  ARROW_ASSIGN_OR_RAISE(const auto location, options.authorities
                                                 ? arrow::flight::Location::ForGrpcTls(host, options.server.port)
                                                 : arrow::flight::Location::ForGrpcTcp(host, options.server.port));
  auto flight_options = arrow::flight::FlightClientOptions::Defaults();
  // A server that starts again is found again soon.
  flight_options.generic_options.emplace_back("grpc.initial_reconnect_backoff_ms", 100);
  flight_options.generic_options.emplace_back("grpc.max_reconnect_backoff_ms", kReconnectMsMax);
  if (options.authorities) flight_options.tls_root_certs = *options.authorities;
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<FlightClient> client, FlightClient::Connect(location, flight_options));
  auto opened = std::make_unique<FlightSqlClient>(std::move(options), std::move(client));
  ARROW_RETURN_NOT_OK(opened->CheckServer());
  return opened;
}

}  // namespace thalweg::flight
