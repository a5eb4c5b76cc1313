#include "thalweg/remote/remote_snapshots.h"

#include <algorithm>
#include <set>
#include <utility>

#include "thalweg/base/bytes.h"
#include "thalweg/remote/remote_log.h"

namespace thalweg::remote {
namespace {

constexpr const char* kMetadataName = "_METADATA";
// Folders that may be new above the manifest: of the bucket, its partition, its table, and of all snapshots.
constexpr int kNewFoldersMax = 4;

std::string FolderOf(const SnapshotManifest& manifest) { return SnapshotsFolder(manifest.names, manifest.bucket); }

std::set<std::string> KeysOf(const SnapshotManifest& manifest) {
  std::set<std::string> keys;
  for (const auto& snapshot : manifest.snapshots) {
    for (const auto& file : snapshot.files) keys.insert(file.key);
  }
  return keys;
}

}  // namespace

RemoteSnapshots::RemoteSnapshots(io::FileSystem& fs, io::ObjectStore& store, std::string path,
                                 SnapshotManifest manifest)
    : fs_(fs),
      store_(store),
      path_(std::move(path)),
      manifest_(std::make_shared<const SnapshotManifest>(std::move(manifest))) {}

arrow::Result<std::unique_ptr<RemoteSnapshots>> RemoteSnapshots::Open(io::FileSystem& fs, io::ObjectStore& store,
                                                                      std::string path) {
  SnapshotManifest manifest;
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(path));
  if (exists) {
    ARROW_ASSIGN_OR_RAISE(const std::string text, io::ReadFile(fs, path));
    auto decoded = DecodeSnapshotManifest(text);
    if (!decoded.ok()) return decoded.status().WithMessage(path, ": ", decoded.status().message());
    manifest = std::move(decoded).ValueUnsafe();
  }
  return std::unique_ptr<RemoteSnapshots>(new RemoteSnapshots(fs, store, std::move(path), std::move(manifest)));
}

std::shared_ptr<const SnapshotManifest> RemoteSnapshots::manifest() const {
  std::lock_guard lock(mutex_);
  return manifest_;
}

arrow::Status RemoteSnapshots::MakeFolders() {
  if (folders_made_) return arrow::Status::OK();
  std::string folder = io::ParentOf(path_);
  ARROW_RETURN_NOT_OK(fs_.CreateDirectories(folder));
  for (int i = 0; i < kNewFoldersMax; ++i) {
    folder = io::ParentOf(folder);
    if (folder.empty() || folder == "." || folder == "/") break;
    ARROW_RETURN_NOT_OK(fs_.SyncDirectory(folder));
  }
  folders_made_ = true;
  return arrow::Status::OK();
}

arrow::Status RemoteSnapshots::WriteLocal(const SnapshotManifest& manifest) {
  established_ = false;
  ARROW_RETURN_NOT_OK(MakeFolders());
  const std::string text = EncodeSnapshotManifest(manifest);
  ARROW_RETURN_NOT_OK(io::ReplaceFile(fs_, path_, AsBytes(text)));
  established_ = true;
  return arrow::Status::OK();
}

arrow::Status RemoteSnapshots::Establish(const TableNames& names, const TableBucket& bucket) {
  if (established_) return arrow::Status::OK();
  // Also what was found: the process before may have been killed before it was durable.
  SnapshotManifest next = *manifest();
  if (next.names.table.empty()) {
    next.names = names;
    next.bucket = bucket;
  }
  ARROW_RETURN_NOT_OK(WriteLocal(next));
  std::lock_guard lock(mutex_);
  manifest_ = std::make_shared<const SnapshotManifest>(std::move(next));
  return arrow::Status::OK();
}

arrow::Status RemoteSnapshots::UploadFile(const SnapshotSource::File& file, const std::string& key,
                                          const std::function<bool()>& go_on) {
  if (!go_on()) return arrow::Status::Cancelled("A snapshot is given up.");
  if (file.path.empty()) return store_.Put(key, AsBytes(file.content));
  ARROW_ASSIGN_OR_RAISE(const auto from, fs_.Open(file.path, {}));
  return store_.PutFile(key, *from, file.bytes, go_on);
}

arrow::Result<KvSnapshot> RemoteSnapshots::Upload(const SnapshotSource& source, runtime::Random& random,
                                                  const std::function<bool()>& go_on) {
  const auto now = manifest();
  const std::string folder = FolderOf(*now);
  KvSnapshot made{.id = now->next_id,
                  .log_offset = source.log_offset,
                  .row_count = source.row_count,
                  .lineage = source.lineage,
                  .files = {}};
  const auto find = [&](const SnapshotSource::File& wanted) -> const SnapshotFile* {
    for (const auto& snapshot : now->snapshots) {
      if (snapshot.lineage != source.lineage) continue;
      for (const auto& file : snapshot.files) {
        if (file.shared && file.name == wanted.name && file.bytes == wanted.bytes) return &file;
      }
    }
    return nullptr;
  };
  for (const auto& file : source.files) {
    if (const SnapshotFile* const there = file.shared ? find(file) : nullptr) {
      made.files.push_back(*there);
      continue;
    }
    const std::string key =
        file.shared ? SharedFolder(folder) + "/" + MakeUuid(random) : SnapshotFolder(folder, made.id) + "/" + file.name;
    ARROW_RETURN_NOT_OK(UploadFile(file, key, go_on));
    made.files.push_back({.name = file.name, .key = key, .bytes = file.bytes, .shared = file.shared});
    made.incremental_bytes += file.bytes;
  }
  const std::string root = store_.public_root().empty() ? "" : store_.public_root() + "/";
  const std::string metadata = EncodeSnapshot(now->bucket, folder, made, root);
  ARROW_RETURN_NOT_OK(store_.Put(SnapshotFolder(folder, made.id) + "/" + kMetadataName, AsBytes(metadata)));
  return made;
}

arrow::Status RemoteSnapshots::Commit(std::vector<KvSnapshot> snapshots) {
  SnapshotManifest next = *manifest();
  next.snapshots = std::move(snapshots);
  for (const auto& snapshot : next.snapshots) next.next_id = std::max(next.next_id, snapshot.id + 1);
  ARROW_RETURN_NOT_OK(WriteLocal(next));
  std::lock_guard lock(mutex_);
  manifest_ = std::make_shared<const SnapshotManifest>(std::move(next));
  return arrow::Status::OK();
}

arrow::Status RemoteSnapshots::RemoveUnnamed(const SnapshotManifest& before) {
  const auto now = manifest();
  const std::string folder = FolderOf(*now);
  const std::set<std::string> named = KeysOf(*now);
  for (const auto& snapshot : before.snapshots) {
    if (now->Find(snapshot.id)) continue;
    ARROW_RETURN_NOT_OK(store_.RemoveTree(SnapshotFolder(folder, snapshot.id)));
    for (const auto& file : snapshot.files) {
      if (file.shared && !named.contains(file.key)) ARROW_RETURN_NOT_OK(store_.Remove(file.key));
    }
  }
  return arrow::Status::OK();
}

arrow::Status RemoteSnapshots::Sweep() {
  const auto now = manifest();
  const std::string folder = FolderOf(*now);
  const std::set<std::string> named = KeysOf(*now);
  std::set<std::string> folders = {SharedFolder(folder)};
  for (const auto& snapshot : now->snapshots) folders.insert(SnapshotFolder(folder, snapshot.id));
  ARROW_ASSIGN_OR_RAISE(const auto entries, store_.List(folder));
  for (const auto& entry : entries) {
    const std::string path = folder + "/" + entry.name;
    if (!folders.contains(path)) ARROW_RETURN_NOT_OK(store_.RemoveTree(path));
  }
  ARROW_ASSIGN_OR_RAISE(const auto shared, store_.List(SharedFolder(folder)));
  for (const auto& entry : shared) {
    const std::string key = SharedFolder(folder) + "/" + entry.name;
    if (!named.contains(key)) ARROW_RETURN_NOT_OK(store_.Remove(key));
  }
  return arrow::Status::OK();
}

arrow::Status RemoteSnapshots::RemoveAll() {
  const auto now = manifest();
  if (now->names.table.empty()) return arrow::Status::OK();  // nothing was ever uploaded
  std::string at = FolderOf(*now);
  ARROW_RETURN_NOT_OK(store_.RemoveTree(at));
  // The folders of partition and table, by whoever removes the last bucket.
  for (int above = now->names.partition ? 2 : 1; above > 0; --above) {
    at = io::ParentOf(at);
    ARROW_ASSIGN_OR_RAISE(const auto left, store_.List(at));
    if (!left.empty()) break;
    ARROW_RETURN_NOT_OK(store_.RemoveTree(at));
  }
  return arrow::Status::OK();
}

}  // namespace thalweg::remote
