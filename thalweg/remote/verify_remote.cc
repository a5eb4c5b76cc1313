#include "thalweg/remote/verify_remote.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/remote/segment_reader.h"

namespace thalweg::remote {
namespace {

constexpr uint64_t kStepBytes = 4 << 20;
constexpr uint64_t kManifestBytesMax = 64 << 20;

class RemoteVerifier {
 public:
  RemoteVerifier(io::ObjectStore& store, const Manifest& manifest, Faults* faults, VerifiedRemote* looked_at)
      : store_(store),
        manifest_(manifest),
        folder_(TabletFolder(manifest.names, manifest.bucket)),
        faults_(faults),
        looked_at_(looked_at) {}

  arrow::Status Run() {
    for (const auto& segment : manifest_.segments) {
      ARROW_RETURN_NOT_OK(VisitFiles(segment));
      VisitBatches(segment);
      ++looked_at_->segments;
    }
    if (!manifest_.object.empty()) ARROW_RETURN_NOT_OK(VisitManifest());
    return VisitStrangers();
  }

 private:
  /// Whether each object of a segment is there, with its size.
  arrow::Status VisitFiles(const RemoteSegment& segment) {
    const std::string at = folder_ + "/" + segment.id;
    ARROW_ASSIGN_OR_RAISE(const auto found, store_.List(at));
    const auto expect = [&](const char* ending, uint64_t bytes) {
      const std::string key = SegmentKey(folder_, segment, ending);
      const auto entry = std::ranges::find_if(found, [&](const io::Entry& e) { return at + "/" + e.name == key; });
      if (entry == found.end()) {
        faults_->Add(key, std::nullopt, "missing");
      } else if (entry->size != bytes) {
        faults_->Add(key, std::nullopt, fmt::format("has {} bytes instead of {}", entry->size, bytes));
      }
    };
    expect("log", segment.bytes);
    expect("index", segment.index_bytes);
    expect("timeindex", segment.time_index_bytes);
    if (segment.statistics_bytes > 0) expect("stats", segment.statistics_bytes);
    return arrow::Status::OK();
  }

  void VisitBatches(const RemoteSegment& segment) {
    const std::string key = SegmentKey(folder_, segment, "log");
    int64_t max_timestamp_ms = -1;
    for (LogOffset at = segment.start; at < segment.end;) {
      const auto read = reader_.Read(folder_, segment, at, segment.end, kStepBytes, false);
      if (!read.ok() || read->batches.empty()) {
        const std::string why = read.ok() ? "the batch there goes beyond its segment" : read.status().message();
        return faults_->Add(key, std::nullopt, fmt::format("from offset {} on: {}", at, why));
      }
      for (const auto& batch : read->batches) {
        const auto parsed = format::ParseBatch(batch.bytes.view());
        const arrow::Status sum = parsed.ok() ? format::VerifyCrc(*parsed) : parsed.status();
        if (!sum.ok()) return faults_->Add(key, std::nullopt, fmt::format("from offset {} on: {}", at, sum.message()));
        max_timestamp_ms = std::max(max_timestamp_ms, parsed->header.commit_timestamp_ms);
        at = parsed->header.next_offset();
        ++looked_at_->batches;
      }
      looked_at_->bytes += read->bytes;
    }
    if (max_timestamp_ms != segment.max_timestamp_ms) {
      faults_->Add(key, std::nullopt, "its youngest batch has another time than its manifest says");
    }
  }

  arrow::Status VisitManifest() {
    ARROW_ASSIGN_OR_RAISE(const auto found, store_.List(io::ParentOf(manifest_.object)));
    const auto entry = std::ranges::find_if(
        found, [&](const io::Entry& e) { return io::ParentOf(manifest_.object) + "/" + e.name == manifest_.object; });
    if (entry == found.end() || entry->size > kManifestBytesMax) {
      faults_->Add(manifest_.object, std::nullopt, entry == found.end() ? "missing" : "too large");
      return arrow::Status::OK();
    }
    Buffer content(entry->size);
    const auto got = store_.ReadAt({manifest_.object, entry->size}, 0, content.view());
    if (!got.ok()) {
      faults_->Add(manifest_.object, std::nullopt, got.status().message());
    } else if (AsText(content.view().first(*got)) != EncodeManifest(manifest_)) {
      faults_->Add(manifest_.object, std::nullopt, "says something else than the server's own manifest");
    }
    return arrow::Status::OK();
  }

  arrow::Status VisitStrangers() {
    ARROW_ASSIGN_OR_RAISE(const auto found, store_.List(folder_));
    for (const auto& entry : found) {
      const bool named = entry.name == "metadata" || std::ranges::find(manifest_.segments, entry.name,
                                                                       &RemoteSegment::id) != manifest_.segments.end();
      if (!named)
        faults_->Note(folder_ + "/" + entry.name, std::nullopt, "no manifest names it: the server removes it");
    }
    return arrow::Status::OK();
  }

  io::ObjectStore& store_;
  const Manifest& manifest_;
  const std::string folder_;
  Faults* const faults_;
  VerifiedRemote* const looked_at_;
  SegmentReader reader_{store_};
};

}  // namespace

arrow::Status VerifyRemote(io::ObjectStore& store, const Manifest& manifest, Faults* faults,
                           VerifiedRemote* looked_at) {
  return RemoteVerifier(store, manifest, faults, looked_at).Run();
}

}  // namespace thalweg::remote
