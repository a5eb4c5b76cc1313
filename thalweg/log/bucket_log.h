#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/io/file.h"
#include "thalweg/io/file_system.h"
#include "thalweg/log/closed_segment.h"
#include "thalweg/log/index_cache.h"
#include "thalweg/log/open_files.h"
#include "thalweg/log/recovery_point.h"
#include "thalweg/log/writer_state.h"

namespace thalweg::log {

class Segment;
class SegmentIndex;

/// One whole batch of magic 0 whose base offset and commit timestamp are assigned, and the statistics that came with it
/// (empty where none). Commit timestamps do not go back within a bucket.
struct LogBatch {
  Bytes batch;
  Bytes statistics;
};

struct LogOptions {
  /// A segment is closed before it would grow beyond this; a larger batch gets a segment of its own. Below 2 GiB.
  uint64_t segment_bytes_max = 1ull << 30;
  /// At least so many bytes lie between two index entries; more in a segment with very many small batches (segment.h).
  uint32_t index_interval_bytes = 4096;
  WriterStateOptions writers;
};

enum class ReadMode { kMayBlock, kNoWait };

/// What Rewind does with segment files whose content it gives up.
enum class Abandoned {
  kSetAside,  ///< renamed, for who wants to know what a failing device made of them
  kRemoved,   ///< the device was full: nothing is wrong with it, and it needs the room
};

/// Whole batches that stand one behind the other in one segment file. Empty: `bytes` is 0, `file` may be null.
struct LogRange {
  std::shared_ptr<io::File> file;
  uint64_t position = 0;
  uint64_t bytes = 0;
  LogOffset first;  ///< base offset of the first batch, at or below the offset asked for
  LogOffset next;   ///< behind the last batch: where to go on
};

/// The log of one bucket in a folder of its own:
///
///   00000000000000000000.log        batches, byte for byte as readers get them      segment.h
///   00000000000000000000.index      offset → position, sparse                       segment_index.h
///   00000000000000000000.timeindex  commit time → offset, sparse                    segment_index.h
///   00000000000000000000.stats      statistics of batches, where there are any      statistics_file.h
///   00000000000000004711.log …      the name is the base offset, 20 digits
///   *.suspect, *.suspect1 …         set aside by Rewind or Open; never read again
///
/// Appended means visible to Locate; only what lies before the end of a point that Sync returned is durable. The caller
/// makes batches durable elsewhere first (journal) or Syncs before it acknowledges.
///
/// Errors: LOG_OFFSET_OUT_OF_RANGE for offsets outside [start, end]; LOG_STORAGE for those that a Rewind took back, and
/// where the files contradict what was acknowledged (missing, shorter, damaged), with nothing changed; STORAGE and
/// DISK_WRITE_LOCKED from the device.
///
/// Invariants:
/// 1. Segments adjoin: each ends where the next begins, whatever bytes follow in its file.
/// 2. Before a segment file is created, all before it is durable. So damage in any but the last one is no torn tail.
/// 3. After Append, WriteBack or Sync failed nothing is appended until Rewind; readers may go on below the last point's end.
/// 4. Segments are dropped oldest first, each removal durable before the next, never the one of the last RecoveryPoint.
/// 5. A LogRange stays readable as long as somebody holds it, DropBefore and Remove notwithstanding.
///
/// Thread safety: Append, WriteBack, Sync, Rewind, DropBefore, Remove and writers() are for one caller at a time ("the writer");
/// all others may be called by any thread at the same time. Calls block on the disk unless kNoWait says otherwise.
class BucketLog {
 public:
  /// Opens the log in `dir`; the folder is made with the first segment. `fs`, `files`, `indexes` outlive the log. Without
  /// a tail beyond `known` no file is opened. From `known` (from the start where null) batches are scanned: CRC, dense
  /// offsets. What is torn at the end of the last segment is cut, segments that do not adjoin are set aside, both are
  /// reported. LOG_STORAGE, nothing changed: a file is missing or shorter than `known` says, a batch before the last
  /// segment is damaged.
  static arrow::Result<std::unique_ptr<BucketLog>> Open(io::FileSystem& fs, OpenFiles& files, IndexCache& indexes,
                                                        std::string dir, const LogOptions& options,
                                                        const RecoveryPoint* known, RecoveryReport* report);
  ~BucketLog();
  BucketLog(const BucketLog&) = delete;

  /// Writes the batches behind the end: one write per segment touched, new segments where full. Offsets must be dense
  /// from end(). Durable: nothing, except that a full segment is synced before the next begins.
  arrow::Status Append(std::span<const LogBatch> batches);

  /// Makes everything appended durable: data, statistics, the names of new files. Index files are written, not synced.
  /// Free where nothing was appended since. Persist the point before the next DropBefore.
  arrow::Result<RecoveryPoint> Sync();

  /// Has the device take at most `bytes_max` of what was appended since the last point, oldest first, so that Sync finds so
  /// much less; waits for it, and makes nothing durable. How many bytes are left to take. Errors as Sync's.
  arrow::Result<uint64_t> WriteBack(uint64_t bytes_max);

  /// After a failed Append, WriteBack or Sync: gives up what lies at and beyond point.end and starts a new segment file there,
  /// which is durable on return. `point` is the last one that Sync returned (or that Open recovered: see last_point()).
  /// An error leaves the log closed for appends; Rewind may be tried again. LogRanges beyond point.end may come up short.
  arrow::Status Rewind(RecoveryPoint point, Abandoned abandoned = Abandoned::kSetAside);

  /// The point that the last Sync, Rewind or Open established.
  const RecoveryPoint& last_point() const { return point_; }

  LogOffset start() const;
  /// Behind the last appended batch.
  LogOffset end() const;

  /// The batches from the one that contains `from` on, inside one segment, none reaching beyond `limit` (capped to
  /// end()), at most `bytes_max` bytes, but at least one batch. Empty where `limit` allows none. With kNoWait null
  /// where the answer would have to wait for the device: call again with kMayBlock on another thread. Whether the range
  /// itself is resident is for the caller to ask the file.
  arrow::Result<std::optional<LogRange>> Locate(LogOffset from, LogOffset limit, uint64_t bytes_max, ReadMode mode);

  /// Base offset of the first batch below `limit` whose commit timestamp is at or after `timestamp_ms`; null where
  /// none.
  arrow::Result<std::optional<LogOffset>> OffsetForTimestamp(int64_t timestamp_ms, LogOffset limit);

  /// Statistics of the batch that begins at `batch_base`; empty where it came without.
  arrow::Result<Bytes> StatisticsOf(LogOffset batch_base);

  /// The first closed segment that begins at or behind `from` and ends at or before `until`; none where there is none. With an
  /// `until` at or below the segment of a point that Sync returned it is durable and will not change.
  arrow::Result<std::optional<ClosedSegment>> FindClosed(LogOffset from, LogOffset until);
  /// Where segments begin, in order; the last one is the one that is written to.
  std::vector<LogOffset> SegmentStarts() const;

  /// Removes segments that lie wholly below `offset` and before the last point's segment. start() moves first.
  arrow::Status DropBefore(LogOffset offset);

  /// Removes the folder. Only the destructor and calls on LogRanges may follow.
  arrow::Status Remove();

  /// Of all segments' batches.
  uint64_t bytes() const;
  /// Largest commit timestamp, −1 in an empty log.
  int64_t max_timestamp_ms() const;
  /// As of end(). For the writer.
  const WriterState& writers() const { return writers_; }

 private:
  friend class LogRecovery;
  using SegmentPtr = std::shared_ptr<Segment>;
  struct Place;

  BucketLog(io::FileSystem& fs, OpenFiles& files, IndexCache& indexes, std::string dir, const LogOptions& options);

  arrow::Status AppendRun(std::span<const LogBatch> batches, std::span<const format::BatchHeader> headers);
  arrow::Status Roll();
  arrow::Status CreateSegment(LogOffset base);
  arrow::Status SyncActive();
  arrow::Status SyncNames();
  void WriteActiveIndex(bool closing);
  arrow::Status AbandonFrom(LogOffset end, Abandoned abandoned);
  arrow::Result<SegmentPtr> CloseLastAt(const RecoveryPoint& point);
  arrow::Status RewriteTail(Segment& active);
  SegmentPtr Active() const;
  RecoveryPoint MakePoint() const;
  SegmentPtr SegmentOf(LogOffset offset) const;
  arrow::Result<std::shared_ptr<const SegmentIndex>> EnsureIndex(const SegmentPtr& segment, bool from_headers);
  bool FindPlace(LogOffset from, LogOffset limit, uint64_t bytes_max, Place* place);
  bool FindInSegment(LogOffset from, uint64_t bytes_max, Place* place) const;
  arrow::Result<std::optional<LogRange>> Walk(const Place& place, LogOffset from, uint64_t bytes_max, ReadMode mode);
  arrow::Result<int64_t> FirstTimestamp(const SegmentPtr& segment);
  arrow::Result<std::optional<LogOffset>> ScanForTimestamp(const SegmentPtr& segment, int64_t timestamp_ms,
                                                           bool from_headers);
  void Remember(LogOffset from, const LogRange& range, LogOffset segment);

  struct Hint {
    LogOffset offset{-1};
    LogOffset segment;
    uint64_t position = 0;
  };

  io::FileSystem& fs_;
  OpenFiles& files_;
  IndexCache& indexes_;
  const std::string dir_;
  const LogOptions options_;

  // Of the writer.
  WriterState writers_;
  RecoveryPoint point_;
  bool dirty_ = false;            ///< something was appended or created since point_
  bool names_inherited_ = false;  ///< what the process before did to names may not be durable
  uint64_t tail_from_ = 0;        ///< what Open found behind the known point in the active segment,
  uint64_t tail_to_ = 0;          ///< still to be rewritten
  uint64_t written_back_ = 0;     ///< of the active segment, what WriteBack and Sync have given to the device
  bool failed_ = false;           ///< invariant 3
  bool names_dirty_ = false;      ///< names in dir_ are not durable yet
  bool folder_dirty_ = false;     ///< nor is the name of dir_ itself

  mutable std::mutex mutex_;  ///< guards what follows; not held across I/O
  std::vector<SegmentPtr> segments_;
  LogOffset start_;
  LogOffset end_;
  LogOffset highest_end_;  ///< before a Rewind; readers may come for what is being rebuilt
  int64_t max_timestamp_ms_ = -1;
  std::array<Hint, 8> hints_;  ///< where sequential readers go on
  size_t next_hint_ = 0;
};

}  // namespace thalweg::log
