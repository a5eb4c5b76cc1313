#include "thalweg/app/serve.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "thalweg/app/config_option.h"
#include "thalweg/app/data_directory.h"
#include "thalweg/app/engine_metrics.h"
#include "thalweg/app/memory_shares.h"
#include "thalweg/app/query_parts.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/bounded_meta_store.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/catalog/embedded_meta_store.h"
#include "thalweg/flight/server.h"
#include "thalweg/http/operations.h"
#include "thalweg/http/server.h"
#include "thalweg/io/object_store.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/kv/rocksdb_resources.h"
#include "thalweg/kv/rocksdb_store_factory.h"
#include "thalweg/net/tcp.h"
#include "thalweg/net/tls_context.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/log.h"
#include "thalweg/runtime/metrics.h"
#include "thalweg/runtime/periodic.h"
#include "thalweg/runtime/random.h"
#include "thalweg/runtime/shards.h"
#include "thalweg/runtime/signals.h"
#include "thalweg/runtime/threads.h"
#include "thalweg/service/endpoint.h"
#include "thalweg/service/kv_tables.h"
#include "thalweg/service/request_metrics.h"
#include "thalweg/service/server.h"
#include "thalweg/service/services.h"
#include "thalweg/service/slice_cache.h"
#include "thalweg/service/table_access.h"
#include "thalweg/service/tiering_policy.h"
#include "thalweg/sql/engine.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/tablet/tiering.h"
#include "thalweg/upkeep/auto_partition.h"
#include "thalweg/upkeep/dropped_data.h"
#include "thalweg/upkeep/log_retention.h"
#include "thalweg/upkeep/time_zones.h"

namespace thalweg::app {
namespace {

constexpr size_t kBlockingThreads = 16;
// As many as may copy at the same time, and as many again for reads.
constexpr size_t kRemoteThreads = 32;
// A small ring still has files to rotate through; each of them takes the largest group of appends.
constexpr uint64_t kJournalFilesMin = 4;
constexpr uint64_t kJournalFileBytesMin = 16 << 20;
// A stop takes less than 2 s: answers in flight first, then files.
constexpr int64_t kDrainMs = 800;
constexpr int64_t kFlushMs = 800;

/// What clients are told to connect to: they cannot connect to "all interfaces".
net::Address Advertised(const ListenerOptions& options) {
  if (options.advertised) return *options.advertised;
  net::Address address = options.bind;
  if (address.host == "0.0.0.0" || address.host == "::") address.host.clear();
  return address;
}

/// What the start-up lines say of a listener besides its address.
std::string Remark(const service::Endpoint& endpoint) {
  if (endpoint.credentials) return fmt::format(" ({}, SASL/PLAIN)", endpoint.name);
  return endpoint.name == kDefaultListener ? "" : fmt::format(" ({})", endpoint.name);
}

/// One server, put together. Members are destroyed in reverse: who uses something stands below it.
class RunningServer {
 public:
  explicit RunningServer(const ServeOptions& options) : options_(options) {}

  ~RunningServer() {
    signals_.reset();  // a second signal ends the process
    if (engine_) engine_->StopCopying();
    if (remote_store_) remote_store_->BeginStop();
    for (const auto& listener : listeners_) listener->Stop();
    if (http_listener_) http_listener_->Stop();
    if (flight_) flight_->BeginStop();
    if (reloading_) runtime::BlockOn(*executors_.front(), reloading_->Stop(*executors_.front()));
    if (flight_) flight_->Stop();
    if (http_) runtime::BlockOn(*executors_.front(), http_->Stop(*executors_.front()));
    for (const auto& upkeep : {retention_.get(), partitioning_.get()}) {
      if (upkeep) runtime::BlockOn(*executors_.front(), upkeep->Stop(*executors_.front()));
    }
    if (server_) Drain();
    if (dropped_data_) runtime::BlockOn(*executors_.front(), dropped_data_->Stop(*executors_.front()));
    if (queries_) queries_->Stop();
    if (engine_) engine_->Stop(kFlushMs);
    if (shards_) shards_->Stop();
    remote_pool_.Stop();
    pool_.Stop();
    journal_thread_.Stop();
  }

  arrow::Status Start() {
    const int64_t began_ns = clock_.MonotonicNs();
    ARROW_ASSIGN_OR_RAISE(lock_, ClaimDataDirectory(fs_, options_.data_directory));
    shards_ =
        runtime::Shards::Start(options_.shards ? options_.shards : std::max(1u, std::thread::hardware_concurrency()));
    for (size_t i = 0; i < shards_->count(); ++i) executors_.push_back(&shards_->at(i));
    shares_ = ShareOut(MemoryBudget(), shards_->count(), UsesRemoteStorage());
    // Before anyone can know that the server is up. One that comes during the start takes effect after it.
    signals_.emplace(*executors_.front(), [this](int signal) {
      if (!std::exchange(asked_, true)) stop_signal_.set_value(signal);
    });
    ARROW_RETURN_NOT_OK(OpenCatalog());
    ARROW_RETURN_NOT_OK(OpenEngine());
    ARROW_RETURN_NOT_OK(ReadCertificate());
    ARROW_RETURN_NOT_OK(Listen());
    ARROW_RETURN_NOT_OK(ListenFlight());
    ARROW_RETURN_NOT_OK(ListenHttp());
    StartUpkeep();
    Say(began_ns);
    return arrow::Status::OK();
  }

  /// The signal that asks to stop, once it has come. Once, after Start.
  int WaitForSignal() { return stop_signal_.get_future().get(); }

 private:
  arrow::Status OpenCatalog() {
    ARROW_ASSIGN_OR_RAISE(meta_store_, catalog::EmbeddedMetaStore::Open(fs_, options_.data_directory + "/meta", pool_));
    bounded_store_ = std::make_unique<catalog::BoundedMetaStore>(*meta_store_, [this] { return CheckRoom(); });
    ARROW_ASSIGN_OR_RAISE(
        catalog_, runtime::BlockOn(*executors_.front(), catalog::Catalog::Open(*bounded_store_, clock_,
                                                                               options_.catalog, *executors_.front())));
    return arrow::Status::OK();
  }

  runtime::Task<arrow::Status> CheckRoom() {
    if (!engine_) co_return arrow::Status::OK();
    co_return co_await engine_->CheckRoomNow();
  }

  bool UsesRemoteStorage() const {
    return !options_.remote_data_directory.empty() && options_.remote_task_interval_ms > 0;
  }

  arrow::Status OpenRemoteStorage(tablet::TieringOptions& options) {
    if (!UsesRemoteStorage()) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(remote_store_,
                          io::OpenObjectStore(fs_, options_.remote_data_directory, options_.remote_login));
    // A store that cannot be reached must not keep the server from starting.
    remote_pool_.Post([this] {
      const arrow::Status status = io::CheckObjectStore(*remote_store_);
      if (!status.ok() && !status.IsCancelled()) {
        runtime::LogWarn("Remote storage does not work for now; segments stay here until it does: {}",
                         status.message());
      }
    });
    options.store = remote_store_.get();
    options.random = &runtime::SystemRandom();
    options.interval_ns = options_.remote_task_interval_ms * 1'000'000;
    options.copiers_max = std::min(options_.remote_copiers_max, shares_.remote_copiers);
    options.segments_per_turn = options_.remote_segments_per_turn;
    options.index_cache_bytes = std::min(options_.remote_index_cache_bytes, shares_.remote_indexes);
    options.read_bytes_max = static_cast<int64_t>(shares_.remote_reads);
    options.policy_of = [this](const TableBucket& bucket) { return service::TieringPolicyOf(*catalog_, bucket); };
    return arrow::Status::OK();
  }

  void OpenStates(tablet::KvOptions& options) {
    auto resources = kv::RocksdbResources::Make(
        fs_, {.block_cache_bytes = shares_.kv_block_cache, .write_buffer_bytes = shares_.kv_write_buffers});
    stores_ = std::make_unique<kv::RocksdbStoreFactory>(std::move(resources), options_.data_directory + "/kv");
    options.stores = stores_.get();
    options.table_of = [this](const TableBucket& bucket) { return service::KvTableOf(kv_tables_, *catalog_, bucket); };
    options.reserve_numbers = [this](TableId table, int32_t column_id, int64_t count, runtime::Executor& home) {
      return catalog_->ReserveRowNumbers(table, column_id, count, home);
    };
    options.scans = options_.scans;
    options.dirty_bytes_max = static_cast<int64_t>(shares_.kv_dirty);
    options.hash_seed = runtime::SystemRandom().Next();
  }

  arrow::Status OpenEngine() {
    tablet::EngineOptions options;
    options.directory = options_.data_directory;
    options.journal.ring.bytes_max = options_.journal_bytes;
    options.journal.ring.file_bytes =
        std::clamp(options_.journal_bytes / kJournalFilesMin, kJournalFileBytesMin, options.journal.ring.file_bytes);
    options.journal.durability = options_.durability;
    options.log.segment_bytes_max = options_.segment_bytes;
    options.disk.bytes = options_.disk_reserve_bytes;
    options.flusher.unwritten_bytes_max = shares_.unwritten;
    options.in_flight_bytes_max = shares_.in_flight;
    options.indexes_max = shares_.segment_indexes;
    options.report = [](const std::string& what) { runtime::LogWarn("{}", what); };
    ARROW_RETURN_NOT_OK(OpenRemoteStorage(options.tiering));
    options.snapshots = {.interval_ns = options_.snapshot_interval_ms * 1'000'000,
                         .retained = options_.snapshots_retained,
                         .workers_max = options.tiering.copiers_max};
    OpenStates(options.kv);
    const auto view = catalog_->view();
    const auto exists = [&](const TableBucket& bucket) {
      const auto table = view->FindTable(bucket.table);
      return table && (bucket.partition == kNoPartition || view->FindPartition(bucket.partition));
    };
    ARROW_ASSIGN_OR_RAISE(leftovers_,
                          runtime::BlockOn(*executors_.front(), catalog_->ListDropped(*executors_.front())));
    options.dropped = [this](const TableBucket& bucket) {
      return std::ranges::any_of(leftovers_, [&](const catalog::Dropped& dropped) {
        return dropped.table == bucket.table &&
               (dropped.partition == kNoPartition || dropped.partition == bucket.partition);
      });
    };
    ARROW_ASSIGN_OR_RAISE(engine_, tablet::Engine::Open({.fs = fs_,
                                                         .clock = clock_,
                                                         .shards = executors_,
                                                         .journal_thread = journal_thread_,
                                                         .pool = pool_,
                                                         .remote_pool = &remote_pool_},
                                                        options, exists));
    const auto report = [](const std::string& what) { runtime::LogWarn("{}", what); };
    dropped_data_ = std::make_unique<upkeep::DroppedData>(*catalog_, *engine_, report);
    zones_ = std::make_unique<upkeep::TimeZones>(fs_, upkeep::TimeZones::kSystemDirectory, report);
    auto_partition_ =
        std::make_unique<upkeep::AutoPartition>(upkeep::AutoPartition::Environment{.catalog = *catalog_,
                                                                                   .clock = clock_,
                                                                                   .pool = pool_,
                                                                                   .zones = *zones_,
                                                                                   .dropped_data = *dropped_data_,
                                                                                   .report = report});
    AddEngineMetrics(*engine_, options_.durability == journal::Durability::kSynced, metrics_);
    return arrow::Status::OK();
  }

  void StartUpkeep() {
    const auto report = [](const std::string& what) { runtime::LogWarn("{}", what); };
    retention_ = std::make_unique<runtime::Periodic>(pool_, options_.log_retention_interval, [this, report] {
      return upkeep::DropExpiredRecords(*catalog_, *engine_, clock_, pool_, report);
    });
    retention_->Start(options_.log_retention_interval);
    partitioning_ = std::make_unique<runtime::Periodic>(pool_, options_.auto_partition_interval,
                                                        [this] { return auto_partition_->ApplyToAll(); });
    partitioning_->Start(runtime::Nanos(0));
    if (reloading_) reloading_->Start(options_.tls.reload_interval);
    runtime::SpawnOn(pool_, dropped_data_->RemoveLeftovers(leftovers_, pool_));
  }

  arrow::Status ReadCertificate() {
    if (!options_.tls.enabled()) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(identity_, options_.tls.Read(fs_));
    ARROW_ASSIGN_OR_RAISE(tls_, net::TlsServerContext::Make(identity_));
    reloading_ = std::make_unique<runtime::Periodic>(pool_, options_.tls.reload_interval, [this] { return Reload(); });
    return arrow::Status::OK();
  }

  runtime::Task<> Reload() {
    ReloadCertificate();
    co_return;
  }

  /// On the pool, one at a time.
  void ReloadCertificate() {
    const auto now = options_.tls.Read(fs_);
    arrow::Status status = now.status();
    if (now.ok() && *now == identity_) return;
    if (status.ok()) status = tls_->Replace(*now);
    if (status.ok() && flight_ && options_.tls.IsFor(kFlightListener)) status = flight_->ReplaceIdentity(*now);
    if (!status.ok()) {
      runtime::LogWarn("The certificate is still the one of before: {}", status.message());
      return;
    }
    identity_ = *now;
    runtime::LogInfo("New connections get the certificate that is in {} now.", options_.tls.certificate_file);
  }

  /// Null for a listener in the clear.
  const net::TlsServerContext* TlsOf(const std::string& listener) const {
    return options_.tls.IsFor(listener) ? tls_.get() : nullptr;
  }

  arrow::Status Listen() {
    request_metrics_ = std::make_unique<service::RequestMetrics>(metrics_);
    services_ = std::unique_ptr<service::Services>(
        new service::Services{.catalog = *catalog_,
                              .engine = *engine_,
                              .auto_partition = *auto_partition_,
                              .dropped_data = *dropped_data_,
                              .clock = clock_,
                              .pool = pool_,
                              .metrics = *request_metrics_,
                              .slices = slices_,
                              .kv_tables = kv_tables_,
                              .limits = options_.limits,
                              .policy = options_.authorizer_enabled ? &options_.policy : nullptr,
                              .configuration = options_.configuration});
    auto& limits = services_->limits;
    limits.request_memory_bytes = static_cast<int64_t>(shares_.requests);
    limits.answer_memory_bytes = static_cast<int64_t>(shares_.answers);
    limits.connections_max = shares_.connections;
    server_ = std::make_unique<service::Server>(*services_, executors_,
                                                [](const std::string& what) { runtime::LogInfo("{}", what); });
    metrics_.AddGaugeReader("thalweg_connections", "Open connections of Fluss clients.",
                            [server = server_.get()] { return static_cast<double>(server->connections()); });
    metrics_.AddGaugeReader("thalweg_request_memory_bytes", "Of requests that are being read or answered.",
                            [server = server_.get()] { return static_cast<double>(server->requests().used()); });
    metrics_.AddGaugeReader("thalweg_answer_memory_bytes", "Of records in answers that are made or not sent yet.",
                            [server = server_.get()] { return static_cast<double>(server->answers().used()); });
    for (const auto& options : options_.listeners) {
      auto& endpoint = endpoints_.emplace_back(new service::Endpoint{
          .name = options.name, .advertised = Advertised(options), .credentials = options.credentials});
      ARROW_ASSIGN_OR_RAISE(
          auto listener,
          net::ListenTcp(*shards_, options.bind,
                         [this, at = endpoint.get(), tls = TlsOf(options.name)](std::unique_ptr<net::Stream> stream) {
                           server_->OnStream(tls ? tls->Wrap(std::move(stream)) : std::move(stream), *at);
                         }));
      // Of a port that the system chose nobody knows before it is printed, so nobody is connected yet.
      if (endpoint->advertised.port == 0) endpoint->advertised.port = listener->address().port;
      listeners_.push_back(std::move(listener));
    }
    return arrow::Status::OK();
  }

  uint64_t MemoryBudget() const { return options_.memory_budget ? options_.memory_budget : DefaultMemoryBudget(); }

  arrow::Status ListenFlight() {
    if (!options_.flight) return arrow::Status::OK();
    queries_ = std::make_unique<QueryParts>(QueryParts::Parts{.catalog = *catalog_,
                                                              .engine = *engine_,
                                                              .auto_partition = *auto_partition_,
                                                              .dropped_data = *dropped_data_,
                                                              .kv_tables = kv_tables_,
                                                              .clock = clock_,
                                                              .policy = services_->policy},
                                            static_cast<int64_t>(shares_.queries), shards_->count());
    flight::ServerOptions options{
        .bind = *options_.flight, .logins = options_.flight_logins, .version = THALWEG_VERSION};
    if (TlsOf(kFlightListener)) options.tls = identity_;
    const SqlShares sql = SqlSharesOf(MemoryBudget());
    sql_ = sql::Engine::Make(
        {.query = queries_->environment(),
         .metrics = [this] { return metrics_.Expose(); },
         .settings = [this] { return Settings(); }},
        {.sessions_max = sql.sessions,
         .memory_bytes_max = options_.sql_memory_bytes ? options_.sql_memory_bytes : sql.session_bytes,
         .time_ms_max = options_.sql_time_max.count(),
         .threads = shards_->count()});
    options.sql = sql_.get();
    // First the one for the same users.
    for (const bool asks : {!options.logins.anonymous, options.logins.anonymous}) {
      for (const auto& endpoint : endpoints_) {
        if ((endpoint->credentials != nullptr) != asks) continue;
        options.fluss_listeners.push_back({.name = endpoint->name,
                                           .address = endpoint->advertised.ToString(),
                                           .sasl = asks,
                                           .tls = TlsOf(endpoint->name) != nullptr});
      }
    }
    ARROW_ASSIGN_OR_RAISE(flight_, flight::Server::Start(std::move(options), queries_->environment(), executors_,
                                                         services_->failed_logins));
    metrics_.AddGaugeReader("thalweg_flight_calls", "Calls of Arrow Flight clients in progress.",
                            [server = flight_.get()] { return static_cast<double>(server->calls()); });
    metrics_.AddGaugeReader("thalweg_query_memory_bytes", "Of rows that are decoded and not taken yet.",
                            [parts = queries_.get()] { return static_cast<double>(parts->memory().used()); });
    return arrow::Status::OK();
  }

  /// What the configuration has set, without secrets.
  std::vector<sql::Setting> Settings() const {
    std::vector<sql::Setting> settings;
    for (const auto& [name, value] : options_.configuration) {
      const auto* option = FindConfigOption(name);
      settings.push_back({.name = name, .value = value, .description = option ? std::string(option->does) : ""});
    }
    return settings;
  }

  arrow::Status ListenHttp() {
    if (!options_.http) return arrow::Status::OK();
    http_ = std::make_unique<http::Server>(http::OperationsRoutes(metrics_, [this] { return engine_->health(); }));
    ARROW_ASSIGN_OR_RAISE(http_listener_,
                          net::ListenTcp(*shards_, *options_.http,
                                         [this, tls = TlsOf(kHttpListener)](std::unique_ptr<net::Stream> stream) {
                                           http_->Serve(tls ? tls->Wrap(std::move(stream)) : std::move(stream));
                                         }));
    return arrow::Status::OK();
  }

  void Say(int64_t began_ns) const {
    const auto stats = engine_->stats();
    const bool synced = options_.durability == journal::Durability::kSynced;
    fmt::print("thalweg {}\n", THALWEG_VERSION);
    fmt::print("data in {} ({})\n", options_.data_directory,
               synced ? "acknowledged means on disk"
                      : "page-cache: acknowledged data may be lost when the machine loses power");
    fmt::print("{} tables, {} buckets with data, ready after {:.0f} ms\n", catalog_->view()->table_count(),
               stats.buckets, static_cast<double>(clock_.MonotonicNs() - began_ns) / 1e6);
    for (size_t i = 0; i < listeners_.size(); ++i) {
      fmt::print("Fluss clients: listening on {}{}{}\n", listeners_[i]->address().ToString(), Remark(*endpoints_[i]),
                 TlsOf(endpoints_[i]->name) ? ", TLS" : "");
    }
    if (flight_) {
      fmt::print("Arrow Flight clients: {}://{}{}\n", TlsOf(kFlightListener) ? "grpc+tls" : "grpc",
                 flight_->address().ToString(), options_.flight_logins.anonymous ? "" : " (with user and password)");
    }
    if (http_listener_)
      fmt::print("metrics and health: {}://{}/\n", TlsOf(kHttpListener) ? "https" : "http",
                 http_listener_->address().ToString());
    std::fflush(stdout);
  }

  void Drain() {
    std::promise<void> drained;
    server_->Stop(kDrainMs, [&drained] { drained.set_value(); });
    drained.get_future().wait();
  }

  const ServeOptions options_;
  const runtime::Clock& clock_ = runtime::SystemClock();
  io::PosixFileSystem fs_;
  std::unique_ptr<io::FileSystem::Lock> lock_;
  runtime::Metrics metrics_;
  MemoryShares shares_;
  runtime::BlockingPool pool_{kBlockingThreads};
  runtime::BlockingPool remote_pool_{kRemoteThreads, "remote"};  ///< threads start when there is remote storage
  runtime::ThreadExecutor journal_thread_{"journal"};
  std::unique_ptr<catalog::EmbeddedMetaStore> meta_store_;
  std::unique_ptr<catalog::BoundedMetaStore> bounded_store_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<io::ObjectStore> remote_store_;
  service::KvTables kv_tables_;
  std::unique_ptr<kv::StoreFactory> stores_;
  std::unique_ptr<tablet::Engine> engine_;
  std::vector<catalog::Dropped> leftovers_;  ///< of drops that the last life of the server did not finish
  std::unique_ptr<upkeep::DroppedData> dropped_data_;
  std::unique_ptr<upkeep::TimeZones> zones_;
  std::unique_ptr<upkeep::AutoPartition> auto_partition_;
  std::unique_ptr<service::RequestMetrics> request_metrics_;
  service::SliceCache slices_;
  std::unique_ptr<service::Services> services_;
  std::vector<std::unique_ptr<service::Endpoint>> endpoints_;
  std::unique_ptr<service::Server> server_;
  std::promise<int> stop_signal_;
  bool asked_ = false;  ///< touched on the first shard
  std::unique_ptr<runtime::Shards> shards_;
  std::vector<runtime::Executor*> executors_;
  std::optional<runtime::ShutdownSignals> signals_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;  ///< of endpoints_, in the same order
  net::TlsIdentity identity_;                              ///< that is in use; on the pool once the server is up
  std::unique_ptr<net::TlsServerContext> tls_;
  std::unique_ptr<QueryParts> queries_;
  std::unique_ptr<sql::Engine> sql_;
  std::unique_ptr<flight::Server> flight_;
  std::unique_ptr<runtime::Periodic> reloading_;
  std::unique_ptr<runtime::Periodic> retention_;
  std::unique_ptr<runtime::Periodic> partitioning_;
  std::unique_ptr<http::Server> http_;
  std::unique_ptr<net::Listener> http_listener_;
};

}  // namespace

arrow::Status Serve(const ServeOptions& options) {
  runtime::IgnoreBrokenPipes();
  for (const auto& warning : options.warnings) runtime::LogWarn("{}", warning);
  RunningServer server(options);
  ARROW_RETURN_NOT_OK(server.Start());
  const int signal = server.WaitForSignal();
  runtime::LogInfo("{}: stopping", signal == SIGINT ? "interrupted" : "asked to end");
  return arrow::Status::OK();
}

}  // namespace thalweg::app
