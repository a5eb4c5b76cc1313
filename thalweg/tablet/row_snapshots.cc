#include "thalweg/tablet/row_snapshots.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "thalweg/remote/remote_snapshots.h"
#include "thalweg/tablet/remote_drops.h"

namespace thalweg::tablet {
namespace {

constexpr const char* kLeasesFile = "leases";

}  // namespace

arrow::Result<std::unique_ptr<RowSnapshots>> RowSnapshots::Open(Environment environment) {
  ARROW_ASSIGN_OR_RAISE(auto leases, remote::SnapshotLeases::Open(
                                         environment.fs, environment.directory + "/" + kLeasesFile, /*limits=*/{}));
  return std::unique_ptr<RowSnapshots>(new RowSnapshots(std::move(environment), std::move(leases)));
}

void RowSnapshots::PostLocked(int64_t delay_ns, void (RowSnapshots::*work)()) {
  if (stopping_) return;
  environment_.pool.PostAfter(runtime::Nanos(delay_ns), [entrance = entrance_, this, work] {
    if (!entrance->Enter()) return;
    (this->*work)();
    entrance->Leave();
  });
}

void RowSnapshots::Start() {
  std::lock_guard lock(mutex_);
  if (environment_.options.interval_ns > 0) PostLocked(environment_.options.interval_ns, &RowSnapshots::Round);
}

void RowSnapshots::Add(const std::shared_ptr<FlushedState>& rows) {
  std::lock_guard lock(mutex_);
  // While its rows were being opened it may have been dropped; Forget has come by then, or is to come.
  if (!rows->store->removed()) open_[rows->bucket] = rows;
}

arrow::Status RowSnapshots::Close(const TableBucket& bucket) {
  ARROW_ASSIGN_OR_RAISE(const auto snapshots, Find(bucket));
  {
    std::lock_guard lock(mutex_);
    open_.erase(bucket);
  }
  snapshots->Close();
  return leases_->Forget({bucket}, environment_.clock.WallMs());
}

void RowSnapshots::Forget(const TableBucket& bucket) {
  std::lock_guard lock(mutex_);
  open_.erase(bucket);
  known_.erase(bucket);
  failing_.erase(bucket);
}

arrow::Result<std::shared_ptr<BucketSnapshots>> RowSnapshots::Find(const TableBucket& bucket) {
  {
    std::lock_guard lock(mutex_);
    if (const auto found = known_.find(bucket); found != known_.end()) return found->second;
  }
  ARROW_ASSIGN_OR_RAISE(auto remote, remote::RemoteSnapshots::Open(
                                         environment_.fs, *environment_.tiering.store,
                                         BucketDirectory(environment_.directory, bucket) + "/" + kSnapshotsFile));
  auto opened =
      std::make_shared<BucketSnapshots>(bucket, std::move(remote), *leases_, *environment_.tiering.random, counts_);
  std::lock_guard lock(mutex_);
  return known_.emplace(bucket, std::move(opened)).first->second;  // who was first has it
}

arrow::Result<std::shared_ptr<const remote::SnapshotManifest>> RowSnapshots::ManifestOf(const TableBucket& bucket) {
  ARROW_ASSIGN_OR_RAISE(const auto snapshots, Find(bucket));
  return snapshots->manifest();
}

arrow::Result<std::vector<remote::SnapshotLeases::Held>> RowSnapshots::Lease(
    const std::string& lease, int64_t duration_ms, const std::vector<remote::SnapshotLeases::Held>& wanted) {
  for (const auto& held : wanted) ARROW_RETURN_NOT_OK(Find(held.bucket).status());
  const auto hold_if_there = [&](const remote::SnapshotLeases::Held& held, const std::function<void()>& hold) {
    const auto snapshots = Find(held.bucket);
    return snapshots.ok() && (*snapshots)->HoldIfThere(held.snapshot, hold);
  };
  return leases_->Acquire(lease, duration_ms, environment_.clock.WallMs(), wanted, hold_if_there);
}

void RowSnapshots::Round() {
  const arrow::Status expired = leases_->Forget({}, environment_.clock.WallMs());
  if (!expired.ok()) environment_.report("Snapshot leases that have expired stay listed: " + expired.message());
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    first = !std::exchange(opened_changed_, true);
  }
  if (first) environment_.open_changed();
  std::lock_guard lock(mutex_);
  queue_.clear();
  for (const auto& [bucket, rows] : open_) queue_.push_back(rows);
  if (queue_.empty()) {
    PostLocked(environment_.options.interval_ns, &RowSnapshots::Round);
    return;
  }
  workers_ = static_cast<int>(std::min<size_t>(static_cast<size_t>(environment_.options.workers_max), queue_.size()));
  for (int i = 0; i < workers_; ++i) PostLocked(0, &RowSnapshots::Work);
}

// One bucket, then the next one is posted: whoever else needs the pool gets in between.
void RowSnapshots::Work() {
  std::shared_ptr<FlushedState> rows;
  {
    std::lock_guard lock(mutex_);
    if (!queue_.empty()) {
      rows = std::move(queue_.front());
      queue_.pop_front();
    }
  }
  if (rows) TakeTurn(*rows);
  std::lock_guard lock(mutex_);
  if (!queue_.empty()) {
    PostLocked(0, &RowSnapshots::Work);
  } else if (--workers_ == 0) {
    PostLocked(environment_.options.interval_ns, &RowSnapshots::Round);
  }
}

arrow::Status RowSnapshots::TryTurn(FlushedState& rows) {
  const auto policy = environment_.tiering.policy_of(rows.bucket);
  if (!policy || stopping_) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto snapshots, Find(rows.bucket));
  if (!rows.store->state_use().Enter()) return arrow::Status::OK();  // its table is gone
  // The files of a snapshot keep the store open. Where it has failed to write, all who need it are refused until they are let go.
  const uint64_t failures = rows.state->store_failures();
  const auto go_on = [&] { return !stopping_ && !rows.store->removed() && rows.state->store_failures() == failures; };
  const arrow::Status status = snapshots->Turn(*rows.state,
                                               {.names = policy->names,
                                                .retained = static_cast<size_t>(environment_.options.retained),
                                                .now_ms = environment_.clock.WallMs()},
                                               go_on);
  rows.store->state_use().Leave();
  return status;
}

void RowSnapshots::TakeTurn(FlushedState& rows) {
  if (rows.store->removed()) return;
  const arrow::Status status = TryTurn(rows);
  // HoldFiles has flushed: the changelog need not keep that.
  rows.store->NoteStateStored(rows.state->overlay().stored());
  const bool gone = status.IsCancelled() || rows.store->removed();
  if (!status.ok() && !gone) ++failures_;
  std::lock_guard lock(mutex_);
  if (status.ok() || gone) {
    failing_.erase(rows.bucket);
    return;
  }
  if (!failing_.insert(rows.bucket).second) return;
  environment_.report(
      fmt::format("A snapshot of the rows of {} failed and will be tried again; readers have the one before: {}",
                  rows.bucket, status.message()));
}

void RowSnapshots::Stop() {
  BeginStop();
  entrance_->Close();
}

}  // namespace thalweg::tablet
