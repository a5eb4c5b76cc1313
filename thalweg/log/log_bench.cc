#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/log/bucket_log.h"
#include "thalweg/log/test_batches_internal.h"

// What the log costs beside the device: the page cache is written and read, nothing is synced inside the timed part.

namespace thalweg::log {
namespace {

constexpr LogOffset kNoLimit{INT64_MAX};

/// A log in a folder of its own under the working directory, removed at the end.
struct BenchLog {
  BenchLog() {
    std::filesystem::remove_all(root);
    std::filesystem::create_directories(root);
    Reopen(nullptr);
  }
  ~BenchLog() { std::filesystem::remove_all(root); }

  void Reopen(const RecoveryPoint* known) {
    log = BucketLog::Open(disk, files, indexes, root + "/0", options, known, nullptr).ValueOrDie();
  }
  void Fill(uint64_t bytes, size_t batch_bytes) {
    while (log->bytes() < bytes) {
      std::vector<LogBatch> batches;
      LogOffset next = log->end();
      for (int i = 0; i < 64; ++i) {
        batches.push_back(MakeBatch(next, {.records = 10, .body_bytes = batch_bytes, .timestamp_ms = next.value}));
        next = NextOf(batches.back());
      }
      if (!log->Append(batches).ok()) std::abort();
    }
    if (!log->Sync().ok()) std::abort();
  }

  const std::string root = "log_bench.data";
  io::PosixFileSystem disk;
  OpenFiles files{disk};
  IndexCache indexes;
  LogOptions options;
  std::unique_ptr<BucketLog> log;
};

/// Arguments: bytes of a batch, batches in one Append.
void BM_Append(benchmark::State& state) {
  BenchLog bench;
  bench.options.segment_bytes_max = 256 << 20;
  bench.Reopen(nullptr);
  const auto body = static_cast<size_t>(state.range(0));
  std::vector<std::shared_ptr<Buffer>> buffers;
  for (int64_t i = 0; i < state.range(1); ++i) {
    const LogBatch batch = MakeBatch(LogOffset(0), {.records = 10, .body_bytes = body});
    buffers.push_back(std::make_shared<Buffer>(batch.batch.size()));
    std::memcpy(buffers.back()->data(), batch.batch.data(), batch.batch.size());
  }
  std::vector<LogBatch> batches(buffers.size());
  int64_t time = 0;
  for (auto _ : state) {
    LogOffset next = bench.log->end();
    ++time;
    for (size_t i = 0; i < buffers.size(); ++i) {
      format::AssignOffset(buffers[i]->view(), next, time);
      batches[i].batch = Bytes(std::shared_ptr<const Buffer>(buffers[i]));
      next = next + 10;
    }
    if (!bench.log->Append(batches).ok()) std::abort();
    if (bench.log->bytes() > (200u << 20)) {
      state.PauseTiming();
      if (!bench.log->Remove().ok()) std::abort();
      bench.Reopen(nullptr);
      state.ResumeTiming();
    }
  }
  state.SetBytesProcessed(state.iterations() * state.range(1) * state.range(0));
}
BENCHMARK(BM_Append)->Args({5'000, 1})->Args({5'000, 64})->Args({100'000, 1})->Args({1'000'000, 1});

/// A scan: each look-up goes on where the last ended. Arguments: bytes of a batch, bytes asked for.
void BM_LocateSequential(benchmark::State& state) {
  BenchLog bench;
  bench.Fill(64 << 20, static_cast<size_t>(state.range(0)));
  LogOffset at;
  int64_t bytes = 0;
  for (auto _ : state) {
    const auto range = **bench.log->Locate(at, kNoLimit, state.range(1), ReadMode::kMayBlock);
    bytes += static_cast<int64_t>(range.bytes);
    at = range.next < bench.log->end() ? range.next : LogOffset(0);
  }
  state.counters["MB_per_call"] = static_cast<double>(bytes) / 1e6 / static_cast<double>(state.iterations());
}
BENCHMARK(BM_LocateSequential)->Args({500, 1 << 20})->Args({5'000, 1 << 20})->Args({100'000, 1 << 20});

void BM_LocateRandom(benchmark::State& state) {
  BenchLog bench;
  bench.Fill(64 << 20, static_cast<size_t>(state.range(0)));
  uint64_t noise = 1;
  for (auto _ : state) {
    noise = noise * 6364136223846793005ull + 1442695040888963407ull;
    const LogOffset at(static_cast<int64_t>((noise >> 33) % static_cast<uint64_t>(bench.log->end().value)));
    benchmark::DoNotOptimize(bench.log->Locate(at, kNoLimit, 1 << 20, ReadMode::kMayBlock));
  }
}
BENCHMARK(BM_LocateRandom)->Arg(500)->Arg(5'000)->Arg(100'000);

/// A restart of an idle bucket.
void BM_OpenIdle(benchmark::State& state) {
  BenchLog bench;
  bench.Fill(1 << 20, 5'000);
  const RecoveryPoint point = bench.log->last_point();
  for (auto _ : state) bench.Reopen(&point);
}
BENCHMARK(BM_OpenIdle);

/// A restart that has to scan everything.
void BM_OpenScan(benchmark::State& state) {
  BenchLog bench;
  bench.Fill(64 << 20, static_cast<size_t>(state.range(0)));
  for (auto _ : state) bench.Reopen(nullptr);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bench.log->bytes()));
}
BENCHMARK(BM_OpenScan)->Arg(5'000)->Arg(100'000);

}  // namespace
}  // namespace thalweg::log

BENCHMARK_MAIN();
