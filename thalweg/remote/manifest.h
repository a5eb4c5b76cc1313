#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/ids.h"
#include "thalweg/io/object_store.h"

namespace thalweg::remote {

/// How a bucket's table is called, which is where its remote data lies. A table that is dropped and made again has another id.
struct TableNames {
  std::string database;
  std::string table;
  std::optional<std::string> partition;  ///< "2026$eu"; of a partitioned table
};

/// One segment in remote storage: the batches from `start` to `end`, a whole segment of the bucket's log.
struct RemoteSegment {
  std::string id;  ///< a UUID; the name of its folder
  LogOffset start;
  LogOffset end;
  int64_t max_timestamp_ms = -1;
  uint64_t bytes = 0;
  uint64_t index_bytes = 0;       ///< of the offset index, 0 where there is none
  uint64_t time_index_bytes = 0;  ///< of the time index
  uint64_t statistics_bytes = 0;  ///< of the statistics, 0 where there are none
};

/// What of one bucket is in remote storage. In Fluss's own format (version 1, JSON), so that its tools read it; what Fluss
/// does not know stands in members that it skips. Written twice: as an object beside the segments, and on the server's own
/// disk, where it says what counts.
///
/// Invariant: segments adjoin, oldest first.
struct Manifest {
  TableNames names;
  TableBucket bucket;
  std::vector<RemoteSegment> segments;
  std::string object;  ///< name of the object it was written to; empty before the first time

  bool empty() const { return segments.empty(); }
  LogOffset start() const { return segments.front().start; }
  LogOffset end() const { return segments.back().end; }
  uint64_t bytes() const;
  /// The position of the segment that holds `offset`; segments.size() where none does.
  size_t Find(LogOffset offset) const;
};

std::string EncodeManifest(const Manifest& manifest);
/// kStorage where it is damaged, or of a later version.
arrow::Result<Manifest> DecodeManifest(std::string_view json);

/// The folder of a bucket, as Fluss lays it out: "log/db/t-7/0", "log/db/t-7/2026-p12/0".
std::string TabletFolder(const TableNames& names, const TableBucket& bucket);
/// A file of a segment: ending "log", "index", "timeindex" or "stats".
std::string SegmentKey(const std::string& tablet_folder, const RemoteSegment& segment, std::string_view ending);
std::string ManifestKey(const std::string& tablet_folder, std::string_view id);

}  // namespace thalweg::remote
