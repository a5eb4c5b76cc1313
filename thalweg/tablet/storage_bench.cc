// What the storage engine does on the disk at hand: latency of acknowledgements and bytes written at a given rate, the rate
// that it reaches, and the time from kill -9 to the first answers. Real files, real threads; no network.

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "fmt/format.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/journal/aligned_memory.h"
#include "thalweg/journal/ring.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/shards.h"
#include "thalweg/runtime/threads.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::tablet {
namespace {

constexpr size_t kBatchBytes = 5000;
constexpr int kInFlightPerBucket = 5;

struct Settings {
  std::string directory = "/var/tmp/thalweg-storage-bench";
  double seconds = 4;
  double offered_mb_s = 100;
  double discard = 0;  ///< seconds at the beginning whose latencies do not count: a new ring is being made then
  std::string only;    ///< "offered", "saturated" or "restart"
  int buckets = 0;     ///< 0: 1, 16, 256 and 2,000 one after the other
};

int64_t NowNs() { return runtime::SystemClock().MonotonicNs(); }

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// write_bytes of /proc/self/io: what this process has caused to be written to devices, less what was truncated first.
uint64_t DeviceBytes() {
  std::ifstream in("/proc/self/io");
  std::string key;
  uint64_t value = 0;
  uint64_t written = 0;
  while (in >> key >> value) {
    if (key == "write_bytes:") written += value;
    if (key == "cancelled_write_bytes:") written -= value;
  }
  return written;
}

TableBucket BucketAt(int index) { return {TableId(1), kNoPartition, BucketId(index)}; }

/// One engine on real files, as the server has it.
class Bench {
 public:
  explicit Bench(const std::string& directory, FlusherOptions flusher = {}) {
    shards_ = runtime::Shards::Start(std::max(1u, std::thread::hardware_concurrency()));
    std::vector<runtime::Executor*> executors;
    for (size_t i = 0; i < shards_->count(); ++i) executors.push_back(&shards_->at(i));
    options_.directory = directory;
    options_.flusher = flusher;
    options_.report = [](const std::string& text) { fmt::print(stderr, "{}\n", text); };
    engine_ = Engine::Open({.fs = fs_,
                            .clock = runtime::SystemClock(),
                            .shards = executors,
                            .journal_thread = journal_thread_,
                            .pool = pool_},
                           options_, [](const TableBucket&) { return true; })
                  .ValueOrDie();
    template_.resize(kBatchBytes);
    for (size_t i = 0; i < kBatchBytes; ++i) template_[i] = static_cast<uint8_t>(i * 131);
    format::WriteHeaderV0({.schema_id = SchemaId(1), .attributes = format::kAppendOnlyAttribute, .record_count = 50},
                          template_);
    format::StoreCrc(template_);
  }
  ~Bench() {
    engine_->Stop(60'000);
    shards_->Stop();
    pool_.Stop();
    journal_thread_.Stop();
  }

  Engine& engine() { return *engine_; }
  runtime::Executor& ShardOf(int bucket) { return engine_->ShardOf(BucketAt(bucket)); }

  /// One append, as a request handler does it; on the bucket's shard.
  runtime::Task<bool> Append(int bucket) {
    auto owner = std::make_shared<Buffer>(kBatchBytes);
    std::memcpy(owner->data(), template_.data(), kBatchBytes);
    const MutableByteView view = owner->view();
    auto request = AppendRequest::Make(std::move(owner), view, 1 << 20);
    const auto appended = co_await engine_->Append(BucketAt(bucket), std::move(request).ValueUnsafe(), true, 30'000,
                                                   engine_->ShardOf(BucketAt(bucket)));
    co_return appended.ok();
  }

  void WarmUp(int buckets) {
    std::atomic<int> left = buckets;
    for (int b = 0; b < buckets; ++b) runtime::SpawnOn(ShardOf(b), CountDown(b, left));
    while (left > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

 private:
  runtime::Task<void> CountDown(int bucket, std::atomic<int>& left) {
    co_await Append(bucket);
    --left;
  }

  io::PosixFileSystem fs_;
  runtime::ThreadExecutor journal_thread_{"journal"};
  runtime::BlockingPool pool_{16};
  std::unique_ptr<runtime::Shards> shards_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  std::vector<uint8_t> template_;
};

void EmptyDirectory(const std::string& directory) {
  io::PosixFileSystem fs;
  if (const auto status = fs.RemoveTree(directory); !status.ok()) fmt::print(stderr, "{}\n", status.message());
}

/// Of all files in the journal's folder: what was zeroed once, which is no cost of an append.
uint64_t RingBytes(const std::string& directory) {
  io::PosixFileSystem fs;
  uint64_t bytes = 0;
  const auto entries = fs.List(directory + "/journal");
  if (!entries.ok()) return 0;
  for (const auto& entry : *entries) bytes += entry.size;
  return bytes;
}

double Percentile(std::vector<int64_t>& sorted, double share) {
  return static_cast<double>(sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))]) / 1e6;
}

/// What the device itself takes for a synced write of 64 KiB: no acknowledgement can be faster.
void Device(const Settings& settings) {
  constexpr size_t kBytes = 64 << 10;
  EmptyDirectory(settings.directory);
  io::PosixFileSystem fs;
  journal::Ring ring(fs, {.directory = settings.directory});
  if (!fs.CreateDirectories(settings.directory).ok()) return;
  auto file = ring.Prepare(1, 4 << 20).ValueOrDie();
  const journal::AlignedMemory memory(kBytes);
  std::memset(memory.data(), 7, kBytes);
  std::vector<int64_t> took;
  for (uint64_t i = 0; i < 300; ++i) {
    const int64_t start = NowNs();
    if (!file.file->WriteDurable(i % 60 * kBytes, {memory.data(), kBytes}).ok()) return;
    took.push_back(NowNs() - start);
  }
  std::ranges::sort(took);
  double loads[1] = {0};
  getloadavg(loads, 1);
  fmt::print("device     64 KiB written and synced: p50 {:.2f} ms, p99 {:.2f} ms; {} cores, load {:.1f}\n",
             Percentile(took, 0.5), Percentile(took, 0.99), std::thread::hardware_concurrency(), loads[0]);
  std::fflush(stdout);
}

struct Load {
  std::vector<std::atomic<int64_t>> latency_ns;
  std::atomic<uint64_t> answered = 0;
  std::atomic<uint64_t> failed = 0;
  std::atomic<int64_t> last_ns = 0;
  explicit Load(size_t requests) : latency_ns(requests) {}
};

runtime::Task<void> TimedAppend(Bench& bench, int bucket, Load& load, size_t index, int64_t due_ns) {
  const bool ok = co_await bench.Append(bucket);
  const int64_t now = NowNs();
  load.latency_ns[index] = now - due_ns;
  if (!ok) ++load.failed;
  load.last_ns = now;
  ++load.answered;
}

runtime::Task<void> ClosedLoop(Bench& bench, int bucket, int64_t until_ns, std::atomic<uint64_t>& done,
                               std::atomic<int>& running) {
  while (NowNs() < until_ns) {
    if (co_await bench.Append(bucket)) ++done;
  }
  --running;
}

/// Open loop: five batches every 5 × 5 kB / rate, whether or not answers came; latency counts from when each was due.
void Offered(const Settings& settings, int buckets) {
  EmptyDirectory(settings.directory);
  const auto requests =
      static_cast<size_t>((settings.discard + settings.seconds) * settings.offered_mb_s * 1e6 / kBatchBytes) / 5 * 5;
  const double interval_ns = 5 * kBatchBytes / (settings.offered_mb_s * 1e6) * 1e9;
  Load load(requests);
  double cpu = 0;
  uint64_t device = 0;
  int64_t start = 0;
  {
    Bench bench(settings.directory);
    bench.WarmUp(buckets);
    std::this_thread::sleep_for(std::chrono::seconds(1));
    device = DeviceBytes();
    cpu = CpuSeconds();
    start = NowNs();
    for (size_t i = 0; i < requests; i += 5) {
      const int64_t due = start + static_cast<int64_t>(static_cast<double>(i / 5) * interval_ns);
      if (const int64_t wait = due - NowNs(); wait > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(wait));
      for (size_t j = i; j < i + 5; ++j) {
        const int bucket = static_cast<int>(j % static_cast<size_t>(buckets));
        runtime::SpawnOn(bench.ShardOf(bucket), TimedAppend(bench, bucket, load, j, due));
      }
    }
    while (load.answered < requests) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  cpu = CpuSeconds() - cpu;
  device = DeviceBytes() - device;
  const double bytes = static_cast<double>(requests) * kBatchBytes;
  const auto made = static_cast<double>(RingBytes(settings.directory));
  const auto discarded = static_cast<ptrdiff_t>(settings.discard * settings.offered_mb_s * 1e6 / kBatchBytes);
  std::vector<int64_t> sorted(load.latency_ns.begin() + discarded, load.latency_ns.end());
  std::ranges::sort(sorted);
  fmt::print(
      "offered {:.0f} MB/s  {:>5} buckets: achieved {:.0f} MB/s, p50 {:.2f} ms, p99 {:.2f} ms, max {:.1f} ms, "
      "CPU {:.1f} s/GB, device {:.2f} bytes/byte (+{:.2f} zeroing the ring once), failed {}\n",
      settings.offered_mb_s, buckets, bytes / static_cast<double>(load.last_ns - start) * 1e3, Percentile(sorted, 0.5),
      Percentile(sorted, 0.99), Percentile(sorted, 1), cpu / bytes * 1e9, (static_cast<double>(device) - made) / bytes,
      made / bytes, load.failed.load());
  std::fflush(stdout);
}

/// Closed loop: five in flight per bucket.
void Saturated(const Settings& settings, int buckets) {
  EmptyDirectory(settings.directory);
  std::atomic<uint64_t> done = 0;
  std::atomic<int> running = buckets * kInFlightPerBucket;
  Bench bench(settings.directory);
  bench.WarmUp(buckets);
  const double cpu = CpuSeconds();
  const int64_t start = NowNs();
  const int64_t until = start + static_cast<int64_t>(settings.seconds * 1e9);
  for (int b = 0; b < buckets; ++b) {
    for (int i = 0; i < kInFlightPerBucket; ++i) {
      runtime::SpawnOn(bench.ShardOf(b), ClosedLoop(bench, b, until, done, running));
    }
  }
  while (running > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const double bytes = static_cast<double>(done) * kBatchBytes;
  const auto stats = bench.engine().stats();
  fmt::print(
      "saturated  {:>5} buckets: {:.0f} MB/s, CPU {:.1f} s/GB, {} ring stalls, {:.0f} kB a group, sync {:.2f} ms\n",
      buckets, bytes / static_cast<double>(NowNs() - start) * 1e3, (CpuSeconds() - cpu) / bytes * 1e9,
      stats.journal.ring_stalls,
      static_cast<double>(stats.journal.device_bytes) / 1e3 / static_cast<double>(stats.journal.groups),
      static_cast<double>(stats.journal.sync_ns_total) / 1e6 / static_cast<double>(stats.journal.groups));
  std::fflush(stdout);
}

/// In a process of its own: fills the ring to 90 % with nothing checkpointed, and ends as kill -9 does.
[[noreturn]] void FillAndDie(const Settings& settings, int buckets) {
  {
    Bench bench(settings.directory);
    bench.WarmUp(buckets);
  }
  Bench bench(settings.directory, {.sync_delay_ns = 3'600'000'000'000});
  std::atomic<uint64_t> done = 0;
  std::atomic<int> running = buckets;
  for (int b = 0; b < buckets; ++b) {
    runtime::SpawnOn(bench.ShardOf(b), ClosedLoop(bench, b, INT64_MAX, done, running));
  }
  while (bench.engine().stats().journal.live_bytes < bench.engine().stats().journal.bytes_max * 88 / 100) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  fmt::print("filled     {:>5} buckets: {} MB in the journal, killed\n", buckets,
             bench.engine().stats().journal.live_bytes / 1'000'000);
  std::fflush(stdout);
  _exit(0);
}

void Restart(const Settings& settings, const char* self, int buckets) {
  EmptyDirectory(settings.directory);
  const std::string command = fmt::format("'{}' --fill {} --directory '{}'", self, buckets, settings.directory);
  if (std::system(command.c_str()) != 0) {
    fmt::print(stderr, "{} failed\n", command);
    return;
  }
  const int64_t start = NowNs();
  Bench bench(settings.directory);
  const int64_t opened = NowNs();
  const auto read = [](Bench& b) -> runtime::Task<uint64_t> {
    const ReadResult result =
        co_await b.engine().Read({.bucket = BucketAt(0), .from = kEarliest, .bytes_max = 1 << 20}, b.ShardOf(0));
    co_return result.bytes;
  };
  const uint64_t bytes = runtime::BlockOn(bench.ShardOf(0), read(bench));
  const bool appended = runtime::BlockOn(bench.ShardOf(0), bench.Append(0));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print(
      "restart    {:>5} buckets: open {:.2f} s, with a read ({} kB) and an append ({}) {:.2f} s, {} MB memory at "
      "most\n",
      buckets, static_cast<double>(opened - start) / 1e9, bytes / 1000, appended ? "acknowledged" : "refused",
      static_cast<double>(NowNs() - start) / 1e9, usage.ru_maxrss / 1000);
  std::fflush(stdout);
}

int Main(int argc, char** argv) {
  Settings settings;
  int fill = 0;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (name == "--help" || !value) {
      fmt::print(
          "usage: {} [--directory DIR] [--seconds S] [--offered MB/S] [--discard S] "
          "[--only offered|saturated|restart] [--buckets N]\n"
          "DIR is emptied; 3 GB are needed.\n",
          argv[0]);
      return name == "--help" ? 0 : 2;
    }
    if (name == "--directory") settings.directory = value;
    if (name == "--seconds") settings.seconds = std::atof(value);
    if (name == "--offered") settings.offered_mb_s = std::atof(value);
    if (name == "--discard") settings.discard = std::atof(value);
    if (name == "--only") settings.only = value;
    if (name == "--buckets") settings.buckets = std::atoi(value);
    if (name == "--fill") fill = std::atoi(value);
  }
  if (fill > 0) FillAndDie(settings, fill);
  Device(settings);
  const auto wanted = [&](std::string_view part) { return settings.only.empty() || settings.only == part; };
  const auto counts = [&](std::vector<int> usual) {
    return settings.buckets > 0 ? std::vector{settings.buckets} : usual;
  };
  for (const int buckets : counts({1, 16, 256, 2000})) {
    if (wanted("offered")) Offered(settings, buckets);
  }
  for (const int buckets : counts({1, 16, 256, 2000})) {
    if (wanted("saturated")) Saturated(settings, buckets);
  }
  for (const int buckets : counts({256, 2000})) {
    if (wanted("restart")) Restart(settings, argv[0], buckets);
  }
  EmptyDirectory(settings.directory);
  return 0;
}

}  // namespace
}  // namespace thalweg::tablet

int main(int argc, char** argv) { return thalweg::tablet::Main(argc, argv); }
