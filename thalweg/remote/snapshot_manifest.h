#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/ids.h"
#include "thalweg/remote/manifest.h"

namespace thalweg::remote {

/// A file of a snapshot, where it lies in remote storage.
struct SnapshotFile {
  std::string name;  ///< as it must be called beside the others for a reader
  std::string key;   ///< its object
  uint64_t bytes = 0;
  bool shared = false;  ///< other snapshots of the bucket may name the same object
};

/// The rows of a bucket as its changelog below `log_offset` makes them, as a RocksDB that a reader can open.
struct KvSnapshot {
  int64_t id = 0;
  LogOffset log_offset;
  std::optional<int64_t> row_count;
  uint64_t incremental_bytes = 0;  ///< of objects that it was the first to need
  std::string lineage;             ///< of the state: in it, a shared file of the same name is the same file
  std::vector<SnapshotFile> files;
};

/// The snapshots of one bucket that count, oldest first.
struct SnapshotManifest {
  TableNames names;
  TableBucket bucket;
  int64_t next_id = 0;
  std::vector<KvSnapshot> snapshots;

  /// Null where there is none of that number.
  const KvSnapshot* Find(int64_t id) const;
  const KvSnapshot* latest() const { return snapshots.empty() ? nullptr : &snapshots.back(); }
};

/// For the server's own disk: names objects relative to the root.
std::string EncodeSnapshotManifest(const SnapshotManifest& manifest);
/// kStorage where it is damaged, or of a later version.
arrow::Result<SnapshotManifest> DecodeSnapshotManifest(std::string_view json);

/// What stands beside a snapshot as its object _METADATA: Fluss's own form of a completed snapshot (JSON, version 1). `root` is
/// what goes before the names of objects, with its slash.
std::string EncodeSnapshot(const TableBucket& bucket, const std::string& folder, const KvSnapshot& snapshot,
                           const std::string& root);

/// The folder of a bucket's snapshots, as Fluss lays it out: "kv/db/t-7/0", "kv/db/t-7/2026-p12/0".
std::string SnapshotsFolder(const TableNames& names, const TableBucket& bucket);
/// In that folder, what one snapshot has for itself ("snap-3"), and what all may share.
std::string SnapshotFolder(const std::string& snapshots_folder, int64_t id);
std::string SharedFolder(const std::string& snapshots_folder);

}  // namespace thalweg::remote
