#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/ids.h"
#include "thalweg/io/file_system.h"
#include "thalweg/journal/journal.h"
#include "thalweg/kv/dirty_budget.h"
#include "thalweg/kv/store_pool.h"
#include "thalweg/log/bucket_log.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"
#include "thalweg/tablet/append.h"
#include "thalweg/tablet/bucket.h"
#include "thalweg/tablet/bucket_store.h"
#include "thalweg/tablet/disk_reserve.h"
#include "thalweg/tablet/flusher.h"
#include "thalweg/tablet/full_scans.h"
#include "thalweg/tablet/kv_bucket.h"
#include "thalweg/tablet/kv_read.h"
#include "thalweg/tablet/kv_stats.h"
#include "thalweg/tablet/kv_table.h"
#include "thalweg/tablet/read.h"
#include "thalweg/tablet/remote_reads.h"
#include "thalweg/tablet/state_flusher.h"
#include "thalweg/tablet/tierer.h"
#include "thalweg/tablet/tiering.h"

namespace thalweg::tablet {

class RowSnapshots;

struct EngineEnvironment {
  io::FileSystem& fs;
  const runtime::Clock& clock;
  std::vector<runtime::Executor*> shards;  ///< a bucket belongs to one of them
  runtime::Executor& journal_thread;       ///< one thread that may block
  runtime::Executor& pool;                 ///< may block
  /// Where remote storage is waited for, which may take long and must not keep others waiting; none: `pool`.
  runtime::Executor* remote_pool = nullptr;
};

/// Where the rows of primary-key tables are kept by key. All of it outlives the engine.
struct KvOptions {
  kv::StoreFactory* stores = nullptr;  ///< none: there are only log tables
  /// What the bucket's table is; null where it has no primary key or is gone. An error where it has one and its options cannot
  /// be read: its changelog stays as it is then. Any thread.
  std::function<arrow::Result<std::shared_ptr<const KvTable>>(const TableBucket&)> table_of;
  /// The first of `count` numbers that no row of the table got in that auto-increment column before; completes on `home`.
  std::function<runtime::Task<arrow::Result<int64_t>>(TableId table, int32_t column_id, int64_t count,
                                                      runtime::Executor& home)>
      reserve_numbers;
  runtime::Random* random = nullptr;  ///< for the ids of scans; none: the system's
  size_t open_stores_max = 256;
  int64_t dirty_bytes_max = 64ll << 20;  ///< of rows in memory that are not in the states on disk
  uint64_t hash_seed = 0;                ///< so that nobody can choose keys that collide
  uint64_t replay_bytes = 4ull << 20;    ///< of the changelog at a time
  StateFlusherOptions flusher;
  FullScanLimits scans;  ///< fewer are open where open_stores_max is small: they take at most half of the stores
};

struct EngineOptions {
  std::string directory;  ///< "journal/", "log/" and "checkpoint" go there
  journal::JournalOptions journal;
  log::LogOptions log;
  FlusherOptions flusher;
  DiskReserveOptions disk;
  TieringOptions tiering;
  SnapshotOptions snapshots;
  KvOptions kv;
  size_t open_files_max = 512;
  size_t indexes_max = 256;  ///< of closed segments, kept in memory
  /// A direct write takes all that its bucket has committed before it to the device first, and what comes after it waits. So
  /// with more than this before them, appends that are large only together go through the journal, which is sooner done
  /// though it writes twice the bytes (measured: one bucket of 5 kB appends at 100 MB/s, p99 5 ms against 107).
  uint64_t direct_backlog_max = 1ull << 20;
  uint64_t in_flight_bytes_max = 64ull << 20;  ///< per shard, accepted and not yet durable
  /// A bucket whose files have refused everything for so long is shut and its records are set aside, once it holds up others:
  /// by half of the ring, or of the memory for what is unwritten. Not where the device is full: that passes.
  int64_t give_up_ns = 30'000'000'000;
  double journal_full_share = 0.9;  ///< of the ring: no appends are admitted above it
  /// Buckets that the catalog does not know because they were dropped: the rest of their files is no news.
  std::function<bool(const TableBucket&)> dropped = [](const TableBucket&) { return false; };
  std::function<void(std::string)> report = [](std::string) {};  ///< what a person should know; any thread
};

struct EngineStats {
  journal::JournalStats journal;
  uint64_t unwritten_bytes = 0;
  uint64_t open_files = 0;
  uint64_t buckets = 0;
  uint64_t write_failures = 0;
  uint64_t sync_failures = 0;
  uint64_t buckets_set_aside = 0;  ///< shut, with records in the folder for them
  uint64_t disk_free_bytes = 0;    ///< 0 where there is no reserve to keep
  bool disk_low = false;           ///< nothing new is taken
  uint64_t disk_refusals = 0;      ///< of appends
  uint64_t tiering_failures = 0;
  uint64_t remote_segments = 0;  ///< this and the next: of buckets that were used since the start
  uint64_t remote_bytes = 0;
  uint64_t copied_segments = 0;
  uint64_t copied_bytes = 0;
  uint64_t expired_segments = 0;  ///< that are in remote storage no longer
  uint64_t remote_reads = 0;
  uint64_t remote_read_failures = 0;
  uint64_t remote_read_memory_bytes = 0;
  uint64_t snapshots_taken = 0;  ///< this and the next two: of rows by key, since the start
  uint64_t snapshot_bytes = 0;   ///< copied for them
  uint64_t snapshot_failures = 0;
  KvStats kv;
};

/// All buckets of one server: the journal in front, the files behind, the live ends in between.
///
/// An append is complete once its batches are durable in the journal (or, if large, in their segment) and visible to reads.
/// After a failed journal write nothing is accepted any more until a restart; reads go on.
///
/// Thread safety: Append, Read and the like are called on any executor and resume on `home`. By themselves they go to the
/// bucket's shard first thing, without waiting before, and at once where they are called on it; so appends of one bucket
/// take effect in the order in which one executor calls them. Stop blocks and is called from a thread that is no
/// executor's; calls still under way then end soon, with an error, and have ended before the engine goes away.
class Engine final : public journal::CommitSink {
 public:
  /// Recovers what `options.directory` holds. `exists` says which buckets the catalog knows; of the others, journal
  /// records are dropped, files are reported and left. A bucket that cannot be recovered is reported and refuses
  /// requests; the rest works.
  static arrow::Result<std::unique_ptr<Engine>> Open(const EngineEnvironment& environment, const EngineOptions& options,
                                                     const std::function<bool(const TableBucket&)>& exists);
  ~Engine() override;

  /// Where what is done with a bucket is done: calls that start and end there cost no switch.
  runtime::Executor& ShardOf(const TableBucket& bucket) const;

  struct Appended {
    LogOffset base;
    bool repeated = false;  ///< nothing was added: it had been appended before
  };
  /// `durable`: resume only when the append is durable and visible; else once it has its offsets. STORAGE after the journal
  /// failed; DISK_WRITE_LOCKED while the device has no more than the reserve; REQUEST_TIME_OUT where the engine was too busy to take it within `timeout_ms`; OUT_OF_ORDER_SEQUENCE;
  /// LOG_STORAGE of a bucket that is shut; RECORD_TOO_LARGE above what a journal file holds.
  runtime::Task<arrow::Result<Appended>> Append(TableBucket bucket, AppendRequest request, bool durable,
                                                int64_t timeout_ms, runtime::Executor& home);
  runtime::Task<ReadResult> Read(ReadRequest request, runtime::Executor& home);
  struct Reading {
    ReadRequest request;
    ReadResult result;
  };
  /// Several reads: all shards at once, each reads its buckets one after the other and is switched to once. `readings`
  /// outlive the call.
  runtime::Task<> ReadAll(std::span<Reading* const> readings, runtime::Executor& home);

  struct PutDone {
    LogOffset end;         ///< behind the changes that the batch made
    uint32_t records = 0;  ///< that were sent
    bool repeated = false;
  };
  /// Puts a batch of rows into a bucket that keeps rows by key: they are merged with what is there, and what that changed is
  /// appended to its log. Errors and `durable` as for Append; further CORRUPT_RECORD, SCHEMA_NOT_EXIST, DELETION_DISABLED, KV_STORAGE,
  /// and STORAGE_BACKPRESSURE where rows come faster than they reach the disk. A refused batch has changed nothing.
  runtime::Task<arrow::Result<PutDone>> Put(TableBucket bucket, PutRequest request, bool durable, int64_t timeout_ms,
                                            runtime::Executor& home);
  /// The rows under `keys`, all that was acknowledged before included; in `rows`, in the order of keys. Both outlive the call.
  runtime::Task<arrow::Status> Lookup(TableBucket bucket, std::span<const ByteView> keys, FoundRows& rows,
                                      runtime::Executor& home);
  /// The first rows in the order of keys, as of one moment.
  runtime::Task<arrow::Result<ScannedRows>> ScanRows(TableBucket bucket, RowScan scan, runtime::Executor& home);
  /// Several at once, of the same moment and for little more than one. `bytes_max` of the first holds for all together: where it
  /// does not suffice the last one is cut, and those behind it are missing. `scans` outlive the call.
  runtime::Task<arrow::Result<std::vector<ScannedRows>>> ScanAll(TableBucket id, std::span<const RowScan> scans,
                                                                 runtime::Executor& home);
  /// All rows, as of one moment, in several answers; `limit` of them, in the order of keys, where it is above zero.
  struct ScanAnswer {
    std::string id;  ///< what to go on with, over where there is no more; empty where the bucket has no rows
    ScannedBatch batch;
    LogOffset offset;  ///< of OpenScan: the changelog below it has made these rows
  };
  /// TOO_MANY_SCANNERS. As much as fits in `bytes_max`, and one row at least.
  runtime::Task<arrow::Result<ScanAnswer>> OpenScan(TableBucket bucket, int64_t limit, uint64_t bytes_max,
                                                    runtime::Executor& home);
  /// The errors of FullScans::Take. After any error the scan is over.
  runtime::Task<arrow::Result<ScanAnswer>> ContinueScan(std::string id, int32_t sequence, uint64_t bytes_max,
                                                        runtime::Executor& home);
  /// The same, with rows shown to `sink` on `reader`, which may block, instead of copied.
  runtime::Task<arrow::Result<ScanAnswer>> OpenScan(TableBucket bucket, RowSink sink, runtime::Executor& reader,
                                                    runtime::Executor& home);
  runtime::Task<arrow::Result<ScanAnswer>> ContinueScan(std::string id, int32_t sequence, RowSink sink,
                                                        runtime::Executor& reader, runtime::Executor& home);
  runtime::Task<> EndScan(std::string id, runtime::Executor& home);
  std::optional<TableBucket> BucketOfScan(const std::string& id) const;
  /// The connection over which these were read is gone: they end soon, unless they are read over another.
  void NoteScansLeft(const std::vector<std::string>& ids);
  /// INVALID_TABLE where rows are not counted.
  runtime::Task<arrow::Result<int64_t>> CountRows(TableBucket bucket, runtime::Executor& home);

  struct Bounds {
    LogOffset start;
    LogOffset high_watermark;
  };
  runtime::Task<arrow::Result<Bounds>> BoundsOf(TableBucket bucket, runtime::Executor& home);
  /// The idempotent writers that a bucket knows; what is in flight counts.
  runtime::Task<arrow::Result<std::vector<log::WriterState::Known>>> WritersOf(TableBucket bucket,
                                                                               runtime::Executor& home);
  /// Base offset of the first visible batch whose commit time is at or after the time; the high watermark where none is.
  runtime::Task<arrow::Result<LogOffset>> OffsetForTimestamp(TableBucket bucket, int64_t timestamp_ms,
                                                             runtime::Executor& home);

  /// Snapshots of rows by key; null where there is no remote storage, or there are only log tables.
  RowSnapshots* snapshots() const { return snapshots_.get(); }

  /// Buckets where DropExpired may find something. Looks at all buckets, at memory only; any thread.
  std::vector<TableBucket> BucketsWithOldSegments() const;
  /// Removes the oldest segments of a bucket as far as everything in them was committed before `cutoff_ms`; its earliest
  /// offset moves. The latest segment stays, and what a restart would look for. Free where there is nothing to remove; OK for a
  /// bucket that holds nothing or is gone. The errors of opening and removing files.
  runtime::Task<arrow::Status> DropExpired(TableBucket bucket, int64_t cutoff_ms, runtime::Executor& home);

  /// Shuts the given buckets for good and removes their files. Waiting readers and writers get UNKNOWN_TABLE_OR_BUCKET.
  runtime::Task<arrow::Status> Drop(std::vector<TableBucket> buckets, runtime::Executor& home);

  /// Removes the folders of a table (of one of its partitions, if that is given), all buckets of which were dropped or have
  /// not been there since the start.
  runtime::Task<arrow::Status> RemoveFolders(TableId table, PartitionId partition, runtime::Executor& home);

  /// OK, or why nothing can be written any more.
  arrow::Status health() const { return journal_->failure(); }
  /// Whether the device has room for new data: DISK_WRITE_LOCKED where not. Does not wait.
  arrow::Status CheckRoom() const { return disk_.Check(); }
  /// As CheckRoom, but a device that had no room is looked at again before it is said to have none. Resumes anywhere.
  runtime::Task<arrow::Status> CheckRoomNow();
  EngineStats stats() const;

  /// Copies under way are given up. Does not wait; Stop does.
  void StopCopying();
  /// Refuses what comes and what waits for room; what is in flight becomes durable. Does not wait.
  void BeginStop();
  /// BeginStop, waits for what is in flight, then writes and syncs the files as far as `budget_ms` goes.
  void Stop(int64_t budget_ms);

  void Committed(std::vector<journal::Entry> group) override;
  void Failed(std::vector<journal::Entry> group, const arrow::Status& why) override;
  void WriteDirect(std::vector<journal::Entry> entries,
                   std::move_only_function<void(std::vector<journal::Entry>, arrow::Status)> done) override;

 private:
  struct Slot {
    std::shared_ptr<Bucket> bucket;
    arrow::Status closed;
    bool opening = false;
    std::vector<std::coroutine_handle<>> waiting;
  };
  struct Admission;
  struct Shard {
    runtime::Executor* executor = nullptr;
    std::unordered_map<TableBucket, Slot> slots;
    uint64_t in_flight_bytes = 0;
    std::deque<std::shared_ptr<Admission>> queue;
    bool admitting = false;
    std::deque<TableBucket> dropped;  ///< whose slots are kept, oldest first
    BuilderCache builders;
  };

  Engine(const EngineEnvironment& environment, const EngineOptions& options);

  arrow::Status Recover(const std::function<bool(const TableBucket&)>& exists);
  arrow::Status LoadStores(const std::function<bool(const TableBucket&)>& exists, uint64_t& journal_sequence);
  arrow::Status FindStores(const std::function<bool(const TableBucket&)>& exists);
  arrow::Status FindBuckets(const std::string& directory, TableId table, PartitionId partition,
                            const std::function<bool(const TableBucket&)>& exists);
  void WriteRecovered();
  void FinishRecovery();
  void WriteCheckpoint();

  size_t ShardIndexOf(const TableBucket& bucket) const;
  Shard& ShardFor(const TableBucket& bucket) const;
  std::shared_ptr<BucketStore> StoreFor(const TableBucket& bucket);
  runtime::Task<arrow::Result<std::shared_ptr<Bucket>>> Find(Shard& shard, TableBucket bucket);
  runtime::Task<> OpenSlot(Shard& shard, Slot& slot, TableBucket bucket);
  runtime::Executor& RemotePool() const {
    return environment_.remote_pool ? *environment_.remote_pool : environment_.pool;
  }
  runtime::Task<> ReadRemote(const BucketStore& store, const ReadRequest& request, ReadResult& result);
  arrow::Status ReadRemoteNow(const remote::Manifest& manifest, const ReadRequest& request, uint64_t bytes_max,
                              RemoteReads::Pass& pass, ReadResult& result) const;
  runtime::Task<arrow::Result<std::optional<LogOffset>>> RemoteOffsetForTimestamp(const BucketStore& store,
                                                                                  int64_t timestamp_ms);
  runtime::Task<arrow::Result<PutDone>> PutInTurn(Shard& shard, TableBucket id, const PutRequest& request,
                                                  uint64_t& reserved, int64_t timeout_ms,
                                                  runtime::Completion<arrow::Status>* done, bool& wait);
  runtime::Task<arrow::Result<PutDone>> PutNext(Shard& shard, std::shared_ptr<Bucket> bucket, const PutRequest& request,
                                                uint64_t& reserved, int64_t timeout_ms,
                                                runtime::Completion<arrow::Status>* done, bool& wait);
  runtime::Task<arrow::Status> EnsureNumbers(Shard& shard, Bucket& bucket, const KvTable& table, uint64_t count);
  runtime::Task<arrow::Status> AwaitDirtyRoom(Shard& shard, int64_t timeout_ms);
  runtime::Task<arrow::Result<std::shared_ptr<Bucket>>> FindRows(Shard& shard, TableBucket bucket);
  using ReadScan = std::function<arrow::Result<ScannedBatch>(FullScan&)>;
  arrow::Result<ScanAnswer> OpenScanNow(BucketStore& log, kv::BucketState& state, int64_t limit, const ReadScan& read);
  runtime::Task<arrow::Result<ScanAnswer>> OpenScanOn(TableBucket bucket, int64_t limit, ReadScan read,
                                                      runtime::Executor& reader, runtime::Executor& home);
  runtime::Task<arrow::Result<ScanAnswer>> ContinueScanOn(std::string id, int32_t sequence, ReadScan read,
                                                          runtime::Executor& reader, runtime::Executor& home);
  runtime::Task<arrow::Status> EnsureRows(Shard& shard, std::shared_ptr<Bucket> bucket);
  runtime::Task<> OpenRows(Shard& shard, std::shared_ptr<Bucket> bucket);
  runtime::Task<arrow::Status> ReplayChangelog(Shard& shard, std::shared_ptr<Bucket> bucket, const KvTable& table,
                                               kv::BucketState& state);
  arrow::Status StartSnapshots();
  std::vector<TableBucket> ChangedSinceSnapshot();
  runtime::Task<> OpenRowsOf(std::vector<TableBucket> buckets);
  void StartTiering();
  void AddTieringStats(EngineStats& stats) const;
  KvStats kv_stats() const;
  runtime::Task<> ReadOnShard(runtime::Executor& shard, std::vector<Reading*> readings);
  static arrow::Status StoppingError();
  runtime::Task<arrow::Status> Admit(Shard& shard, uint64_t bytes, int64_t timeout_ms);
  /// Most that one append takes: what a journal file holds.
  uint64_t journal_record_bytes_max() const;
  bool HasRoom(const Shard& shard, uint64_t bytes) const;
  void AdmitWaiting(Shard& shard);
  void RefuseWaiting(const arrow::Status& why);
  void NoteRingPressure();
  void CountInFlight(Shard& shard, int64_t bytes);
  void NoteTried(const std::shared_ptr<BucketStore>& store, const arrow::Status& status);
  bool ShouldGiveUp(const BucketStore& store, int64_t now_ns) const;
  void SetAside(const std::shared_ptr<BucketStore>& store);
  void CloseSlot(const TableBucket& bucket, const arrow::Status& why);
  void Trim(const std::shared_ptr<BucketStore>& store, LogOffset end);
  template <typename Apply>
  void ForEachShard(std::vector<journal::Entry> group, Apply apply);

  const EngineEnvironment environment_;
  const EngineOptions options_;
  log::OpenFiles files_;
  log::IndexCache indexes_;
  StoreEnvironment stores_environment_;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<Flusher> flusher_;
  std::unique_ptr<remote::SegmentReader> remote_reader_;  ///< these three only where there is remote storage
  std::unique_ptr<RemoteReads> remote_reads_;
  std::unique_ptr<Tierer> tierer_;
  std::unique_ptr<kv::StorePool> states_;  ///< these five only where rows are kept by key
  std::unique_ptr<kv::DirtyBudget> dirty_;
  std::unique_ptr<StateFlusher> state_flusher_;
  std::unique_ptr<FullScans> scans_;
  std::unique_ptr<RowSnapshots> snapshots_;
  KvCounters kv_counters_;
  mutable std::vector<Shard> shards_;
  std::atomic<uint64_t> in_flight_bytes_{0};  ///< of all shards

  std::mutex pressure_mutex_;  ///< so that the last word about ring_full_ is the latest
  double full_share_;          ///< of the ring, for now: a start may find it full, and still takes a little
  std::atomic<bool> ring_full_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> failed_{false};              ///< of the journal
  std::atomic<uint64_t> committed_sequence_{0};  ///< all records below it have reached their stores
  uint64_t checkpointed_sequence_ = 0;           ///< of the flusher's rounds, which do not overlap
  bool checkpointed_ = false;

  mutable std::mutex stores_mutex_;
  std::unordered_map<TableBucket, std::shared_ptr<BucketStore>> stores_;

  DiskReserve disk_;  ///< last: what it calls stands above
};

}  // namespace thalweg::tablet
