#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>

#include "arrow/status.h"
#include "thalweg/base/ids.h"
#include "thalweg/kv/bucket_state.h"
#include "thalweg/remote/remote_snapshots.h"
#include "thalweg/remote/snapshot_leases.h"
#include "thalweg/runtime/random.h"

namespace thalweg::tablet {

/// Of all buckets, since the start.
struct SnapshotCounts {
  std::atomic<uint64_t> taken{0};
  std::atomic<uint64_t> copied_bytes{0};  ///< of files that no earlier snapshot had
  std::atomic<uint64_t> removed{0};
};

/// The snapshots of the rows of one bucket.
///
/// Thread safety: manifest() and HoldIfThere from any thread, without waiting; Turn and Close block, one waits for the other.
class BucketSnapshots {
 public:
  BucketSnapshots(const TableBucket& bucket, std::unique_ptr<remote::RemoteSnapshots> remote,
                  const remote::SnapshotLeases& leases, runtime::Random& random, SnapshotCounts& counts)
      : bucket_(bucket), remote_(std::move(remote)), leases_(leases), random_(random), counts_(counts) {}

  std::shared_ptr<const remote::SnapshotManifest> manifest() const { return remote_->manifest(); }

  struct Plan {
    remote::TableNames names;
    size_t retained = 2;  ///< the latest ones; of the others those that a lease holds
    int64_t now_ms = 0;
  };
  /// One turn: a snapshot of what is published, where that is not what the latest one has; then those go that need not stay.
  /// Free where there is nothing to do. Cancelled once `go_on` says false.
  arrow::Status Turn(kv::BucketState& state, const Plan& plan, const std::function<bool()>& go_on);

  /// Calls `hold` and says true where snapshot `id` is there, and stays as long as a lease holds it from then on.
  bool HoldIfThere(int64_t id, const std::function<void()>& hold) const;

  /// Nothing is written any more; waits for a turn that is under way.
  void Close();

 private:
  arrow::Result<remote::KvSnapshot> Take(const kv::StateFiles& files, const std::function<bool()>& go_on);
  void ChooseDoomed(const Plan& plan, const remote::SnapshotManifest& before, LogOffset end,
                    std::vector<remote::KvSnapshot>& kept);

  const TableBucket bucket_;
  const std::unique_ptr<remote::RemoteSnapshots> remote_;
  const remote::SnapshotLeases& leases_;
  runtime::Random& random_;
  SnapshotCounts& counts_;
  std::atomic<bool> closed_{false};

  std::mutex turn_mutex_;  ///< held for a whole turn
  bool swept_ = false;     ///< no object is there that nothing names, as far as we know

  mutable std::mutex mutex_;    ///< guards what follows; held together with the leases' own, which comes second
  std::set<int64_t> doomed_{};  ///< snapshots that are about to go
};

}  // namespace thalweg::tablet
