#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/io/file_system.h"
#include "thalweg/journal/journal.h"
#include "thalweg/log/bucket_log.h"
#include "thalweg/log/index_cache.h"
#include "thalweg/log/open_files.h"
#include "thalweg/tablet/bucket_tier.h"
#include "thalweg/tablet/entrance.h"
#include "thalweg/tablet/tiering.h"

namespace thalweg::tablet {

/// What the files of all buckets share.
struct StoreEnvironment {
  io::FileSystem& fs;
  log::OpenFiles& files;
  log::IndexCache& indexes;
  log::LogOptions log_options;
  std::string directory;     ///< of all logs
  std::string set_aside;     ///< of records that a log could not take; seldom there
  std::string remote_drops;  ///< see remote_drops.h
  TieringOptions tiering;
  TieringCounts tiering_counts{};
  uint64_t direct_bytes_min = 0;            ///< of one append that goes to the files directly in any case
  uint64_t direct_backlog_max = 0;          ///< unsynced bytes of a bucket above which no other does
  std::function<void(std::string)> report;  ///< what a person should know; any thread
  /// Of a bucket that keeps rows by key, which its log is the changelog of: the offset that they are on disk as of. None for one
  /// that keeps no rows; an error where that cannot be said. Blocks.
  std::function<arrow::Result<std::optional<LogOffset>>(const TableBucket&)> stored_rows =
      [](const TableBucket&) -> std::optional<LogOffset> { return std::nullopt; };
  std::atomic<uint64_t> unwritten_bytes{0};    ///< of all buckets
  std::atomic<bool> any_set_aside{false};      ///< some bucket has such a folder
  std::atomic<uint64_t> buckets_set_aside{0};  ///< of those, found or made so far
  std::atomic<uint64_t> recovering_bytes{0};   ///< of all buckets: replayed and not written yet
};

/// The folder of one bucket's log below `directory`, and back.
std::string BucketDirectory(const std::string& directory, const TableBucket& bucket);
std::string TableDirectory(const std::string& directory, TableId table);

/// The files of one bucket, and what is committed but not written to them yet. The journal's thread puts committed entries
/// in, the flusher writes and syncs them in its own time, very large entries come straight from the journal.
///
/// Invariants: 1. what is in the log and what is unwritten adjoin, in the order of commits; 2. `needed_sequence` never
/// exceeds the sequence of a journal record whose batches are not synced in the log; 3. after a failed write or sync nothing
/// is written until Sync has rebuilt the range from the journal; 4. the segment that the last durable checkpoint names, and
/// those behind it, are never dropped: a start would look for them.
///
/// Thread safety: AddCommitted, needed_sequence, unwritten_bytes from any thread, without waiting for the disk. The rest
/// blocks and belongs on the I/O pool: one mutex lets one of them write at a time. Readers use log() freely once open.
class BucketStore {
 public:
  /// `known`: what the checkpoint says of this bucket.
  BucketStore(const TableBucket& bucket, StoreEnvironment& environment, std::optional<log::RecoveryPoint> known);

  const TableBucket& bucket() const { return bucket_; }

  /// Opens the log, once. The same answer for all later calls: a log that could not be opened stays shut until restart.
  arrow::Status Open();

  /// Where the live end of the bucket starts from: what was recovered, whatever becomes of the files meanwhile.
  struct Recovered {
    LogOffset end;
    std::deque<journal::Entry> tail;  ///< before `end`, what is not in the files yet
    int64_t max_timestamp_ms = -1;
    log::WriterState writers;
  };
  /// Opens the log where it is not; for the one who makes the live end, once.
  arrow::Result<Recovered> TakeRecovered();
  /// The log, if Open has succeeded.
  log::BucketLog* log() const { return log_.get(); }

  /// Takes a committed entry that is not in the log. True where the flusher has to be told: it then has this bucket until
  /// StopWriting.
  bool AddCommitted(journal::Entry entry);
  /// For the flusher: gives the bucket up where nothing is unwritten. False where something is.
  bool StopWriting();

  /// Writes `bytes_min` of what is unwritten and what of an entry goes beyond, or all where that is less. The end of the log
  /// afterwards.
  arrow::Result<LogOffset> Write(uint64_t bytes_min = UINT64_MAX);
  /// Writes and syncs `entries` behind everything unwritten.
  arrow::Status WriteDirect(const std::vector<journal::Entry>& entries);
  /// Has the device take at most `bytes_max` of what Sync would have to, so that Sync holds up others for less long. Whether
  /// more than that is left to take; false after a failure, which the next Sync then mends.
  bool WriteBack(uint64_t bytes_max);
  /// Syncs what was written. After a failure the range is written again, to a new file, from `journal`.
  arrow::Status Sync(journal::Journal& journal);

  /// Gives the files up: what is committed and not synced in them goes from `journal` to the folder for what is set aside,
  /// and the bucket is shut, also for later starts. What is committed after that takes a further call.
  arrow::Status SetAside(journal::Journal& journal);
  bool shut() const { return shut_; }
  /// For the engine: since when the files have refused everything, 0 where they have not.
  int64_t failing_since_ns() const { return failing_since_ns_; }
  void NoteFailingSince(int64_t ns) { failing_since_ns_ = ns; }

  /// Replay: what the journal holds of this bucket, in order. `statistics_bytes` of `payload` are statistics.
  arrow::Status Recover(const journal::RecordHeader& header, ByteView payload);
  /// Replay: writes what Recover has gathered so far.
  arrow::Status WriteRecovered();
  /// The end of the replay: takes what Recover has gathered as if it was committed now, for the flusher to write. True where
  /// there is something.
  bool KeepRecovered();

  /// One turn of copying to remote storage; then drops what copies make superfluous here, as far as the last checkpoint needs
  /// none of it. True where there is more to copy. Opens the log where it is not. Cancelled once `go_on` says false.
  arrow::Result<bool> TierTurn(const TieringPolicy& policy, int64_t now_ms, const std::function<bool()>& go_on);
  /// Whether TierTurn might find something to do. Free to ask.
  bool MayTier() const;
  /// What is in remote storage, once open; null where nothing can be.
  BucketTier* tier() const { return tier_.get(); }
  /// The first offset that can be read, here or from remote storage. Once open.
  LogOffset start() const {
    const LogOffset local = log_->start();
    return tier_ ? tier_->StartBefore(local) : local;
  }

  /// Shuts the bucket for good and removes its files. What of it is in remote storage is noted to be removed (remote_drops.h).
  arrow::Status Remove();

  /// Whether there are segments that DropExpired might remove. Free to ask.
  bool HasOldSegments() const;
  /// Removes the oldest segments, as far as all their batches were committed before `cutoff_ms` and the last checkpoint needs
  /// none of them. Opens the log where it is not.
  arrow::Status DropExpired(int64_t cutoff_ms);
  /// Of a bucket that keeps rows: they are on disk as the changelog below `offset` makes them, so that only what follows must
  /// stay. Where nobody says so before something is to go, the state on disk is asked.
  void NoteStateStored(LogOffset offset);
  /// Who uses the state on disk enters; once the bucket is dropped nobody does.
  Entrance& state_use() { return state_use_; }
  /// A checkpoint with `point` of this bucket is durable.
  void NoteCheckpointed(const log::RecoveryPoint& point);

  /// The oldest journal record that this bucket still needs; none where everything is synced.
  std::optional<uint64_t> needed_sequence() const;
  uint64_t unwritten_bytes() const;
  /// Whether an append of `bytes` may go to the files directly. Free to ask.
  bool TakesDirect(uint64_t bytes) const {
    return bytes >= environment_.direct_bytes_min ||
           unsynced_bytes_.load(std::memory_order_relaxed) <= environment_.direct_backlog_max;
  }
  /// Whether something was written and not synced, or is not known to be.
  bool needs_sync() const;
  /// For the flusher: whether it has this bucket in its list of those to sync. Sets it; the old value.
  bool ExchangeQueuedForSync(bool queued) { return queued_for_sync_.exchange(queued); }
  /// Whether Remove was called: its table is gone.
  bool removed() const;
  /// What is synced: for the checkpoint. None for a bucket that never held anything.
  std::optional<log::RecoveryPoint> synced_point() const;

 private:
  arrow::Status OpenLocked();
  arrow::Status OpenTierLocked(const std::string& folder);
  arrow::Status CheckNotSetAside() const;
  arrow::Status WriteLocked(uint64_t bytes_min = UINT64_MAX);
  arrow::Status AppendLocked(const std::vector<journal::Entry>& entries);
  void NoteSyncFailure(const arrow::Status& why);
  void NoteWriteOutcome(const arrow::Status& status);
  arrow::Status CheckRoomToRebuild() const;
  arrow::Status RebuildLocked(journal::Journal& journal);
  void NoteRecovered();
  void NoteReplayed(const journal::RecordHeader& header);
  LogOffset InFilesAlone() const;
  void NoteSynced(const log::RecoveryPoint& point);
  void ForgetUnwrittenLocked(size_t entries);
  arrow::Result<LogOffset> NeededByState();

  const TableBucket bucket_;
  StoreEnvironment& environment_;

  std::atomic<bool> queued_for_sync_{false};
  std::atomic<bool> shut_{false};
  std::atomic<int64_t> failing_since_ns_{0};
  std::atomic<uint64_t> unsynced_bytes_{0};  ///< changes under mutex_
  std::mutex write_mutex_;                   ///< held over I/O, by pool threads only
  std::unique_ptr<log::BucketLog> log_;
  std::unique_ptr<BucketTier> tier_;  ///< as log_: set once, by Open
  bool opened_ = false;
  arrow::Status open_status_;
  bool needs_rebuild_ = false;
  bool device_was_full_ = false;        ///< that is why it needs to be rebuilt
  LogOffset written_end_;               ///< of what is committed and was handed to the log, whether or not that worked
  LogOffset opened_end_;                ///< of the log when it was opened
  LogOffset journaled_from_;            ///< of the latest run of replayed batches without a gap,
  LogOffset journaled_to_{-1};          ///< which ends here
  std::optional<Recovered> recovered_;  ///< as the start left it, but for the tail; until it is taken
  std::vector<journal::Entry> replayed_;
  uint64_t replayed_bytes_ = 0;

  Entrance state_use_;

  mutable std::mutex mutex_;  ///< guards what follows; never held over I/O
  std::optional<LogOffset> state_stored_;
  std::deque<journal::Entry> unwritten_;
  uint64_t unwritten_bytes_ = 0;
  bool queued_for_write_ = false;
  bool removed_ = false;
  bool point_wanted_ = false;                  ///< what the log held when it was opened is not known to be durable
  std::optional<uint64_t> unsynced_sequence_;  ///< of the first record that is written and not synced
  std::optional<log::RecoveryPoint> synced_;
  std::optional<LogOffset> checkpointed_segment_;  ///< of the last durable checkpoint; none where it has none of ours
};

/// The batches of an entry, each with its statistics. Entry::statistics is, for each batch, u32 LE length and the bytes;
/// or nothing at all.
arrow::Result<std::vector<log::LogBatch>> SplitEntry(const Bytes& batches, const Bytes& statistics);

}  // namespace thalweg::tablet
