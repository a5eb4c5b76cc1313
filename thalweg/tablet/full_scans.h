#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/kv/state_store.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/random.h"
#include "thalweg/tablet/entrance.h"

namespace thalweg::tablet {

struct FullScanLimits {
  size_t open_max = 200;  ///< on the whole server
  size_t per_bucket_max = 8;
  int64_t idle_ns = 600'000'000'000;   ///< who asks for nothing for so long has lost the scan;
  int64_t left_ns = 60'000'000'000;    ///< so, where the connection that it was asked over is gone;
  int64_t pressed_ns = 1'000'000'000;  ///< so, where the scan keeps rows in memory that writers need
  int64_t life_ns = 86'400'000'000'000;
};

/// Some of the rows of a scan, in the order of their keys.
struct ScannedBatch {
  Bytes values;  ///< a value batch (format::ValueBatchBuilder); empty where there are no rows
  int64_t rows = 0;
  bool more = false;  ///< there are rows behind them
};

/// Looks at the value of a row, where it is. False: that is enough for now, and the row was read. An error ends the scan.
using RowSink = std::function<arrow::Result<bool>(ByteView value)>;

/// All rows of one bucket as they were at one moment, read batch by batch. It keeps the bucket's store open and whatever
/// the rows are in, so it must not live for long.
/// Thread safety: none; it is whose who has taken it from FullScans.
class FullScan {
 public:
  FullScan(std::string id, const TableBucket& bucket) : id_(std::move(id)), bucket_(bucket) {}

  const std::string& id() const { return id_; }
  const TableBucket& bucket() const { return bucket_; }

  /// Once. `limit`: of rows in all.
  void Start(std::unique_ptr<kv::StateSnapshot> snapshot, int64_t limit);
  const kv::StateMeta& meta() const { return snapshot_->meta(); }
  /// At least one row where there is one, however large; beyond that, what fits in `bytes_max`. After an error the scan is over.
  arrow::Result<ScannedBatch> Read(uint64_t bytes_max);
  /// Shows the next rows to `sink`; the batch says how many, and has no values.
  arrow::Result<ScannedBatch> Read(const RowSink& sink);

 private:
  friend class FullScans;

  const std::string id_;
  const TableBucket bucket_;
  std::unique_ptr<kv::StateSnapshot> snapshot_;
  std::unique_ptr<kv::RowCursor> cursor_;  ///< goes first
  int64_t left_ = 0;

  // Of FullScans, under its mutex.
  bool taken_ = true;
  bool client_left_ = false;
  int32_t next_sequence_ = 1;
  int64_t used_ns_ = 0;
  int64_t dies_ns_ = 0;
};

/// The scans that clients have begun and not ended, under ids that clients know them by: bounded in number and in time, since each
/// holds on to memory, to files and to an open store.
///
/// A scan is taken for as long as one call reads from it, and nobody else has it then. It ends when it is at its end, when
/// its client says so, skips or repeats a call or asks for nothing for too long, and when End or EndAll say so; a scan that is
/// taken then goes when it is returned. Of those that did not end by themselves the latest are remembered, so that a client which
/// comes too late hears why.
///
/// Thread safety: all calls. Take, Return, End, EndAll, Stop and the destructor may free what a scan holds, which blocks: not on a
/// shard.
class FullScans {
 public:
  FullScans(const runtime::Clock& clock, runtime::Random& random, runtime::Executor& pool, const FullScanLimits& limits)
      : clock_(clock), random_(random), pool_(pool), limits_(limits) {}
  ~FullScans() { Stop(); }

  /// A new scan, taken. TOO_MANY_SCANNERS; NOT_LEADER_OR_FOLLOWER after Stop.
  arrow::Result<std::shared_ptr<FullScan>> Open(const TableBucket& bucket);
  /// The scan, for the call of that number. SCANNER_EXPIRED, UNKNOWN_SCANNER_ID; INVALID_SCAN_REQUEST where somebody has it
  /// taken, and where it is not that number's turn, which ends the scan.
  arrow::Result<std::shared_ptr<FullScan>> Take(const std::string& id, int32_t sequence);
  /// `over`: it ends here.
  void Return(std::shared_ptr<FullScan> scan, bool over);

  /// Nothing where there is no such scan.
  void End(const std::string& id);
  /// Those of a bucket: `why` is what their clients are told.
  void EndAll(const TableBucket& bucket, const std::string& why);
  /// Which bucket a scan is of. Does not block.
  std::optional<TableBucket> BucketOf(const std::string& id) const;
  /// The connection that asked for these is gone. Does not block.
  void NoteLeft(const std::vector<std::string>& ids);
  /// Writers need memory: scans that keep rows there and are not read from end soon. Does not block.
  void MakeRoom(int64_t held_bytes_min);
  /// Ends all, and takes no more.
  void Stop();

  size_t open_count() const;
  uint64_t opened() const;
  uint64_t expired() const;

 private:
  using Scans = std::unordered_map<std::string, std::shared_ptr<FullScan>>;

  std::string MakeId();
  int64_t DeadlineOf(const FullScan& scan) const;
  std::string WhyOver(const FullScan& scan) const;
  /// Takes it out; whoever gets it lets go of it without the mutex.
  std::shared_ptr<FullScan> RemoveLocked(Scans::iterator at);
  void RememberLocked(const std::string& id, std::string why);
  void ScheduleLocked(int64_t at_ns);
  void Tick(int64_t at_ns);

  const runtime::Clock& clock_;
  runtime::Random& random_;
  runtime::Executor& pool_;
  const FullScanLimits limits_;
  const std::shared_ptr<Entrance> entrance_ = std::make_shared<Entrance>();

  mutable std::mutex mutex_;  ///< guards what follows
  Scans scans_;
  std::map<TableBucket, size_t> of_bucket_;
  std::unordered_map<std::string, std::string> ended_;  ///< why
  std::deque<std::string> ended_order_;                 ///< oldest first
  int64_t scheduled_ns_ = INT64_MAX;
  std::optional<int64_t> pressed_;  ///< MakeRoom was called, with this
  bool stopped_ = false;
  uint64_t opened_ = 0;
  uint64_t expired_ = 0;
};

}  // namespace thalweg::tablet
