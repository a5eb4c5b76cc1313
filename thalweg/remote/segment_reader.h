#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/io/object_store.h"
#include "thalweg/log/segment_index.h"
#include "thalweg/remote/manifest.h"

namespace thalweg::remote {

/// Whole batches out of remote segments, in memory.
struct RemoteBatches {
  struct Batch {
    Bytes bytes;
    Bytes statistics;  ///< empty where there are none
  };
  std::vector<Batch> batches;
  Bytes window;  ///< which all batches lie in
  uint64_t bytes = 0;
  LogOffset first;  ///< base offset of the first batch, at or below the offset asked for
  LogOffset next;   ///< behind the last
};

/// Reads segments where they lie, by ranges: of the indexes and statistics that this takes, those used last are kept, within a
/// bound in bytes. Statistics that would take much of it are not used at all.
///
/// Errors: kLogStorage where a segment does not hold what its manifest says; kStorage of the store.
/// Thread safety: all calls. They block.
class SegmentReader {
 public:
  explicit SegmentReader(io::ObjectStore& store, size_t cache_bytes_max = 64 << 20)
      : store_(store), cache_bytes_max_(cache_bytes_max) {}

  /// The batches of `segment` from the one that contains `from` on, none reaching beyond `limit`, at most `bytes_max` bytes but at
  /// least one batch. `folder` is the bucket's.
  arrow::Result<RemoteBatches> Read(const std::string& folder, const RemoteSegment& segment, LogOffset from,
                                    LogOffset limit, uint64_t bytes_max, bool with_statistics);
  /// Where in the segment's file the batch begins that contains `offset`.
  arrow::Result<uint64_t> PositionOf(const std::string& folder, const RemoteSegment& segment, LogOffset offset);
  /// Base offset of the first batch with a commit time at or after `timestamp_ms`; none where none is.
  arrow::Result<std::optional<LogOffset>> OffsetForTimestamp(const std::string& folder, const RemoteSegment& segment,
                                                             int64_t timestamp_ms);

  /// Of how many segments indexes are kept.
  size_t cached_segments() const;

 private:
  struct Side {  ///< what lies beside a segment's batches
    std::shared_ptr<const log::SegmentIndex> index;
    std::shared_ptr<const std::unordered_map<int64_t, Bytes>> statistics;  ///< by base offset; null: not loaded
    size_t bytes = 0;
  };

  arrow::Result<Side> SideOf(const std::string& folder, const RemoteSegment& segment, bool with_statistics);
  void Keep(const std::string& id, const Side& side);
  /// `bytes` bytes of the object with that ending, which has `size`.
  arrow::Result<Bytes> ReadRange(const std::string& folder, const RemoteSegment& segment, const char* ending,
                                 uint64_t size, uint64_t position, uint64_t bytes);

  io::ObjectStore& store_;
  const size_t cache_bytes_max_;

  mutable std::mutex mutex_;
  std::list<std::pair<std::string, Side>> recent_;  ///< by segment id, most recently used first
  std::unordered_map<std::string, std::list<std::pair<std::string, Side>>::iterator> places_;
  size_t cached_bytes_ = 0;
};

}  // namespace thalweg::remote
