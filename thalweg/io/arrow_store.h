#pragma once

#include <memory>
#include <string>
#include <vector>

#include "thalweg/io/object_store.h"

namespace arrow::fs {
class FileSystem;
}

namespace thalweg::io {

/// Objects in whatever Arrow has a file system for. Durable means what the store means by it: for S3 and the like an object
/// is there, whole and replicated, once its upload has been completed.
class ArrowStore final : public ObjectStore {
 public:
  /// `uri` may hold keys, so it is never repeated in a message.
  static arrow::Result<std::unique_ptr<ArrowStore>> Open(const std::string& uri, const S3Login& login);
  ~ArrowStore() override;

  arrow::Status Put(const std::string& key, ByteView content) override;
  arrow::Status PutFile(const std::string& key, File& file, uint64_t bytes,
                        const std::function<bool()>& go_on) override;
  arrow::Result<size_t> ReadAt(const ObjectRef& object, uint64_t offset, MutableByteView into) override;
  arrow::Result<std::vector<Entry>> List(const std::string& folder) override;
  arrow::Status Remove(const std::string& key) override;
  arrow::Status RemoveTree(const std::string& folder) override;
  const std::string& public_root() const override { return public_root_; }

 private:
  ArrowStore(std::shared_ptr<arrow::fs::FileSystem> fs, std::string root);

  std::string PathOf(const std::string& key) const { return root_ + "/" + key; }
  template <typename Write>
  arrow::Status PutWith(const std::string& key, Write write);

  const std::shared_ptr<arrow::fs::FileSystem> fs_;
  const std::string root_;         ///< inside of the file system
  const std::string public_root_;  ///< always empty
  bool has_folders_ = false;       ///< which must be made before what is in them; else they are names only
};

}  // namespace thalweg::io
