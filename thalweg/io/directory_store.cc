#include "thalweg/io/directory_store.h"

#include <algorithm>
#include <utility>

#include "thalweg/base/error.h"

namespace thalweg::io {
namespace {

constexpr const char* kPartEnding = ".part";
constexpr size_t kCopyBytes = 1 << 20;
constexpr size_t kDurableFoldersKept = 10'000;

}  // namespace

arrow::Result<std::unique_ptr<DirectoryStore>> DirectoryStore::Open(FileSystem& fs, std::string directory,
                                                                    std::string public_root) {
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  ARROW_RETURN_NOT_OK(fs.CreateDirectories(directory));
  ARROW_RETURN_NOT_OK(fs.SyncDirectory(ParentOf(directory)));
  return std::unique_ptr<DirectoryStore>(new DirectoryStore(fs, std::move(directory), std::move(public_root)));
}

arrow::Status DirectoryStore::SyncFoldersOf(const std::string& path) {
  std::string folder = ParentOf(path);
  ARROW_RETURN_NOT_OK(fs_.SyncDirectory(folder));
  std::vector<std::string> synced;
  while (folder.size() > directory_.size()) {
    {
      std::lock_guard lock(mutex_);
      if (durable_.contains(folder)) break;
    }
    synced.push_back(folder);
    folder = ParentOf(folder);
    ARROW_RETURN_NOT_OK(fs_.SyncDirectory(folder));
  }
  std::lock_guard lock(mutex_);
  if (durable_.size() > kDurableFoldersKept) durable_.clear();
  durable_.insert(synced.begin(), synced.end());
  return arrow::Status::OK();
}

template <typename Write>
arrow::Status DirectoryStore::PutWith(const std::string& key, Write write) {
  const std::string path = PathOf(key);
  const std::string part = path + kPartEnding;
  ARROW_RETURN_NOT_OK(fs_.CreateDirectories(ParentOf(path)));
  {
    ARROW_ASSIGN_OR_RAISE(auto file, fs_.Open(part, {.mode = OpenOptions::Mode::kTruncate}));
    arrow::Status written = write(*file);
    if (written.ok()) written = file->Sync();
    if (!written.ok()) {
      (void)fs_.Remove(part);  // else the next sweep finds it
      return written;
    }
  }
  ARROW_RETURN_NOT_OK(fs_.Rename(part, path));
  return SyncFoldersOf(path);
}

arrow::Status DirectoryStore::Put(const std::string& key, ByteView content) {
  return PutWith(key, [&](File& file) { return file.WriteAt(0, {&content, 1}); });
}

arrow::Status DirectoryStore::PutFile(const std::string& key, File& file, uint64_t bytes,
                                      const std::function<bool()>& go_on) {
  return PutWith(key, [&](File& to) -> arrow::Status {
    Buffer buffer(std::min<uint64_t>(kCopyBytes, bytes));
    for (uint64_t done = 0; done < bytes;) {
      if (!go_on()) return arrow::Status::Cancelled(key, " is not wanted any more");
      const MutableByteView into(buffer.data(), std::min<uint64_t>(buffer.size(), bytes - done));
      ARROW_ASSIGN_OR_RAISE(const size_t got, file.ReadAt(done, into));
      if (got < into.size()) {
        return Error(ErrorCode::kStorage, "{} is shorter than the {} bytes that were to be copied.", file.path(),
                     bytes);
      }
      const ByteView piece = into;
      ARROW_RETURN_NOT_OK(to.WriteAt(done, {&piece, 1}));
      done += got;
    }
    return arrow::Status::OK();
  });
}

arrow::Result<size_t> DirectoryStore::ReadAt(const ObjectRef& object, uint64_t offset, MutableByteView into) {
  ARROW_ASSIGN_OR_RAISE(auto file, fs_.Open(PathOf(object.key), {.mode = OpenOptions::Mode::kReadOnly}));
  return file->ReadAt(offset, into);
}

arrow::Result<std::vector<Entry>> DirectoryStore::List(const std::string& folder) {
  const std::string path = PathOf(folder);
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(path));
  if (!exists) return std::vector<Entry>();
  return fs_.List(path);
}

arrow::Status DirectoryStore::Remove(const std::string& key) { return fs_.Remove(PathOf(key)); }

arrow::Status DirectoryStore::RemoveTree(const std::string& folder) {
  const std::string path = PathOf(folder);
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(path));
  if (!exists) return arrow::Status::OK();
  {
    std::lock_guard lock(mutex_);
    std::erase_if(durable_, [&](const std::string& known) { return known.starts_with(path); });
  }
  ARROW_RETURN_NOT_OK(fs_.RemoveTree(path));
  return fs_.SyncDirectory(ParentOf(path));
}

}  // namespace thalweg::io
