#include <algorithm>
#include <mutex>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/tablet/bucket_store.h"
#include "thalweg/tablet/remote_drops.h"

// What of a bucket's files goes to remote storage, and goes from here for it.

namespace thalweg::tablet {
namespace {

std::string TierPath(const std::string& folder) { return folder + "/" + kTierFile; }

}  // namespace

arrow::Status BucketStore::OpenTierLocked(const std::string& folder) {
  if (environment_.tiering.store) {
    ARROW_ASSIGN_OR_RAISE(tier_, BucketTier::Open(bucket_, environment_.fs, environment_.tiering,
                                                  environment_.tiering_counts, TierPath(folder)));
    return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const bool exists, environment_.fs.Exists(TierPath(folder)));
  if (exists) {
    environment_.report(fmt::format(
        "{} has records in remote storage, which cannot be read: set remote.data.dir to where they are.", bucket_));
  }
  return arrow::Status::OK();
}

bool BucketStore::MayTier() const {
  std::lock_guard lock(mutex_);
  // What was dropped here may still be there.
  return !removed_ && synced_ && (synced_->start > LogOffset(0) || synced_->start < synced_->segment);
}

arrow::Result<bool> BucketStore::TierTurn(const TieringPolicy& policy, int64_t now_ms,
                                          const std::function<bool()>& go_on) {
  ARROW_RETURN_NOT_OK(Open());
  LogOffset durable;
  LogOffset needed;
  {
    std::lock_guard lock(mutex_);
    if (removed_ || !synced_) return false;
    durable = synced_->segment;
    needed = checkpointed_segment_.value_or(LogOffset(0));
  }
  ARROW_ASSIGN_OR_RAISE(const bool more, tier_->Turn(*log_, durable, policy, now_ms, go_on));
  LogOffset below;
  {
    std::lock_guard writing(write_mutex_);
    if (removed()) return false;
    below = std::min(tier_->Superfluous(*log_, policy, now_ms), needed);
    if (below <= log_->start()) return more;
  }
  ARROW_ASSIGN_OR_RAISE(const LogOffset needed_by_state, NeededByState());
  std::lock_guard writing(write_mutex_);
  if (removed()) return false;
  const arrow::Status dropped = log_->DropBefore(std::min(below, needed_by_state));
  // Also after a failure: start() has moved.
  std::lock_guard lock(mutex_);
  if (synced_) synced_->start = std::max(synced_->start, log_->start());
  ARROW_RETURN_NOT_OK(dropped);
  return more;
}

}  // namespace thalweg::tablet
