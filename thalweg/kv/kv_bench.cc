/// What keyed state costs, without server and journal: rows written and read through overlay and RocksDB (CPU time is per row),
/// and what stores cost that are open and idle. Works in ./kv_bench.tmp, which it removes.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "fmt/format.h"
#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/format/row_format.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/kv/bucket_state.h"
#include "thalweg/kv/rocksdb_store_factory.h"
#include "thalweg/kv/row_merger.h"

namespace thalweg::kv {
namespace {

constexpr const char* kRoot = "kv_bench.tmp";
constexpr size_t kBatchRows = 500;
constexpr uint64_t kFlushRows = 200'000;

/// k BIGINT, n INT, t STRING; sums of n where aggregated.
schema::Schema Columns(bool aggregated) {
  schema::Column sum{.name = "n"};
  if (aggregated) sum.agg_function = schema::AggFunction{"sum", {}};
  schema::Schema::Parts parts;
  parts.columns = {{.name = "k", .type = schema::MakeType(schema::TypeKind::kBigInt)},
                   sum,
                   {.name = "t", .type = schema::MakeType(schema::TypeKind::kString)}};
  parts.primary_key = {"k"};
  return schema::Schema::Make(std::move(parts)).ValueOrDie();
}

std::vector<uint8_t> RowOf(int64_t key) {
  const std::vector<schema::DataType> types = {schema::MakeType(schema::TypeKind::kBigInt),
                                               schema::MakeType(schema::TypeKind::kInt),
                                               schema::MakeType(schema::TypeKind::kString)};
  const std::vector<format::Datum> cells = {{key}, {int64_t{7}}, {std::string(40, 'x')}};
  return format::EncodeRow(format::RowFormat::kCompacted, cells, types).ValueOrDie();
}

/// Scattered, and each number once in every 2^20.
int64_t KeyOf(uint64_t number) { return static_cast<int64_t>(number * 0x9E3779B1 & 0xFFFFF); }

struct Bench {
  explicit Bench(bool aggregated = false) : fs(std::make_unique<io::PosixFileSystem>()) {
    TW_CHECK(fs->RemoveTree(kRoot).ok() && fs->CreateDirectories(kRoot).ok());
    factory = std::make_unique<RocksdbStoreFactory>(RocksdbResources::Make(*fs, {}), kRoot);
    pool = std::make_unique<StorePool>(*factory, 256);
    state = BucketState::Open(*pool, budget, {{TableId(1), kNoPartition, BucketId(0)}, true}).ValueOrDie();
    schemas = std::make_shared<RowSchemas>(format::RowFormat::kCompacted,
                                           std::map{std::pair{SchemaId(1), Columns(aggregated)}});
    MergeRules rules;
    if (aggregated) rules.engine = schema::MergeEngine::kAggregation;
    merger = RowMerger::Make(schemas, rules, {}, nullptr).ValueOrDie();
    row = RowOf(1'000'000);
  }
  ~Bench() {
    state.reset();
    pool.reset();
    factory.reset();
    TW_CHECK(fs->RemoveTree(kRoot).ok());
  }

  void WriteBatch(uint64_t first) {
    keys.clear();
    key_bytes.resize(kBatchRows * sizeof(int64_t));
    for (size_t i = 0; i < kBatchRows; ++i) {
      uint8_t* const at = key_bytes.data() + i * sizeof(int64_t);
      StoreLittle<int64_t>(at, KeyOf(first + i));
      keys.emplace_back(at, sizeof(int64_t));
    }
    DirtyOverlay& overlay = state->overlay();
    old_rows.Reset(keys.size());
    overlay.LookupNewest(keys, &old_rows);
    TW_CHECK(state->Complete(keys, &old_rows).ok());
    LogOffset end = overlay.published();
    overlay.Begin(end);
    int64_t added = 0;
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto newest = overlay.Newest(keys[i]);
      const RowEffect effect = *merger->Upsert(SchemaId(1), row, newest ? newest->row : old_rows.At(i));
      end = end + static_cast<int64_t>(ChangeRecords(effect, schema::ChangelogImage::kFull).size());
      overlay.Put(keys[i], effect.value, end + -1);
      added += effect.rows_added();
    }
    overlay.Commit(end, added);
    overlay.Publish(end);
    if ((first / kBatchRows + 1) % (kFlushRows / kBatchRows) == 0) TW_CHECK(state->Flush().ok());
  }

  std::unique_ptr<io::FileSystem> fs;
  DirtyBudget budget{256 << 20};
  std::unique_ptr<RocksdbStoreFactory> factory;
  std::unique_ptr<StorePool> pool;
  std::shared_ptr<BucketState> state;
  std::shared_ptr<const RowSchemas> schemas;
  std::unique_ptr<RowMerger> merger;
  std::vector<uint8_t> row;
  std::vector<uint8_t> key_bytes;
  std::vector<ByteView> keys;
  RowBatch old_rows;
};

/// Scattered keys, all of them `rounds` times; the first round inserts, later ones update. A flush every 200,000 rows.
void Upserts(benchmark::State& state) {
  Bench bench(state.range(1) != 0);
  const auto rows = static_cast<uint64_t>(state.range(0)) << 20;
  for (auto iteration : state) {
    for (uint64_t i = 0; i < rows; i += kBatchRows) bench.WriteBatch(i);
  }
  state.counters["cpu_s_per_million"] = benchmark::Counter(
      static_cast<double>(rows) / 1e6, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  uint64_t disk_bytes = 0;
  const auto files = *bench.state->HoldFiles();
  for (const StateFile& file : files->files()) disk_bytes += file.bytes;
  state.counters["on_disk_mb"] = static_cast<double>(disk_bytes) / 1e6;
}
BENCHMARK(Upserts)
    ->ArgNames({"million", "aggregated"})
    ->Args({1, 0})
    ->Args({4, 0})
    ->Args({4, 1})
    ->Iterations(1)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);

/// 1 M rows, all flushed or the last in the overlay; 100 scattered keys a call.
void Lookups(benchmark::State& state) {
  Bench bench;
  for (uint64_t i = 0; i < 1 << 20; i += kBatchRows) bench.WriteBatch(i);
  if (state.range(0) != 0) TW_CHECK(bench.state->Flush().ok());
  const uint64_t first = state.range(0) != 0 ? 0 : (1 << 20) - 100'000;
  RowBatch rows;
  uint64_t number = 0;
  for (auto iteration : state) {
    bench.keys.clear();
    for (size_t i = 0; i < 100; ++i) {
      uint8_t* const at = bench.key_bytes.data() + i * sizeof(int64_t);
      StoreLittle<int64_t>(at, KeyOf(first + number++ * 7919 % 100'000));
      bench.keys.emplace_back(at, sizeof(int64_t));
    }
    TW_CHECK(bench.state->Lookup(bench.keys, &rows).ok());
    benchmark::DoNotOptimize(rows.bytes());
  }
  state.SetItemsProcessed(static_cast<int64_t>(number));
}
BENCHMARK(Lookups)->ArgName("flushed")->Arg(0)->Arg(1);

size_t OpenDescriptors(io::FileSystem& fs) { return fs.List("/proc/self/fd").ValueOrDie().size(); }

int64_t ResidentBytes(io::FileSystem& fs) {
  const auto file = fs.Open("/proc/self/statm", {}).ValueOrDie();
  uint8_t bytes[256] = {};
  TW_CHECK(file->ReadAt(0, {bytes, sizeof bytes - 1}).ok());
  const std::string text(reinterpret_cast<const char*>(bytes));
  return std::stoll(text.substr(text.find(' '))) * 4096;
}

void IdleStores(benchmark::State& state) {
  Bench bench;
  const int64_t count = state.range(0);
  const int64_t resident = ResidentBytes(*bench.fs);
  const size_t descriptors = OpenDescriptors(*bench.fs);
  std::vector<std::shared_ptr<BucketState>> states;
  for (auto iteration : state) {
    for (int64_t i = 0; i < count; ++i) {
      const TableBucket bucket{TableId(2), kNoPartition, BucketId(static_cast<int32_t>(i))};
      states.push_back(BucketState::Open(*bench.pool, bench.budget, {bucket, true}).ValueOrDie());
      DirtyOverlay& overlay = states.back()->overlay();
      overlay.Begin(LogOffset(0));
      overlay.Put(AsBytes("key"), bench.row, LogOffset(0));
      overlay.Commit(LogOffset(1), 1);
      overlay.Publish(LogOffset(1));
      TW_CHECK(states.back()->Flush().ok());
    }
  }
  const auto each = static_cast<double>(count);
  state.counters["kb_each"] = static_cast<double>(ResidentBytes(*bench.fs) - resident) / 1024 / each;
  state.counters["fds_each"] = static_cast<double>(OpenDescriptors(*bench.fs) - descriptors) / each;
  state.counters["ms_each"] =
      benchmark::Counter(each / 1e3, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(IdleStores)->Arg(200)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace thalweg::kv

BENCHMARK_MAIN();
