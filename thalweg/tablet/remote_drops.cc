#include "thalweg/tablet/remote_drops.h"

#include <algorithm>

#include "thalweg/remote/remote_log.h"

namespace thalweg::tablet {

arrow::Status NoteRemoteDrops(io::FileSystem& fs, const std::string& folder, const std::string& logs,
                              const std::string& from) {
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(from));
  if (!exists) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto entries, fs.List(from));
  for (const auto& entry : entries) {
    if (entry.is_directory) ARROW_RETURN_NOT_OK(NoteRemoteDrops(fs, folder, logs, from + "/" + entry.name));
    if (entry.name != kTierFile) continue;
    ARROW_RETURN_NOT_OK(fs.CreateDirectories(folder));
    ARROW_RETURN_NOT_OK(fs.SyncDirectory(io::ParentOf(folder)));
    std::string name = from.substr(logs.size() + 1);  // "t9/p12/b3"
    std::ranges::replace(name, '/', '-');
    ARROW_RETURN_NOT_OK(fs.Rename(from + "/" + kTierFile, folder + "/" + name));
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
    auto remote = remote::RemoteLog::Open(fs, store, path);
    arrow::Status removed = remote.status();
    if (removed.ok()) removed = (*remote)->RemoveAll();
    if (removed.ok()) removed = fs.Remove(path);
    result &= removed;
  }
  return result;
}

}  // namespace thalweg::tablet
