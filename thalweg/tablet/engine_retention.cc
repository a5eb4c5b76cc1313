#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "thalweg/tablet/engine.h"
#include "thalweg/tablet/remote_drops.h"

// What the engine removes because it is old.

namespace thalweg::tablet {

std::vector<TableBucket> Engine::BucketsWithOldSegments() const {
  std::vector<TableBucket> buckets;
  std::lock_guard lock(stores_mutex_);
  for (const auto& [bucket, store] : stores_) {
    if (store->HasOldSegments()) buckets.push_back(bucket);
  }
  return buckets;
}

runtime::Task<arrow::Status> Engine::DropExpired(TableBucket id, int64_t cutoff_ms, runtime::Executor& home) {
  std::shared_ptr<BucketStore> store;
  {
    std::lock_guard lock(stores_mutex_);
    if (const auto found = stores_.find(id); found != stores_.end()) store = found->second;
  }
  if (!store || !store->HasOldSegments()) co_return arrow::Status::OK();
  arrow::Status dropped =
      co_await runtime::RunOn(environment_.pool, home, [&] { return store->DropExpired(cutoff_ms); });
  co_return store->removed() ? arrow::Status::OK() : dropped;
}

runtime::Task<arrow::Status> Engine::RemoveFolders(TableId table, PartitionId partition, runtime::Executor& home) {
  const auto remove = [&](const std::string& root) -> arrow::Status {
    const std::string folder = partition == kNoPartition ? TableDirectory(root, table)
                                                         : io::ParentOf(BucketDirectory(root, {table, partition, {}}));
    ARROW_ASSIGN_OR_RAISE(const bool exists, environment_.fs.Exists(folder));
    if (!exists) return arrow::Status::OK();
    // Where a drop was cut short; the next round of copying removes what these name.
    ARROW_RETURN_NOT_OK(NoteRemoteDrops(environment_.fs, stores_environment_.remote_drops, root, folder));
    ARROW_RETURN_NOT_OK(environment_.fs.RemoveTree(folder));
    return environment_.fs.SyncDirectory(io::ParentOf(folder));
  };
  co_return co_await runtime::RunOn(environment_.pool, home, [&] {
    const arrow::Status logs = remove(stores_environment_.directory);
    const arrow::Status snapshots = remove(SnapshotsDirectory(options_.directory));
    if (tierer_) tierer_->HurryDrops();
    const arrow::Status set_aside = remove(stores_environment_.set_aside);
    return logs & snapshots & set_aside & remove(options_.directory + "/kv");
  });
}

}  // namespace thalweg::tablet
