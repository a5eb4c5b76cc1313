#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/tablet/remote_drops.h"
#include "thalweg/tablet/row_snapshots.h"

// The engine's side of remote storage: who copies, and how what is there is read.

namespace thalweg::tablet {
namespace {

// Of one bucket at a time: batches out of remote storage are held in memory until they are sent.
constexpr uint64_t kRemoteReadBytesMax = 4 << 20;
// What it takes to look for one batch.
constexpr int64_t kSearchBytes = 64 << 10;
// So long does a read wait for memory that others have.
constexpr int64_t kRemoteWaitMs = 2'000;
// A client is told of so many segments at once; it comes back for more.
constexpr size_t kSegmentsTold = 32;

/// The statistics of one batch as an append carries them (journal::Entry).
Bytes AsRun(const Bytes& statistics) {
  if (statistics.empty()) return {};
  auto run = std::make_shared<Buffer>(4 + statistics.size());
  StoreLittle<uint32_t>(run->data(), static_cast<uint32_t>(statistics.size()));
  std::ranges::copy(statistics.view(), run->data() + 4);
  return Bytes(std::shared_ptr<const Buffer>(std::move(run)));
}

}  // namespace

void Engine::StartTiering() {
  remote_reader_ = std::make_unique<remote::SegmentReader>(*options_.tiering.store, options_.tiering.index_cache_bytes);
  remote_reads_ = std::make_unique<RemoteReads>(environment_.clock, options_.tiering.read_bytes_max, options_.report);
  const auto buckets = [this] {
    std::vector<std::shared_ptr<BucketStore>> found;
    std::lock_guard lock(stores_mutex_);
    for (const auto& [bucket, store] : stores_) {
      if (store->MayTier()) found.push_back(store);
    }
    return found;
  };
  const auto finish_drops = [this](const std::function<bool()>& go_on) {
    return FinishRemoteDrops(environment_.fs, *options_.tiering.store, stores_environment_.remote_drops, go_on);
  };
  tierer_ = std::make_unique<Tierer>(
      environment_.clock, RemotePool(), options_.tiering,
      Tierer::Hooks{.buckets = buckets, .finish_drops = finish_drops, .report = options_.report});
  tierer_->Start();
}

void Engine::StopCopying() {
  if (tierer_) tierer_->BeginStop();
  if (snapshots_) snapshots_->BeginStop();
}

void Engine::AddTieringStats(EngineStats& stats) const {
  const TieringCounts& counts = stores_environment_.tiering_counts;
  stats.remote_segments = counts.segments;
  stats.remote_bytes = counts.bytes;
  stats.copied_segments = counts.copied_segments;
  stats.copied_bytes = counts.copied_bytes;
  stats.expired_segments = counts.expired_segments;
  if (snapshots_) {
    stats.snapshots_taken = snapshots_->counts().taken;
    stats.snapshot_bytes = snapshots_->counts().copied_bytes;
    stats.snapshot_failures = snapshots_->failures();
  }
  if (!remote_reads_) return;
  stats.remote_reads = remote_reads_->reads();
  stats.remote_read_failures = remote_reads_->failures();
  stats.remote_read_memory_bytes = static_cast<uint64_t>(remote_reads_->memory_bytes());
}

runtime::Task<> Engine::ReadRemote(const BucketStore& store, const ReadRequest& request, ReadResult& result) {
  const auto manifest = store.tier() ? store.tier()->manifest() : nullptr;
  if (!manifest || manifest->Find(result.first) == manifest->segments.size()) {
    result.status =
        Error(ErrorCode::kLogOffsetOutOfRange, "Offset {} of {} is not there any more: the log begins at {}.",
              result.first, request.bucket, store.start());
    co_return;
  }
  uint64_t bytes_max = std::min(request.bytes_max, kRemoteReadBytesMax);
  if (request.remote_allowance) {
    bytes_max = request.remote_allowance->Take(bytes_max);
    if (bytes_max == 0) co_return;  // others of the same request have had it all
  }
  auto pass = co_await remote_reads_->Enter(static_cast<int64_t>(bytes_max), kRemoteWaitMs, RemotePool());
  result.status = pass.status();
  if (pass.ok()) {
    co_await runtime::EnsureOn(RemotePool());
    result.status = ReadRemoteNow(*manifest, request, bytes_max, *pass, result);
    remote_reads_->Leave(*pass, result.status);
  }
  if (request.remote_allowance) request.remote_allowance->Settle(bytes_max, result.bytes);
}

arrow::Status Engine::ReadRemoteNow(const remote::Manifest& manifest, const ReadRequest& request, uint64_t bytes_max,
                                    RemoteReads::Pass& pass, ReadResult& result) const {
  const LogOffset from = result.first;
  const size_t at = manifest.Find(from);
  const std::string folder = remote::TabletFolder(manifest.names, manifest.bucket);
  const remote::RemoteSegment& segment = manifest.segments[at];
  const std::string& root = options_.tiering.store->public_root();
  if (request.takes_remote && !root.empty() && segment.end <= result.high_watermark) {
    ARROW_ASSIGN_OR_RAISE(const uint64_t position, remote_reader_->PositionOf(folder, segment, from));
    RemoteRange range{.folder = root + "/" + folder, .partition = manifest.names.partition, .first_position = position};
    for (size_t i = at; i < manifest.segments.size() && range.segments.size() < kSegmentsTold; ++i) {
      if (manifest.segments[i].end > result.high_watermark) break;
      range.segments.push_back(manifest.segments[i]);
    }
    result.next = range.segments.back().end;
    result.data = std::move(range);
    return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(
      auto read, remote_reader_->Read(folder, segment, from, std::min(segment.end, result.high_watermark), bytes_max,
                                      request.statistics));
  if (read.batches.empty() || (read.bytes > request.bytes_max && !request.at_least_one)) return arrow::Status::OK();
  const Bytes window = pass.Hold(read.window);
  MemoryRange memory{.runs = {}, .borrowed = true};
  for (const auto& batch : read.batches) {
    const auto offset = static_cast<size_t>(batch.bytes.data() - window.data());
    memory.runs.push_back({window.Slice(offset, batch.bytes.size()), AsRun(batch.statistics)});
  }
  result.first = read.first;
  result.next = read.next;
  result.bytes = read.bytes;
  result.data = std::move(memory);
  return arrow::Status::OK();
}

runtime::Task<arrow::Result<std::optional<LogOffset>>> Engine::RemoteOffsetForTimestamp(const BucketStore& store,
                                                                                        int64_t timestamp_ms) {
  using Found = arrow::Result<std::optional<LogOffset>>;
  if (!store.tier()) co_return Found(std::nullopt);
  const auto manifest = store.tier()->manifest();
  const auto segment = std::ranges::find_if(
      manifest->segments, [&](const remote::RemoteSegment& s) { return s.max_timestamp_ms >= timestamp_ms; });
  const LogOffset local = store.log()->start();
  const bool adjoins = !manifest->empty() && manifest->end() >= local;
  if (segment == manifest->segments.end() || !adjoins || segment->start >= local) co_return Found(std::nullopt);
  TW_CO_ASSIGN_OR_RETURN(const auto pass, co_await remote_reads_->Enter(kSearchBytes, kRemoteWaitMs, RemotePool()));
  co_await runtime::EnsureOn(RemotePool());
  const Found found = remote_reader_->OffsetForTimestamp(remote::TabletFolder(manifest->names, manifest->bucket),
                                                         *segment, timestamp_ms);
  remote_reads_->Leave(pass, found.status());
  co_return found;
}

}  // namespace thalweg::tablet
