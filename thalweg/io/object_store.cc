#include "thalweg/io/object_store.h"

#include "arrow/filesystem/filesystem.h"
#include "thalweg/base/error.h"
#include "thalweg/io/arrow_store.h"
#include "thalweg/io/directory_store.h"
#include "thalweg/io/outside_calls.h"

namespace thalweg::io {

arrow::Result<std::unique_ptr<ObjectStore>> OpenObjectStore(FileSystem& fs, const std::string& root,
                                                            const S3Login& login) {
  const size_t colon = root.find("://");
  std::string directory = root;
  if (colon == std::string::npos && root.starts_with("file:")) directory = root.substr(5);
  if (colon != std::string::npos) {
    if (root.substr(0, colon) != "file") return ArrowStore::Open(root, login);
    directory = root.substr(colon + 3);
  }
  if (!directory.starts_with('/')) {
    return Error(ErrorCode::kInvalidConfig,
                 "\"{}\" is neither an absolute path nor an address such as s3://bucket/folder.", root);
  }
  // As Fluss's own clients take it: pyfluss wants a scheme, Java's path takes both.
  return DirectoryStore::Open(fs, directory, "file://" + directory);
}

arrow::Status CheckObjectStore(ObjectStore& store) {
  const std::string key = "thalweg-check";
  ARROW_RETURN_NOT_OK(store.Put(key, AsBytes("It may be removed.")));
  return store.Remove(key);
}

bool FinishObjectStores() {
  if (OutsideCalls::left_alone() > 0) return false;
  arrow::fs::EnsureFinalized();
  return true;
}

}  // namespace thalweg::io
