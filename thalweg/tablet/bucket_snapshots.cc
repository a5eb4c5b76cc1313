#include "thalweg/tablet/bucket_snapshots.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace thalweg::tablet {

arrow::Result<remote::KvSnapshot> BucketSnapshots::Take(const kv::StateFiles& files,
                                                        const std::function<bool()>& go_on) {
  remote::SnapshotSource source{
      .lineage = files.lineage(), .log_offset = files.meta().applied, .row_count = files.meta().row_count, .files = {}};
  for (const kv::StateFile& file : files.files()) {
    source.files.push_back({.name = file.name,
                            .bytes = file.path.empty() ? file.content.size() : file.bytes,
                            .shared = file.shared,
                            .path = file.path,
                            .content = file.content});
  }
  return remote_->Upload(source, random_, go_on);
}

// What is not to stay goes out of `kept`. From here on no lease can be had on it.
void BucketSnapshots::ChooseDoomed(const Plan& plan, const remote::SnapshotManifest& before, LogOffset end,
                                   std::vector<remote::KvSnapshot>& kept) {
  std::lock_guard lock(mutex_);
  const size_t old = kept.size() - std::min(kept.size(), plan.retained);
  std::vector<remote::KvSnapshot> staying;
  for (size_t i = 0; i < kept.size(); ++i) {
    if (i >= old || leases_.IsHeld({bucket_, kept[i].id}, plan.now_ms)) staying.push_back(std::move(kept[i]));
  }
  kept = std::move(staying);
  // A power cut took the end of a changelog that was acknowledged from the page cache: offsets will be used again.
  std::erase_if(kept, [&](const remote::KvSnapshot& snapshot) { return snapshot.log_offset > end; });
  for (const auto& snapshot : before.snapshots) {
    const bool stays = std::ranges::find(kept, snapshot.id, &remote::KvSnapshot::id) != kept.end();
    if (!stays) doomed_.insert(snapshot.id);
  }
}

arrow::Status BucketSnapshots::Turn(kv::BucketState& state, const Plan& plan, const std::function<bool()>& go_on) {
  std::lock_guard turn(turn_mutex_);
  const auto wanted = [&] { return !closed_ && go_on(); };
  if (!wanted()) return arrow::Status::OK();
  const LogOffset end = state.meta().applied;
  const auto latest_of = [](const remote::SnapshotManifest& manifest) {
    return manifest.latest() ? manifest.latest()->log_offset : LogOffset(0);
  };
  const bool known = !manifest()->names.table.empty();
  const bool changed = end != latest_of(*manifest());
  if (!changed && (!known || (swept_ && manifest()->snapshots.size() <= plan.retained))) return arrow::Status::OK();

  ARROW_RETURN_NOT_OK(remote_->Establish(plan.names, bucket_));
  const auto before = manifest();
  if (!swept_) ARROW_RETURN_NOT_OK(remote_->Sweep());
  swept_ = true;
  std::vector<remote::KvSnapshot> next = before->snapshots;
  std::erase_if(next, [&](const remote::KvSnapshot& snapshot) { return snapshot.log_offset > end; });
  bool taken = false;
  if (changed) {
    ARROW_ASSIGN_OR_RAISE(const auto files, state.HoldFiles());
    // Where rows are in flight the store may have no more than last time.
    if (next.empty() || files->meta().applied > next.back().log_offset) {
      swept_ = false;  // until what is uploaded now counts
      ARROW_ASSIGN_OR_RAISE(auto snapshot, Take(*files, wanted));
      next.push_back(std::move(snapshot));
      taken = true;
    }
  }
  if (!wanted()) return arrow::Status::Cancelled("A snapshot is given up.");
  const uint64_t copied = taken ? next.back().incremental_bytes : 0;
  ChooseDoomed(plan, *before, end, next);
  const size_t removed = before->snapshots.size() + (taken ? 1 : 0) - next.size();
  arrow::Status committed;
  if (taken || removed > 0) committed = remote_->Commit(std::move(next));
  {
    std::lock_guard lock(mutex_);
    doomed_.clear();
  }
  ARROW_RETURN_NOT_OK(committed);
  counts_.taken += taken ? 1 : 0;
  counts_.copied_bytes += copied;
  counts_.removed += removed;
  swept_ = false;
  ARROW_RETURN_NOT_OK(remote_->RemoveUnnamed(*before));
  swept_ = true;
  return arrow::Status::OK();
}

bool BucketSnapshots::HoldIfThere(int64_t id, const std::function<void()>& hold) const {
  std::lock_guard lock(mutex_);
  if (!manifest()->Find(id) || doomed_.contains(id)) return false;
  hold();
  return true;
}

void BucketSnapshots::Close() {
  closed_ = true;
  std::lock_guard turn(turn_mutex_);
}

}  // namespace thalweg::tablet
