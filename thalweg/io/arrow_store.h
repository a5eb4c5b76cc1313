#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "thalweg/io/object_store.h"
#include "thalweg/io/outside_calls.h"

namespace arrow::fs {
class FileSystem;
}

namespace thalweg::io {

/// Objects in whatever Arrow has a file system for. Durable means what the store means by it: for S3 and the like an object
/// is there, whole and replicated, once its upload has been completed.
///
/// An attempt ends once nothing has moved for some seconds (S3: three, or nine where something was sent), and there are
/// kAttemptsMax of them. An upload has no more than a few pieces in memory, however slow the store is.
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
  void BeginStop() override;
  const std::string& public_root() const override { return public_root_; }

  static constexpr int kAttemptsMax = 4;

 private:
  using Flag = std::shared_ptr<std::atomic<bool>>;  ///< the library keeps a share of it
  class Upload;

  ArrowStore(std::shared_ptr<arrow::fs::FileSystem> fs, std::string root, Flag stopping);

  std::string PathOf(const std::string& key) const { return root_ + "/" + key; }
  /// What `call`, which owns all that it uses, returns; Cancelled where it is not waited for.
  template <typename Fn>
  auto Run(Fn call) -> decltype(call());

  const std::shared_ptr<arrow::fs::FileSystem> fs_;
  const std::string root_;         ///< inside of the file system
  const std::string public_root_;  ///< always empty
  const Flag stopping_;
  OutsideCalls calls_;
  bool has_folders_ = false;  ///< which must be made before what is in them; else they are names only
};

}  // namespace thalweg::io
