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

// The engine's side of remote storage: who copies, and how what is there is read.

namespace thalweg::tablet {
namespace {

// Of one bucket at a time: batches out of remote storage are held in memory until they are sent.
constexpr uint64_t kRemoteReadBytesMax = 4 << 20;
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
  const auto buckets = [this] {
    std::vector<std::shared_ptr<BucketStore>> found;
    std::lock_guard lock(stores_mutex_);
    for (const auto& [bucket, store] : stores_) {
      if (store->MayTier()) found.push_back(store);
    }
    return found;
  };
  const auto finish_drops = [this] {
    const arrow::Status status =
        FinishRemoteDrops(environment_.fs, *options_.tiering.store, stores_environment_.remote_drops);
    if (!status.ok()) {
      options_.report("Remote data of a dropped table could not be removed and will be tried again: " +
                      status.message());
    }
  };
  tierer_ = std::make_unique<Tierer>(
      environment_.clock, environment_.pool, options_.tiering,
      Tierer::Hooks{.buckets = buckets, .round_begins = finish_drops, .report = options_.report});
  tierer_->Start();
}

void Engine::ReadRemote(const BucketStore& store, const ReadRequest& request, ReadResult& result) const {
  const LogOffset from = result.first;
  const auto manifest = store.tier() ? store.tier()->manifest() : nullptr;
  const size_t at = manifest ? manifest->Find(from) : 0;
  if (!manifest || at == manifest->segments.size()) {
    result.status =
        Error(ErrorCode::kLogOffsetOutOfRange, "Offset {} of {} is not there any more: the log begins at {}.", from,
              request.bucket, store.start());
    return;
  }
  const std::string folder = remote::TabletFolder(manifest->names, manifest->bucket);
  const remote::RemoteSegment& segment = manifest->segments[at];
  const std::string& root = options_.tiering.store->public_root();
  if (request.takes_remote && !root.empty() && segment.end <= result.high_watermark) {
    const auto position = remote_reader_->PositionOf(folder, segment, from);
    result.status = position.status();
    if (!position.ok()) return;
    RemoteRange range{
        .folder = root + "/" + folder, .partition = manifest->names.partition, .first_position = *position};
    for (size_t i = at; i < manifest->segments.size() && range.segments.size() < kSegmentsTold; ++i) {
      if (manifest->segments[i].end > result.high_watermark) break;
      range.segments.push_back(manifest->segments[i]);
    }
    result.next = range.segments.back().end;
    result.data = std::move(range);
    return;
  }
  const uint64_t bytes_max = std::min(request.bytes_max, kRemoteReadBytesMax);
  auto read = remote_reader_->Read(folder, segment, from, std::min(segment.end, result.high_watermark), bytes_max,
                                   request.statistics);
  result.status = read.status();
  if (!read.ok() || read->batches.empty()) return;
  if (read->bytes > request.bytes_max && !request.at_least_one) return;
  MemoryRange memory;
  for (auto& batch : read->batches) memory.runs.push_back({std::move(batch.bytes), AsRun(batch.statistics)});
  result.first = read->first;
  result.next = read->next;
  result.bytes = read->bytes;
  result.data = std::move(memory);
}

arrow::Result<std::optional<LogOffset>> Engine::RemoteOffsetForTimestamp(const BucketStore& store,
                                                                         int64_t timestamp_ms) const {
  if (!store.tier()) return std::nullopt;
  const auto manifest = store.tier()->manifest();
  const auto segment = std::ranges::find_if(
      manifest->segments, [&](const remote::RemoteSegment& s) { return s.max_timestamp_ms >= timestamp_ms; });
  if (segment == manifest->segments.end() || segment->start >= store.log()->start()) return std::nullopt;
  return remote_reader_->OffsetForTimestamp(remote::TabletFolder(manifest->names, manifest->bucket), *segment,
                                            timestamp_ms);
}

}  // namespace thalweg::tablet
