#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/io/file_system.h"
#include "thalweg/log/bucket_log.h"
#include "thalweg/remote/remote_log.h"
#include "thalweg/tablet/tiering.h"

namespace thalweg::tablet {

/// The part of one bucket that is in remote storage.
///
/// Invariants: 1. what manifest() names is durable there, so local copies of it may go; 2. its segments adjoin each other and,
/// unless the bucket's own log has lost its beginning to its time to live, that log.
/// Thread safety: manifest(), StartBefore() from any thread, without waiting; the rest blocks, and each call waits for the other.
class BucketTier {
 public:
  /// `path`: of the local file that says what is remote. It is read here.
  static arrow::Result<std::unique_ptr<BucketTier>> Open(const TableBucket& bucket, io::FileSystem& fs,
                                                         const TieringOptions& options, TieringCounts& counts,
                                                         std::string path);

  std::shared_ptr<const remote::Manifest> manifest() const { return remote_->manifest(); }
  /// The first offset that can be read where the bucket's own log begins at `local`: that one where nothing is there, or the two do
  /// not adjoin. `local` was asked for before.
  LogOffset StartBefore(LogOffset local) const {
    if (end_.load(std::memory_order_acquire) < local.value) return local;
    return std::min(local, LogOffset(start_.load(std::memory_order_acquire)));
  }

  /// One turn: copies closed segments of `log` that end at or before `durable`, leaves out what has become too old, removes what
  /// nothing names any more. True where there is more to copy. Cancelled once `go_on` says false.
  arrow::Result<bool> Turn(log::BucketLog& log, LogOffset durable, const TieringPolicy& policy, int64_t now_ms,
                           const std::function<bool()>& go_on);
  /// Up to where copies make local segments superfluous under `policy`: below it they may be dropped.
  LogOffset Superfluous(const log::BucketLog& log, const TieringPolicy& policy, int64_t now_ms) const;

  /// Nothing is copied any more, and nothing is there for readers; waits for whoever is at it.
  void Close();

 private:
  BucketTier(const TableBucket& bucket, const TieringOptions& options, TieringCounts& counts,
             std::unique_ptr<remote::RemoteLog> remote);

  /// Segments whose youngest record is older than `cutoff_ms` are left out.
  arrow::Result<bool> Copy(log::BucketLog& log, LogOffset durable, int64_t cutoff_ms,
                           const std::function<bool()>& go_on, std::vector<remote::RemoteSegment>& segments);
  arrow::Status RemoveExpired(int64_t now_ms);
  /// The manifest is another one than `before`; null: there was none.
  void NoteChange(const remote::Manifest* before);

  struct Expired {
    int64_t due_ms = 0;
    std::vector<remote::RemoteSegment> segments;
  };

  const TableBucket bucket_;
  const TieringOptions& options_;
  TieringCounts& counts_;
  const std::unique_ptr<remote::RemoteLog> remote_;
  std::atomic<int64_t> start_{INT64_MAX};  ///< of what is there
  std::atomic<int64_t> end_{-1};
  std::atomic<bool> closed_{false};

  std::mutex mutex_;    ///< held for a whole turn
  bool swept_ = false;  ///< no object is there that nothing names, as far as we know
  std::vector<Expired> expired_;
};

}  // namespace thalweg::tablet
