// What scans bring: rows of a log and current rows of a table with a primary key, read on threads of the caller's through
// ScanReader, as SQL and Flight do. Real files, RocksDB, real threads. Works in ./scan_bench.tmp, which it removes. Rates are
// rows by wall clock, all streams together; the argument is the number of streams.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "benchmark/benchmark.h"
#include "fmt/format.h"
#include "thalweg/base/check.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/catalog/embedded_meta_store.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/kv/rocksdb_store_factory.h"
#include "thalweg/query/definitions.h"
#include "thalweg/query/scan_reader.h"
#include "thalweg/query/writer.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/shards.h"
#include "thalweg/runtime/threads.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::query {
namespace {

constexpr const char* kRoot = "scan_bench.tmp";
constexpr int64_t kRows = 2'000'000;
constexpr int64_t kBatchRows = 20'000;
constexpr int kColumns = 12;
constexpr size_t kWorkers = 2;

/// c0 BIGINT (the key, where there is one), then BIGINT, DOUBLE, INT and STRING in turn.
schema::DataType TypeOf(int column) {
  if (column == 0) return schema::MakeType(schema::TypeKind::kBigInt);
  constexpr schema::TypeKind kKinds[] = {schema::TypeKind::kBigInt, schema::TypeKind::kDouble, schema::TypeKind::kInt,
                                         schema::TypeKind::kString};
  return schema::MakeType(kKinds[column % 4]);
}

schema::TableDescriptor Described(bool keyed, const std::string& compression) {
  schema::Schema::Parts parts;
  for (int i = 0; i < kColumns; ++i) parts.columns.push_back({.name = fmt::format("c{}", i), .type = TypeOf(i)});
  if (keyed) parts.primary_key = {"c0"};
  schema::TableDescriptor table;
  table.schema = schema::Schema::Make(std::move(parts)).ValueOrDie();
  table.bucket_count = 4;
  table.properties["table.log.arrow.compression.type"] = compression;
  return table;
}

std::shared_ptr<arrow::RecordBatch> RowsFrom(int64_t first) {
  arrow::ArrayVector columns;
  arrow::FieldVector fields;
  for (int c = 0; c < kColumns; ++c) {
    const auto kind = TypeOf(c).kind;
    arrow::Int64Builder longs;
    arrow::Int32Builder ints;
    arrow::DoubleBuilder doubles;
    arrow::StringBuilder texts;
    for (int64_t i = first; i < first + kBatchRows; ++i) {
      const int64_t mixed = static_cast<int64_t>(static_cast<uint64_t>(i) * 0x9E3779B1u % 1'000'003);
      if (kind == schema::TypeKind::kBigInt) TW_CHECK(longs.Append(c == 0 ? i : mixed).ok());
      if (kind == schema::TypeKind::kInt) TW_CHECK(ints.Append(static_cast<int32_t>(mixed)).ok());
      if (kind == schema::TypeKind::kDouble) TW_CHECK(doubles.Append(static_cast<double>(mixed) / 7).ok());
      if (kind == schema::TypeKind::kString) TW_CHECK(texts.Append(fmt::format("value {}", mixed)).ok());
    }
    arrow::ArrayBuilder& builder = kind == schema::TypeKind::kBigInt   ? static_cast<arrow::ArrayBuilder&>(longs)
                                   : kind == schema::TypeKind::kInt    ? static_cast<arrow::ArrayBuilder&>(ints)
                                   : kind == schema::TypeKind::kDouble ? static_cast<arrow::ArrayBuilder&>(doubles)
                                                                       : static_cast<arrow::ArrayBuilder&>(texts);
    columns.push_back(builder.Finish().ValueOrDie());
    fields.push_back(arrow::field(fmt::format("c{}", c), columns.back()->type()));
  }
  return arrow::RecordBatch::Make(arrow::schema(fields), kBatchRows, columns);
}

/// One server's storage, with a table filled.
class Bench {
 public:
  Bench() {
    TW_CHECK(fs_.RemoveTree(kRoot).ok() && fs_.CreateDirectories(kRoot).ok());
    shards_ = runtime::Shards::Start(2);
    for (size_t i = 0; i < shards_->count(); ++i) executors_.push_back(&shards_->at(i));
    const std::string root = kRoot;
    store_ = catalog::EmbeddedMetaStore::Open(fs_, root + "/meta", pool_).ValueOrDie();
    catalog_ =
        runtime::BlockOn(home(), catalog::Catalog::Open(*store_, runtime::SystemClock(), {}, home())).ValueOrDie();
    states_ = std::make_unique<kv::RocksdbStoreFactory>(
        kv::RocksdbResources::Make(fs_, {.block_cache_bytes = 64 << 20, .write_buffer_bytes = 64 << 20}), root + "/kv");
    const auto table_of = [](const catalog::Table& table) {
      return tablet::KvTable::Make(*table.descriptor, table.schemas);
    };
    tablet::EngineOptions options;
    options.directory = root;
    options.kv.stores = states_.get();
    options.kv.table_of = [this, table_of](const TableBucket& bucket) -> std::shared_ptr<const tablet::KvTable> {
      const auto table = catalog_->view()->FindTable(bucket.table);
      return table && table->descriptor->HasPrimaryKey() ? table_of(*table).ValueOr(nullptr) : nullptr;
    };
    engine_ = tablet::Engine::Open({.fs = fs_,
                                    .clock = runtime::SystemClock(),
                                    .shards = executors_,
                                    .journal_thread = journal_thread_,
                                    .pool = pool_},
                                   options, [](const TableBucket&) { return true; })
                  .ValueOrDie();
    environment_.reset(new Environment{.catalog = *catalog_,
                                       .engine = *engine_,
                                       .clock = runtime::SystemClock(),
                                       .workers = workers_,
                                       .worker_count = 2,
                                       .memory = memory_,
                                       .kv_table_of = table_of});
  }
  ~Bench() {
    workers_.Stop();
    engine_->Stop(60'000);
    shards_->Stop();
    pool_.Stop();
    journal_thread_.Stop();
    environment_.reset();
    engine_.reset();
    catalog_.reset();
    store_.reset();
    states_.reset();
    TW_CHECK(fs_.RemoveTree(kRoot).ok());
  }

  TablePtr Fill(bool keyed, const std::string& compression) {
    const std::string name = fmt::format("t_{}_{}", keyed ? "keyed" : "log", compression);
    const auto table =
        runtime::BlockOn(home(), CreateTable(user_(), {"fluss", name}, Described(keyed, compression), true, home()))
            .ValueOrDie();
    const auto writer =
        Writer::Make(user_(), {.table = table, .kind = keyed ? WriteKind::kUpsert : WriteKind::kAppend}).ValueOrDie();
    for (int64_t first = 0; first < kRows; first += kBatchRows) {
      TW_CHECK(runtime::BlockOn(home(), writer->Write(RowsFrom(first), home())).ok());
    }
    return table;
  }

  /// Reads these columns of all rows; how many rows there were.
  int64_t Read(const TablePtr& table, std::vector<int> columns, size_t streams) {
    const auto scan =
        runtime::BlockOn(home(), Scan::Open(user_(), {.table = table, .columns = std::move(columns)}, home()))
            .ValueOrDie();
    std::atomic<int64_t> rows = 0;
    std::vector<std::jthread> threads;
    for (auto& stream : scan->Split(streams)) {
      threads.emplace_back([&rows, reader = ScanReader::Make(std::move(stream))] {
        std::shared_ptr<arrow::RecordBatch> batch;
        while (true) {
          TW_CHECK(reader->ReadNext(&batch).ok());
          if (!batch) break;
          rows += batch->num_rows();
        }
      });
    }
    threads.clear();
    return rows;
  }

 private:
  runtime::Executor& home() { return *executors_[0]; }
  Session user_() { return Session(*environment_, {}); }

  io::PosixFileSystem fs_;
  runtime::ThreadExecutor journal_thread_{"journal"};
  runtime::BlockingPool pool_{16};
  runtime::BlockingPool workers_{kWorkers, "query"};
  std::unique_ptr<runtime::Shards> shards_;
  std::vector<runtime::Executor*> executors_;
  std::unique_ptr<catalog::MetaStore> store_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<kv::StoreFactory> states_;
  std::unique_ptr<tablet::Engine> engine_;
  runtime::ByteBudget memory_{256 << 20};
  std::unique_ptr<Environment> environment_;
};

void Run(benchmark::State& state, bool keyed, const std::string& compression, const std::vector<int>& columns) {
  Bench bench;
  const auto table = bench.Fill(keyed, compression);
  bench.Read(table, columns, 1);  // so that files are in memory, and rows in files
  for (auto _ : state) {
    const int64_t rows = bench.Read(table, columns, static_cast<size_t>(state.range(0)));
    TW_CHECK(rows == kRows);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * kRows);
}

void LogAllColumns(benchmark::State& state) { Run(state, false, "NONE", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}); }
void LogAllColumnsZstd(benchmark::State& state) { Run(state, false, "ZSTD", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}); }
void LogTwoColumnsZstd(benchmark::State& state) { Run(state, false, "ZSTD", {1, 2}); }
void StateTwoColumns(benchmark::State& state) { Run(state, true, "ZSTD", {1, 2}); }
void StateAllColumns(benchmark::State& state) { Run(state, true, "ZSTD", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}); }

BENCHMARK(LogAllColumns)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(LogAllColumnsZstd)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(LogTwoColumnsZstd)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(StateTwoColumns)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(StateAllColumns)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace thalweg::query

BENCHMARK_MAIN();
