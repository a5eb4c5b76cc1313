#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "thalweg/base/bytes.h"

namespace thalweg::log {

/// Where one batch of a segment begins.
struct IndexEntry {
  uint32_t offset_delta = 0;  ///< base offset of the batch − base offset of the segment
  uint32_t position = 0;      ///< in the segment file, bytes
  int64_t timestamp_ms = 0;   ///< largest commit timestamp up to and with this batch
};

/// The sparse index of one segment, in memory; on disk two files of big-endian entries, both ascending:
///
///   .index      | offset delta i32 | position i32     |      8 bytes an entry
///   .timeindex  | timestamp ms i64 | offset delta i32 |     12 bytes an entry; the n-th belongs to the n-th above
///
/// The files are never synced, so nothing in them is trusted: what a look-up finds must be confirmed by the batch header
/// at the position. A valid beginning is enough, the rest is made anew from the headers behind it.
///
/// An index covers the segment from its origin on, which stands for an entry that is not stored: position 0, or where
/// the writer went on after a restart. Has at most kEntriesMax entries: a full one drops every second and from then on
/// takes them twice as far apart.
///
/// Thread safety: as a std::vector.
class SegmentIndex {
 public:
  static constexpr size_t kEntriesMax = 8192;
  static constexpr size_t kOffsetEntryBytes = 8;
  static constexpr size_t kTimeEntryBytes = 12;

  SegmentIndex(IndexEntry origin, uint32_t interval_bytes) : origin_(origin), interval_bytes_(interval_bytes) {}

  /// A batch begins at `entry`, behind all added before. Stored where far enough behind the last.
  void Add(IndexEntry entry);
  /// Goes on with `later`, whose origin lies at the end of this one.
  void Extend(const SegmentIndex& later);

  const IndexEntry& origin() const { return origin_; }
  const std::vector<IndexEntry>& entries() const { return entries_; }
  const IndexEntry& last() const { return entries_.empty() ? origin_ : entries_.back(); }
  /// Grows by one whenever entries were dropped, so that files written before no longer agree.
  uint32_t thinnings() const { return thinnings_; }

  /// The last entry (or the origin) at or below. The origin too where the value lies before it: ask `origin()`.
  const IndexEntry& AtOrBelowOffset(uint64_t offset_delta) const;
  const IndexEntry& AtOrBelowPosition(uint64_t position) const;
  /// The last entry (or the origin) whose timestamp lies before.
  const IndexEntry& BeforeTimestamp(int64_t timestamp_ms) const;

  /// The files' bytes from the entry `first_entry` on.
  std::string EncodeOffsets(size_t first_entry = 0) const;
  std::string EncodeTimes(size_t first_entry = 0) const;
  /// What of the two files agrees, ascends and lies below `segment_bytes`; origin is the segment's start.
  static SegmentIndex Decode(ByteView offsets, ByteView times, uint64_t segment_bytes, uint32_t interval_bytes);

 private:
  IndexEntry origin_;
  uint32_t interval_bytes_;
  uint32_t thinnings_ = 0;
  std::vector<IndexEntry> entries_;
};

}  // namespace thalweg::log
