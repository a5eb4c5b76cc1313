#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/io/file_system.h"
#include "thalweg/journal/aligned_memory.h"
#include "thalweg/journal/record.h"
#include "thalweg/journal/replay.h"
#include "thalweg/journal/ring.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/executor.h"

namespace thalweg::journal {

enum class Durability { kSynced, kPageCache };

struct JournalOptions {
  RingOptions ring;
  uint64_t group_bytes_max = 8ull << 20;
  uint64_t direct_bytes_min =
      256ull << 10;                 ///< a bucket that brings this much in one group goes to its segment at once
  int64_t window_ns_min = 200'000;  ///< bounds of the commit window while there is a queue; none when idle
  int64_t window_ns_max = 2'000'000;
  Durability durability = Durability::kSynced;
  /// Asked before the ring grows by so many bytes; where it is refused, appends wait for a file to become free. Not asked
  /// where no file could take the group at hand. Any thread.
  std::function<bool(uint64_t bytes)> may_grow = [](uint64_t) { return true; };
  std::function<void(std::string)> report = [](std::string) {};  ///< what a person should know; any thread
};

/// What one bucket gains: whole log batches [first, first + count), offsets assigned.
struct Entry {
  TableBucket bucket;
  LogOffset first;
  uint32_t count = 0;
  Bytes batches;
  Bytes statistics;               ///< as the caller encodes them; come back at replay
  std::shared_ptr<void> context;  ///< the caller's own
  uint64_t sequence = 0;          ///< set when it is committed: what Release speaks of
  bool direct = false;            ///< set when it went to its segment, with only a descriptor here
  /// It is journaled whatever its size: its segment could not take it, or (the caller's choice) has much to take before.
  bool journal_only = false;
};

/// What the journal does with entries once it knows their fate. Called on the journal's executor, in commit order; for
/// entries of one bucket that is the order of Append. Only an Append that is refused at once calls Failed itself.
class CommitSink {
 public:
  virtual ~CommitSink() = default;
  /// All of `group` is durable.
  virtual void Committed(std::vector<Entry> group) = 0;
  /// `group` was not made durable and never will be: the journal has failed, or is closing. It may or may not come back
  /// at the next replay, whole.
  virtual void Failed(std::vector<Entry> group, const arrow::Status& why) = 0;
  /// Write these entries of one bucket to its segment, behind all that was committed before, sync it, then call `done` from
  /// any thread. At most one such call per bucket is under way. After a failure the entries are journaled instead.
  virtual void WriteDirect(std::vector<Entry> entries,
                           std::move_only_function<void(std::vector<Entry>, arrow::Status)> done) = 0;
};

/// What one journal has done since it was opened, and where it stands.
struct JournalStats {
  uint64_t groups = 0;
  uint64_t entries = 0;
  uint64_t entry_bytes = 0;   ///< batches and statistics handed in
  uint64_t device_bytes = 0;  ///< written to journal files, padding included
  uint64_t direct_bytes = 0;  ///< of entry_bytes, those that went to segments at once
  uint64_t live_bytes = 0;
  uint64_t bytes_max = 0;
  uint64_t ring_stalls = 0;  ///< commits that had to wait for a free file
  int64_t sync_ns_average = 0;
  uint64_t sync_ns_total = 0;
};

/// The write-ahead journal of one device: entries of all buckets, made durable in groups, one synced write per group.
///
/// Invariants: 1. Committed is called for an entry only after its group (or its segment and its descriptor's group) is
/// durable. 2. Entries of one bucket are committed in the order of Append. 3. After a failed write nothing is committed any
/// more, and the write is not tried again: what reached the device is unknown. 4. A file is reused only after Release.
/// Thread safety: Append, Release, stats, pressure and failure from any thread; Open and Close from one.
class Journal {
 public:
  /// Replays what `ring.directory` holds from `from_sequence` on, then is ready for appends. `thread` is one thread that
  /// may block; `pool` prepares files.
  static arrow::Result<std::unique_ptr<Journal>> Open(io::FileSystem& fs, const runtime::Clock& clock,
                                                      runtime::Executor& thread, runtime::Executor& pool,
                                                      const JournalOptions& options, uint64_t from_sequence,
                                                      CommitSink& sink, const RecordVisitor& visitor);
  ~Journal();

  void Append(Entry entry);

  /// Records below `sequence` are not needed any more.
  void Release(uint64_t sequence);

  /// Refuses what comes. What is queued is still committed, as far as the ring has room for it; the rest fails. Does not
  /// wait.
  void BeginClose();
  /// There may be room for a further file again: what waits for one tries once more.
  void RetryGrowth();

  /// BeginClose, then waits until nothing is under way. Blocks; not from the journal's own executor.
  void Close();

  /// Visits the committed records of `bucket` that are still in the ring, from offset `from` on. Blocks.
  arrow::Status ReadBack(const TableBucket& bucket, LogOffset from, const RecordVisitor& visitor);

  JournalStats stats() const;
  /// Share of the ring that is in use, 0 to 1.
  double pressure() const;
  /// What Open found unreadable among committed records.
  const std::vector<std::string>& damage() const { return damage_; }
  /// Of a file that is being made, which takes its room on the device bit by bit.
  uint64_t preparing_bytes() const { return preparing_bytes_; }
  /// OK until a write fails; then why.
  arrow::Status failure() const;
  /// The sequence that the next committed record gets at least.
  uint64_t next_sequence() const;

 private:
  /// One bucket's large entries are on their way to its segment; what follows waits here.
  struct Lane {
    std::deque<Entry> waiting;
  };

  Journal(io::FileSystem& fs, const runtime::Clock& clock, runtime::Executor& thread, runtime::Executor& pool,
          const JournalOptions& options, CommitSink& sink);

  arrow::Status Recover(uint64_t from_sequence, const RecordVisitor& visitor);
  void NoteDamage(const Damage& damage);
  void ScheduleLocked(int64_t delay_ns);
  void EndWorkLocked();  // one less in flight
  void RunOnce();
  std::vector<Entry> TakeLocked();
  std::vector<Entry> DivertLarge(std::vector<Entry> group);
  void StartDirect(const TableBucket& bucket, std::vector<Entry> entries, std::deque<Entry> behind);
  void DirectDone(std::vector<Entry> entries, const arrow::Status& status);
  void Commit(std::vector<Entry> group);
  bool EnsureRoom(std::vector<Entry>& group, size_t bytes);
  void PushFrontLocked(std::deque<Entry> entries);
  void PrepareAheadLocked();
  void RemoveSurplusLocked();
  size_t BuildGroup(std::vector<Entry>& group);
  arrow::Status WriteGroup(size_t bytes);
  void Publish(std::vector<Entry> group, size_t bytes, int64_t sync_ns);
  void FailAll(const arrow::Status& why, std::vector<Entry> group);

  io::FileSystem& fs_;
  const runtime::Clock& clock_;
  runtime::Executor& thread_;
  runtime::Executor& pool_;
  const JournalOptions options_;
  CommitSink& sink_;

  // Touched on the journal's thread only.
  AlignedMemory group_memory_;
  std::vector<Entry> held_;  // a group that waits for room in the ring
  std::unordered_map<TableBucket, Lane> lanes_;
  uint64_t epoch_ = 1;
  std::vector<std::string> damage_;

  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::deque<Entry> queue_;
  bool scheduled_ = false;
  bool stalled_ = false;    // held_ waits for a free file
  size_t queue_bytes_ = 0;  // of records that queue_ makes
  size_t held_bytes_ = 0;   // of held_, where stalled_
  bool preparing_ = false;
  std::atomic<uint64_t> preparing_bytes_{0};
  bool prepare_failed_ = false;  // the last time
  bool closing_ = false;
  int in_flight_ = 0;  // work posted to thread_ or pool_ that still refers to this
  arrow::Status failure_;
  Ring ring_;
  uint64_t next_sequence_ = 1;
  JournalStats stats_;
};

}  // namespace thalweg::journal
