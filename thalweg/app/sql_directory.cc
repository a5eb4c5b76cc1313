#include "thalweg/app/sql_directory.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "thalweg/app/data_directory.h"
#include "thalweg/app/memory_shares.h"
#include "thalweg/app/serve_options.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/catalog/embedded_meta_store.h"
#include "thalweg/io/object_store.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/kv/rocksdb_resources.h"
#include "thalweg/kv/rocksdb_store_factory.h"
#include "thalweg/query/environment.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/byte_budget.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/log.h"
#include "thalweg/runtime/random.h"
#include "thalweg/runtime/shards.h"
#include "thalweg/runtime/threads.h"
#include "thalweg/service/kv_tables.h"
#include "thalweg/service/tiering_policy.h"
#include "thalweg/sql/engine.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/upkeep/auto_partition.h"
#include "thalweg/upkeep/dropped_data.h"
#include "thalweg/upkeep/time_zones.h"

namespace thalweg::app {
namespace {

constexpr size_t kBlockingThreads = 8;
constexpr size_t kRemoteThreads = 8;
constexpr int64_t kQueryMemoryBytes = 256ll << 20;
// A server's statements are bounded for the sake of others; here there are none.
constexpr uint64_t kSqlMemoryShare = 2;  // of the machine's budget, one in so many
constexpr int64_t kFlushMs = 10'000;

/// Members are destroyed in reverse: who uses something stands below it.
class LocalDirectory final : public cli::SqlDirectory {
 public:
  explicit LocalDirectory(ServeOptions options) : options_(std::move(options)) {}
  ~LocalDirectory() override {
    sql_.reset();
    workers_.Stop();
    if (engine_) engine_->StopCopying();
    if (remote_store_) remote_store_->BeginStop();
    if (dropped_data_) runtime::BlockOn(*executors_.front(), dropped_data_->Stop(*executors_.front()));
    if (engine_) engine_->Stop(kFlushMs);
    if (shards_) shards_->Stop();
    remote_pool_.Stop();
    pool_.Stop();
    journal_thread_.Stop();
  }

  arrow::Status Open() {
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(options_.data_directory + "/version"));
    if (!exists) {
      return Error(ErrorCode::kStorage, "{} is no data directory of Thalweg: `thalweg serve --data {}` makes one.",
                   options_.data_directory, options_.data_directory);
    }
    ARROW_ASSIGN_OR_RAISE(lock_, ClaimDataDirectory(fs_, options_.data_directory));
    shards_ = runtime::Shards::Start(2);
    for (size_t i = 0; i < shards_->count(); ++i) executors_.push_back(&shards_->at(i));
    shares_ = ShareOut(options_.memory_budget ? options_.memory_budget : DefaultMemoryBudget(), shards_->count(),
                       !options_.remote_data_directory.empty());
    ARROW_ASSIGN_OR_RAISE(meta_store_, catalog::EmbeddedMetaStore::Open(fs_, options_.data_directory + "/meta", pool_));
    ARROW_ASSIGN_OR_RAISE(
        catalog_, runtime::BlockOn(*executors_.front(), catalog::Catalog::Open(*meta_store_, clock_, options_.catalog,
                                                                               *executors_.front())));
    ARROW_RETURN_NOT_OK(OpenEngine());
    OpenSql();
    return arrow::Status::OK();
  }

  arrow::Result<std::unique_ptr<sql::Session>> OpenSession(sql::SessionOptions options) override {
    return sql_->OpenSession(std::move(options));
  }

 private:
  arrow::Status OpenEngine() {
    const auto report = [](const std::string& what) { runtime::LogWarn("{}", what); };
    tablet::EngineOptions options;
    options.directory = options_.data_directory;
    options.journal.ring.bytes_max = options_.journal_bytes;
    options.journal.durability = options_.durability;
    options.log.segment_bytes_max = options_.segment_bytes;
    options.flusher.unwritten_bytes_max = shares_.unwritten;
    options.in_flight_bytes_max = shares_.in_flight;
    options.report = report;
    if (!options_.remote_data_directory.empty()) {
      // To read what is there; copying waits for the server.
      ARROW_ASSIGN_OR_RAISE(remote_store_,
                            io::OpenObjectStore(fs_, options_.remote_data_directory, options_.remote_login));
      options.tiering.store = remote_store_.get();
      options.tiering.random = &runtime::SystemRandom();
      options.tiering.interval_ns = INT64_MAX / 4;
      options.tiering.policy_of = [this](const TableBucket& bucket) {
        return service::TieringPolicyOf(*catalog_, bucket);
      };
    }
    stores_ = std::make_unique<kv::RocksdbStoreFactory>(
        kv::RocksdbResources::Make(
            fs_, {.block_cache_bytes = shares_.kv_block_cache, .write_buffer_bytes = shares_.kv_write_buffers}),
        options_.data_directory + "/kv");
    options.kv.stores = stores_.get();
    options.kv.table_of = [this](const TableBucket& bucket) {
      return service::KvTableOf(kv_tables_, *catalog_, bucket);
    };
    options.kv.reserve_numbers = [this](TableId table, int32_t column, int64_t count, runtime::Executor& home) {
      return catalog_->ReserveRowNumbers(table, column, count, home);
    };
    options.kv.scans = options_.scans;
    options.kv.dirty_bytes_max = static_cast<int64_t>(shares_.kv_dirty);
    options.kv.hash_seed = runtime::SystemRandom().Next();
    const auto view = catalog_->view();
    ARROW_ASSIGN_OR_RAISE(const auto leftovers,
                          runtime::BlockOn(*executors_.front(), catalog_->ListDropped(*executors_.front())));
    options.dropped = [leftovers](const TableBucket& bucket) {
      return std::ranges::any_of(leftovers, [&](const catalog::Dropped& dropped) {
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
                                                        options, [&](const TableBucket& bucket) {
                                                          return view->FindTable(bucket.table) &&
                                                                 (bucket.partition == kNoPartition ||
                                                                  view->FindPartition(bucket.partition));
                                                        }));
    dropped_data_ = std::make_unique<upkeep::DroppedData>(*catalog_, *engine_, report);
    zones_ = std::make_unique<upkeep::TimeZones>(fs_, upkeep::TimeZones::kSystemDirectory, report);
    auto_partition_ =
        std::make_unique<upkeep::AutoPartition>(upkeep::AutoPartition::Environment{.catalog = *catalog_,
                                                                                   .clock = clock_,
                                                                                   .pool = pool_,
                                                                                   .zones = *zones_,
                                                                                   .dropped_data = *dropped_data_,
                                                                                   .report = report});
    return arrow::Status::OK();
  }

  void OpenSql() {
    query_.reset(new query::Environment{
        .catalog = *catalog_,
        .engine = *engine_,
        .clock = clock_,
        .workers = workers_,
        .memory = memory_,
        .kv_table_of = [this](const catalog::Table& table) { return kv_tables_.Get(table); },
        .table_changed = [this](TableId table, runtime::Executor& home) { return auto_partition_->Apply(table, home); },
        .dropped = [this](const catalog::Table& table, std::optional<PartitionId> partition,
                          runtime::Executor& home) { Remove(table, partition, home); }});
    const auto settings = [this] {
      std::vector<sql::Setting> all;
      all.reserve(options_.configuration.size());
      for (const auto& [name, value] : options_.configuration) all.push_back({.name = name, .value = value});
      return all;
    };
    sql_ = sql::Engine::Make({.query = *query_, .settings = settings},
                             {.sessions_max = 1,
                              .memory_bytes_max = DefaultMemoryBudget() / kSqlMemoryShare,
                              .time_ms_max = 0,
                              .threads = std::max<size_t>(1, workers_count_),
                              .nice = 0});
  }

  void Remove(const catalog::Table& table, std::optional<PartitionId> partition, runtime::Executor& home);

  const ServeOptions options_;
  const runtime::Clock& clock_ = runtime::SystemClock();
  const size_t workers_count_ = 2;
  io::PosixFileSystem fs_;
  std::unique_ptr<io::FileSystem::Lock> lock_;
  MemoryShares shares_;
  runtime::BlockingPool pool_{kBlockingThreads};
  runtime::BlockingPool remote_pool_{kRemoteThreads, "remote"};
  runtime::BlockingPool workers_{workers_count_, "query"};
  runtime::ThreadExecutor journal_thread_{"journal"};
  runtime::ByteBudget memory_{kQueryMemoryBytes};
  std::unique_ptr<catalog::EmbeddedMetaStore> meta_store_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<io::ObjectStore> remote_store_;
  service::KvTables kv_tables_;
  std::unique_ptr<kv::StoreFactory> stores_;
  std::unique_ptr<tablet::Engine> engine_;
  std::unique_ptr<upkeep::DroppedData> dropped_data_;
  std::unique_ptr<upkeep::TimeZones> zones_;
  std::unique_ptr<upkeep::AutoPartition> auto_partition_;
  std::unique_ptr<runtime::Shards> shards_;
  std::vector<runtime::Executor*> executors_;
  std::unique_ptr<query::Environment> query_;
  std::unique_ptr<sql::Engine> sql_;
};

void LocalDirectory::Remove(const catalog::Table& table, std::optional<PartitionId> partition,
                            runtime::Executor& home) {
  if (partition) {
    dropped_data_->Remove({table.id, *partition}, upkeep::BucketsOf(table, *partition), home);
  } else {
    dropped_data_->Remove({table.id}, upkeep::BucketsOf(table), home);
  }
}

}  // namespace

arrow::Result<std::unique_ptr<cli::SqlDirectory>> OpenSqlDirectory(const std::string& data, const std::string& config) {
  ServeOptions options;
  if (!config.empty()) {
    io::PosixFileSystem fs;
    ARROW_ASSIGN_OR_RAISE(const std::string text, io::ReadFile(fs, config));
    const arrow::Status applied = ApplyConfig(text, options);
    if (!applied.ok()) return Error(CodeOf(applied), "{}: {}", config, applied.message());
  }
  if (!data.empty()) options.data_directory = data;
  ARROW_RETURN_NOT_OK(FinishOptions("", options));
  auto directory = std::make_unique<LocalDirectory>(std::move(options));
  ARROW_RETURN_NOT_OK(directory->Open());
  return directory;
}

}  // namespace thalweg::app
