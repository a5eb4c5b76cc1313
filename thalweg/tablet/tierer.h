#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "arrow/status.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/tablet/bucket_store.h"
#include "thalweg/tablet/entrance.h"
#include "thalweg/tablet/tiering.h"

namespace thalweg::tablet {

/// Copies closed segments to remote storage, in the background: in rounds over all buckets that may have something, a few of
/// them at a time, each a few segments before the others have their turn. What fails is tried again in the next round, and told
/// once per bucket until it works again.
///
/// Thread safety: Start and Stop from one thread, counts from any. Runs on the pool.
class Tierer {
 public:
  struct Hooks {
    /// Whose turn it is in a round.
    std::function<std::vector<std::shared_ptr<BucketStore>>()> buckets;
    /// Removes what dropped buckets have left in remote storage, while `go_on` says true. Blocks; one call at a time.
    std::function<arrow::Status(const std::function<bool()>& go_on)> finish_drops;
    std::function<void(std::string)> report;  ///< for a person
  };

  Tierer(const runtime::Clock& clock, runtime::Executor& pool, const TieringOptions& options, Hooks hooks);
  ~Tierer();

  /// The first round begins after one interval.
  void Start();
  /// Something was dropped: what it has left in remote storage is removed soon. Without it the next round does.
  void HurryDrops();
  /// Copies under way are given up at their next piece. Does not wait.
  void BeginStop();
  /// BeginStop, and waits. Blocks.
  void Stop();

  uint64_t failures() const;

 private:
  void PostLocked(int64_t delay_ns, void (Tierer::*work)());
  void Round();
  void FinishDrops();
  void Work();
  bool GoOn() const { return !stopping_; }
  void TakeTurn(const std::shared_ptr<BucketStore>& store);

  const runtime::Clock& clock_;
  runtime::Executor& pool_;
  const TieringOptions& options_;
  const Hooks hooks_;
  const std::shared_ptr<Entrance> entrance_ = std::make_shared<Entrance>();
  std::atomic<bool> stopping_{false};

  std::mutex drops_mutex_;  ///< held while drops are finished

  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<BucketStore>> queue_;  ///< of this round
  int workers_ = 0;
  uint64_t failures_ = 0;
  std::set<TableBucket> failing_;  ///< told of
  bool drops_posted_ = false;
  bool drops_failing_ = false;
};

}  // namespace thalweg::tablet
