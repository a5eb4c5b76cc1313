#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/ids.h"
#include "thalweg/io/file_system.h"

namespace thalweg::remote {

/// Who wants which snapshots to stay, and until when. One lease holds at most one snapshot of each bucket.
///
/// What a call has done is durable when it returns; after an error (kStorage) memory is as before, and the disk as before or as
/// it was to be.
/// Thread safety: all calls. IsHeld and TablesOf do not wait for the disk, the others do, one after the other.
class SnapshotLeases {
 public:
  struct Limits {
    size_t leases_max = 1'000;
    size_t snapshots_max = 100'000;  ///< of all leases
    size_t id_bytes_max = 256;
  };
  struct Held {
    TableBucket bucket;
    int64_t snapshot = 0;
    auto operator<=>(const Held&) const = default;
  };
  /// Calls what it is given, and says true, where the snapshot is there and stays as long as IsHeld from then on says so.
  using HoldIfThere = std::function<bool(const Held& wanted, const std::function<void()>& hold)>;

  /// Reads what is at `path`. `fs` outlives this.
  static arrow::Result<std::unique_ptr<SnapshotLeases>> Open(io::FileSystem& fs, std::string path,
                                                             const Limits& limits);

  /// Whether a lease that has not expired at `now_ms` holds it.
  bool IsHeld(const Held& snapshot, int64_t now_ms) const;
  /// The tables of which a lease holds snapshots.
  std::set<TableId> TablesOf(const std::string& lease) const;

  /// Adds `wanted` to a lease, new or not, in place of other snapshots of the same buckets; it lasts `duration_ms` from now.
  /// Gives back those that are not there. kInvalidConfig for an unusable name or duration, and beyond the limits.
  arrow::Result<std::vector<Held>> Acquire(const std::string& lease, int64_t duration_ms, int64_t now_ms,
                                           const std::vector<Held>& wanted, const HoldIfThere& hold_if_there);
  /// A lease without snapshots is gone. No error where there is nothing of it.
  arrow::Status Release(const std::string& lease, const std::vector<TableBucket>& buckets);
  arrow::Status Drop(const std::string& lease);
  /// Of buckets that are gone, from all leases; and what has expired. Free where there is nothing to do.
  arrow::Status Forget(const std::set<TableBucket>& buckets, int64_t now_ms);

 private:
  struct Lease {
    int64_t expires_ms = 0;
    std::map<TableBucket, int64_t> snapshots;
  };
  using Leases = std::map<std::string, Lease>;

  SnapshotLeases(io::FileSystem& fs, std::string path, const Limits& limits, Leases leases);
  static std::string Encode(const Leases& leases);
  static arrow::Result<Leases> Decode(const std::string& text);
  arrow::Status CheckRoom(const Leases& leases) const;
  arrow::Status Save(std::shared_ptr<const Leases> next);
  std::shared_ptr<const Leases> leases() const;

  io::FileSystem& fs_;
  const std::string path_;
  const Limits limits_;
  std::mutex change_mutex_;  ///< held over I/O

  mutable std::mutex mutex_;  ///< guards what follows
  std::shared_ptr<const Leases> leases_;
  std::set<Held> coming_;  ///< held already by a lease that is being saved
};

}  // namespace thalweg::remote
