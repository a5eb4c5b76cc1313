#include "thalweg/remote/remote_log.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"

namespace thalweg::remote {
namespace {

constexpr const char* kMetadataFolder = "metadata";

}  // namespace

std::string MakeUuid(runtime::Random& random) {
  const uint64_t high = (random.Next() & ~0xF000ull) | 0x4000ull;                        // version 4
  const uint64_t low = (random.Next() & 0x3FFFFFFFFFFFFFFFull) | 0x8000000000000000ull;  // its variant
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF, high & 0xFFFF, low >> 48,
                     low & 0xFFFFFFFFFFFFull);
}

RemoteLog::RemoteLog(io::FileSystem& fs, io::ObjectStore& store, std::string path, Manifest manifest)
    : fs_(fs),
      store_(store),
      path_(std::move(path)),
      manifest_(std::make_shared<const Manifest>(std::move(manifest))) {}

arrow::Result<std::unique_ptr<RemoteLog>> RemoteLog::Open(io::FileSystem& fs, io::ObjectStore& store,
                                                          std::string path) {
  Manifest manifest;
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(path));
  if (exists) {
    ARROW_ASSIGN_OR_RAISE(const std::string text, io::ReadFile(fs, path));
    auto decoded = DecodeManifest(text);
    if (!decoded.ok()) return decoded.status().WithMessage(path, ": ", decoded.status().message());
    manifest = std::move(decoded).ValueUnsafe();
  }
  return std::unique_ptr<RemoteLog>(new RemoteLog(fs, store, std::move(path), std::move(manifest)));
}

std::shared_ptr<const Manifest> RemoteLog::manifest() const {
  std::lock_guard lock(mutex_);
  return manifest_;
}

std::string RemoteLog::folder() const {
  const auto now = manifest();
  return TabletFolder(now->names, now->bucket);
}

arrow::Status RemoteLog::WriteLocal(const Manifest& manifest) {
  established_ = false;
  ARROW_RETURN_NOT_OK(fs_.CreateDirectories(io::ParentOf(path_)));
  const std::string text = EncodeManifest(manifest);
  ARROW_RETURN_NOT_OK(io::ReplaceFile(fs_, path_, AsBytes(text)));
  established_ = true;
  return arrow::Status::OK();
}

arrow::Status RemoteLog::Establish(const TableNames& names, const TableBucket& bucket) {
  if (established_) return arrow::Status::OK();
  // Also what was found: the process before may have been killed before it was durable.
  Manifest next = *manifest();
  if (next.names.table.empty()) {
    next.names = names;
    next.bucket = bucket;
  }
  ARROW_RETURN_NOT_OK(WriteLocal(next));
  std::lock_guard lock(mutex_);
  manifest_ = std::make_shared<const Manifest>(std::move(next));
  return arrow::Status::OK();
}

arrow::Result<RemoteSegment> RemoteLog::Upload(const log::ClosedSegment& segment, runtime::Random& random,
                                               const std::function<bool()>& go_on) {
  const std::string offsets = segment.index->EncodeOffsets();
  const std::string times = segment.index->EncodeTimes();
  RemoteSegment copy{.id = MakeUuid(random),
                     .start = segment.base,
                     .end = segment.end,
                     .max_timestamp_ms = segment.max_timestamp_ms,
                     .bytes = segment.bytes,
                     .index_bytes = offsets.size(),
                     .time_index_bytes = times.size(),
                     .statistics_bytes = segment.statistics.size()};
  const std::string to = folder();
  ARROW_RETURN_NOT_OK(store_.PutFile(SegmentKey(to, copy, "log"), *segment.file, segment.bytes, go_on));
  // Fluss's tools expect both indexes, empty ones as well.
  ARROW_RETURN_NOT_OK(store_.Put(SegmentKey(to, copy, "index"), AsBytes(offsets)));
  ARROW_RETURN_NOT_OK(store_.Put(SegmentKey(to, copy, "timeindex"), AsBytes(times)));
  if (!segment.statistics.empty()) {
    ARROW_RETURN_NOT_OK(store_.Put(SegmentKey(to, copy, "stats"), segment.statistics.view()));
  }
  return copy;
}

arrow::Status RemoteLog::Commit(std::vector<RemoteSegment> segments, runtime::Random& random) {
  const auto before = manifest();
  Manifest next = *before;
  next.segments = std::move(segments);
  next.object = ManifestKey(folder(), MakeUuid(random));
  const std::string text = EncodeManifest(next);
  ARROW_RETURN_NOT_OK(store_.Put(next.object, AsBytes(text)));
  ARROW_RETURN_NOT_OK(WriteLocal(next));
  {
    std::lock_guard lock(mutex_);
    manifest_ = std::make_shared<const Manifest>(std::move(next));
  }
  // Where this fails, a sweep does it.
  if (!before->object.empty()) (void)store_.Remove(before->object);
  return arrow::Status::OK();
}

arrow::Status RemoteLog::Remove(const std::vector<RemoteSegment>& segments) {
  const std::string from = folder();
  for (const auto& segment : segments) ARROW_RETURN_NOT_OK(store_.RemoveTree(from + "/" + segment.id));
  return arrow::Status::OK();
}

arrow::Status RemoteLog::Sweep() {
  const auto now = manifest();
  const std::string in = folder();
  ARROW_ASSIGN_OR_RAISE(const auto entries, store_.List(in));
  for (const auto& entry : entries) {
    if (entry.name == kMetadataFolder) continue;
    const bool named = std::ranges::find(now->segments, entry.name, &RemoteSegment::id) != now->segments.end();
    if (!named) ARROW_RETURN_NOT_OK(store_.RemoveTree(in + "/" + entry.name));
  }
  const std::string metadata = in + "/" + kMetadataFolder;
  ARROW_ASSIGN_OR_RAISE(const auto manifests, store_.List(metadata));
  for (const auto& entry : manifests) {
    const std::string key = metadata + "/" + entry.name;
    if (key != now->object) ARROW_RETURN_NOT_OK(store_.Remove(key));
  }
  return arrow::Status::OK();
}

arrow::Status RemoteLog::RemoveAll() {
  const auto now = manifest();
  if (now->names.table.empty()) return arrow::Status::OK();  // nothing was ever uploaded
  std::string at = folder();
  ARROW_RETURN_NOT_OK(store_.RemoveTree(at));
  // The folders of partition and table, by whoever removes the last bucket.
  for (int above = now->names.partition ? 2 : 1; above > 0; --above) {
    at = io::ParentOf(at);
    ARROW_ASSIGN_OR_RAISE(const auto left, store_.List(at));
    if (!left.empty()) break;
    ARROW_RETURN_NOT_OK(store_.RemoveTree(at));
  }
  return arrow::Status::OK();
}

}  // namespace thalweg::remote
