#include "thalweg/tablet/remote_drops.h"

#include <algorithm>
#include <string_view>

#include "thalweg/remote/remote_log.h"
#include "thalweg/remote/remote_snapshots.h"

namespace thalweg::tablet {

namespace {

// At the end of the name of a noted drop: it is about snapshots.
constexpr std::string_view kSnapshotsEnding = ".snapshots";

arrow::Status RemoveNoted(io::FileSystem& fs, io::ObjectStore& store, const std::string& path) {
  if (path.ends_with(kSnapshotsEnding)) {
    ARROW_ASSIGN_OR_RAISE(const auto snapshots, remote::RemoteSnapshots::Open(fs, store, path));
    return snapshots->RemoveAll();
  }
  ARROW_ASSIGN_OR_RAISE(const auto log, remote::RemoteLog::Open(fs, store, path));
  return log->RemoveAll();
}

}  // namespace

arrow::Status NoteRemoteDrops(io::FileSystem& fs, const std::string& folder, const std::string& root,
                              const std::string& from) {
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(from));
  if (!exists) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto entries, fs.List(from));
  for (const auto& entry : entries) {
    if (entry.is_directory) ARROW_RETURN_NOT_OK(NoteRemoteDrops(fs, folder, root, from + "/" + entry.name));
    const bool of_snapshots = entry.name == kSnapshotsFile;
    if (entry.name != kTierFile && !of_snapshots) continue;
    ARROW_RETURN_NOT_OK(fs.CreateDirectories(folder));
    ARROW_RETURN_NOT_OK(fs.SyncDirectory(io::ParentOf(folder)));
    std::string name = from.substr(root.size() + 1);  // "t9/p12/b3"
    std::ranges::replace(name, '/', '-');
    if (of_snapshots) name += kSnapshotsEnding;
    ARROW_RETURN_NOT_OK(fs.Rename(from + "/" + entry.name, folder + "/" + name));
    ARROW_RETURN_NOT_OK(fs.SyncDirectory(folder));
  }
  return arrow::Status::OK();
}

arrow::Status FinishRemoteDrops(io::FileSystem& fs, io::ObjectStore& store, const std::string& folder,
                                const std::function<bool()>& go_on) {
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(folder));
  if (!exists) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto drops, fs.List(folder));
  arrow::Status result;
  for (const auto& drop : drops) {
    if (!go_on()) break;
    const std::string path = folder + "/" + drop.name;
    arrow::Status removed = RemoveNoted(fs, store, path);
    if (removed.ok()) removed = fs.Remove(path);
    result &= removed;
  }
  return result;
}

}  // namespace thalweg::tablet
