#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "thalweg/io/object_store.h"

namespace thalweg::io {

/// Objects as files of a directory. A Put writes a temporary file ("….part"), syncs it, renames it,
/// and syncs every folder up to the root that may hold a new name.
class DirectoryStore final : public ObjectStore {
 public:
  /// `directory` is absolute (it is made where missing); clients are told "file:" and the path, or nothing where
  /// `public_root` is empty. `fs` outlives the store.
  static arrow::Result<std::unique_ptr<DirectoryStore>> Open(FileSystem& fs, std::string directory,
                                                             std::string public_root);

  arrow::Status Put(const std::string& key, ByteView content) override;
  arrow::Status PutFile(const std::string& key, File& file, uint64_t bytes,
                        const std::function<bool()>& go_on) override;
  arrow::Result<size_t> ReadAt(const ObjectRef& object, uint64_t offset, MutableByteView into) override;
  arrow::Result<std::vector<Entry>> List(const std::string& folder) override;
  arrow::Status Remove(const std::string& key) override;
  arrow::Status RemoveTree(const std::string& folder) override;
  const std::string& public_root() const override { return public_root_; }

 private:
  DirectoryStore(FileSystem& fs, std::string directory, std::string public_root)
      : fs_(fs), directory_(std::move(directory)), public_root_(std::move(public_root)) {}

  std::string PathOf(const std::string& key) const { return directory_ + "/" + key; }
  template <typename Write>
  arrow::Status PutWith(const std::string& key, Write write);
  arrow::Status SyncFoldersOf(const std::string& path);

  FileSystem& fs_;
  const std::string directory_;
  const std::string public_root_;

  std::mutex mutex_;
  std::set<std::string> durable_;  ///< folders whose own names are known to be; forgotten where there are many
};

}  // namespace thalweg::io
