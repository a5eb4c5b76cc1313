#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/io/file_system.h"
#include "thalweg/remote/snapshot_leases.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/tablet/bucket_snapshots.h"
#include "thalweg/tablet/entrance.h"
#include "thalweg/tablet/state_flusher.h"
#include "thalweg/tablet/tiering.h"

namespace thalweg::tablet {

/// Snapshots of the rows of all primary-key buckets, for readers outside: made in the background, in rounds over the buckets whose
/// rows are open, a few of them at a time. What fails is tried again in the next round, and told once per bucket until it works
/// again. The manifests, which say what counts, and the leases stand below a folder of the local disk.
///
/// Thread safety: all calls; Start, BeginStop and Stop from one thread. What says so blocks.
class RowSnapshots {
 public:
  struct Environment {
    io::FileSystem& fs;
    const runtime::Clock& clock;
    runtime::Executor& pool;  ///< may block for long
    const TieringOptions& tiering;
    const SnapshotOptions& options;
    std::string directory;
    /// Opens the rows of buckets that have changed since their latest snapshot and were not asked for since the start. Once,
    /// in the first round.
    std::function<void()> open_changed;
    std::function<void(std::string)> report;  ///< for a person
  };
  /// Blocks.
  static arrow::Result<std::unique_ptr<RowSnapshots>> Open(Environment environment);

  /// The first round begins after one interval.
  void Start();
  /// The rows of a bucket are open. Nothing happens where it has been removed meanwhile.
  void Add(const std::shared_ptr<FlushedState>& rows);
  /// A bucket is about to be removed: waits for its snapshot under way, which gives up, and makes no other. Its leases end.
  /// Blocks.
  arrow::Status Close(const TableBucket& bucket);
  /// It has been removed.
  void Forget(const TableBucket& bucket);

  /// What there is of a bucket. Blocks where it has not been asked for before.
  arrow::Result<std::shared_ptr<const remote::SnapshotManifest>> ManifestOf(const TableBucket& bucket);
  /// What a reader puts before the names of objects, without a slash; empty where it cannot read them for itself.
  const std::string& public_root() const { return environment_.tiering.store->public_root(); }

  /// As SnapshotLeases::Acquire. Blocks.
  arrow::Result<std::vector<remote::SnapshotLeases::Held>> Lease(
      const std::string& lease, int64_t duration_ms, const std::vector<remote::SnapshotLeases::Held>& wanted);
  remote::SnapshotLeases& leases() const { return *leases_; }

  /// Snapshots under way are given up at their next piece. Does not wait.
  void BeginStop() { stopping_ = true; }
  /// BeginStop, and waits. Blocks.
  void Stop();

  const SnapshotCounts& counts() const { return counts_; }
  uint64_t failures() const { return failures_; }

 private:
  explicit RowSnapshots(Environment environment, std::unique_ptr<remote::SnapshotLeases> leases)
      : environment_(std::move(environment)), leases_(std::move(leases)) {}

  arrow::Result<std::shared_ptr<BucketSnapshots>> Find(const TableBucket& bucket);
  void PostLocked(int64_t delay_ns, void (RowSnapshots::*work)());
  void Round();
  void Work();
  void TakeTurn(FlushedState& rows);
  arrow::Status TryTurn(FlushedState& rows);

  const Environment environment_;
  const std::unique_ptr<remote::SnapshotLeases> leases_;
  const std::shared_ptr<Entrance> entrance_ = std::make_shared<Entrance>();
  SnapshotCounts counts_;
  std::atomic<uint64_t> failures_{0};
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;  ///< guards what follows; never held over I/O
  std::map<TableBucket, std::shared_ptr<BucketSnapshots>> known_;
  std::map<TableBucket, std::shared_ptr<FlushedState>> open_;
  std::deque<std::shared_ptr<FlushedState>> queue_;  ///< of this round
  int workers_ = 0;
  bool opened_changed_ = false;
  std::set<TableBucket> failing_;  ///< told of
};

}  // namespace thalweg::tablet
