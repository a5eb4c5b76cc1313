#include <memory>
#include <mutex>
#include <vector>

#include "thalweg/tablet/engine.h"
#include "thalweg/tablet/remote_drops.h"
#include "thalweg/tablet/row_snapshots.h"

// The engine's side of snapshots of rows by key.

namespace thalweg::tablet {

arrow::Status Engine::StartSnapshots() {
  // Runs on the pool while the engine is there: see Stop.
  const auto open_changed = [this] {
    auto buckets = ChangedSinceSnapshot();
    if (!buckets.empty()) runtime::SpawnOn(*shards_.front().executor, OpenRowsOf(std::move(buckets)));
  };
  ARROW_ASSIGN_OR_RAISE(snapshots_, RowSnapshots::Open({.fs = environment_.fs,
                                                        .clock = environment_.clock,
                                                        .pool = RemotePool(),
                                                        .tiering = options_.tiering,
                                                        .options = options_.snapshots,
                                                        .directory = SnapshotsDirectory(options_.directory),
                                                        .open_changed = open_changed,
                                                        .report = options_.report}));
  snapshots_->Start();
  return arrow::Status::OK();
}

std::vector<TableBucket> Engine::ChangedSinceSnapshot() {
  std::vector<std::pair<TableBucket, LogOffset>> ends;
  {
    std::lock_guard lock(stores_mutex_);
    for (const auto& [bucket, store] : stores_) {
      const auto point = store->synced_point();
      if (point && !store->removed()) ends.emplace_back(bucket, point->end);
    }
  }
  std::vector<TableBucket> changed;
  for (const auto& [bucket, end] : ends) {
    const auto table = options_.kv.table_of(bucket);
    if (!table.ok()) {
      options_.report(table.status().message());
      continue;
    }
    if (!*table) continue;
    const auto manifest = snapshots_->ManifestOf(bucket);
    if (!manifest.ok()) {
      options_.report(manifest.status().message());
      continue;
    }
    const auto* latest = (*manifest)->latest();
    if (end > (latest ? latest->log_offset : LogOffset(0))) changed.push_back(bucket);
  }
  return changed;
}

runtime::Task<> Engine::OpenRowsOf(std::vector<TableBucket> buckets) {
  for (const TableBucket& bucket : buckets) {
    if (stopping_) co_return;
    Shard& shard = ShardFor(bucket);
    co_await runtime::EnsureOn(*shard.executor);
    // What goes wrong is reported there, and told to whoever asks for the rows.
    (void)co_await FindRows(shard, bucket);
  }
}

}  // namespace thalweg::tablet
