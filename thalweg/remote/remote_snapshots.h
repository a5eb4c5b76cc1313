#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/io/file_system.h"
#include "thalweg/io/object_store.h"
#include "thalweg/remote/snapshot_manifest.h"
#include "thalweg/runtime/random.h"

namespace thalweg::remote {

/// A state on this disk, as it is to be copied. Its files stay as they are meanwhile.
struct SnapshotSource {
  struct File {
    std::string name;
    uint64_t bytes = 0;
    bool shared = false;  ///< never changes under this name in this lineage
    std::string path;     ///< of which the first `bytes` bytes count; empty where `content` has them
    std::string_view content;
  };
  std::string lineage;
  LogOffset log_offset;
  std::optional<int64_t> row_count;
  std::vector<File> files;
};

/// The snapshots of one bucket in remote storage. What counts is the manifest on the server's own disk: an object that it does
/// not name is waste, which Sweep removes, and every object that it names is there, durable.
///
/// Errors: kStorage, from the disk or from the store. Thread safety: manifest() from any thread, without waiting; of the rest,
/// which blocks, one call at a time.
class RemoteSnapshots {
 public:
  /// Reads the manifest at `path` on the local disk, if there is one. `fs`, where the states are too, and `store` outlive this.
  static arrow::Result<std::unique_ptr<RemoteSnapshots>> Open(io::FileSystem& fs, io::ObjectStore& store,
                                                              std::string path);

  /// Never null; empty where nothing is remote.
  std::shared_ptr<const SnapshotManifest> manifest() const;

  /// First: makes what manifest() says true on the local disk too, and says there how the bucket is called, so that whatever is
  /// uploaded can be found again. Free where that is so.
  arrow::Status Establish(const TableNames& names, const TableBucket& bucket);
  /// Copies what no snapshot that counts has, and says what the snapshot would be. It does not count before Commit. Cancelled
  /// once `go_on` says false.
  arrow::Result<KvSnapshot> Upload(const SnapshotSource& source, runtime::Random& random,
                                   const std::function<bool()>& go_on);
  /// Makes `snapshots` (oldest first) all that count. After an error nothing has changed, but see Establish.
  arrow::Status Commit(std::vector<KvSnapshot> snapshots);
  /// Removes the objects that `before` has named and the manifest does not.
  arrow::Status RemoveUnnamed(const SnapshotManifest& before);
  /// Removes all objects of this bucket that the manifest does not name.
  arrow::Status Sweep();
  /// Removes all objects of this bucket, and what of its folders is empty then.
  arrow::Status RemoveAll();

 private:
  RemoteSnapshots(io::FileSystem& fs, io::ObjectStore& store, std::string path, SnapshotManifest manifest);

  arrow::Status MakeFolders();
  arrow::Status WriteLocal(const SnapshotManifest& manifest);
  arrow::Status UploadFile(const SnapshotSource::File& file, const std::string& key,
                           const std::function<bool()>& go_on);

  io::FileSystem& fs_;
  io::ObjectStore& store_;
  const std::string path_;
  bool established_ = false;   ///< the local file is durable and says what manifest_ says
  bool folders_made_ = false;  ///< and the names of the folders that it is in are durable

  mutable std::mutex mutex_;
  std::shared_ptr<const SnapshotManifest> manifest_;
};

}  // namespace thalweg::remote
