#include "thalweg/kv/rocksdb_store_factory.h"

#include "fmt/format.h"
#include "thalweg/kv/rocksdb_state_store.h"

namespace thalweg::kv {

std::string RocksdbStoreFactory::DirectoryOf(const TableBucket& bucket) const {
  if (bucket.partition == kNoPartition) return fmt::format("{}/t{}/b{}", root_, bucket.table, bucket.bucket);
  return fmt::format("{}/t{}/p{}/b{}", root_, bucket.table, bucket.partition, bucket.bucket);
}

arrow::Result<std::unique_ptr<StateStore>> RocksdbStoreFactory::Open(const TableBucket& bucket) {
  const std::string directory = DirectoryOf(bucket);
  // The folders above it must last as well, or what was flushed would not be found again.
  ARROW_RETURN_NOT_OK(resources_->fs().CreateDirectories(directory));
  for (std::string above = io::ParentOf(directory); above.size() >= root_.size(); above = io::ParentOf(above)) {
    ARROW_RETURN_NOT_OK(resources_->fs().SyncDirectory(above));
  }
  return RocksdbStateStore::Open(resources_, directory);
}

arrow::Status RocksdbStoreFactory::Remove(const TableBucket& bucket) {
  const std::string directory = DirectoryOf(bucket);
  ARROW_RETURN_NOT_OK(resources_->fs().RemoveTree(directory));
  ARROW_ASSIGN_OR_RAISE(const bool was_there, resources_->fs().Exists(io::ParentOf(directory)));
  return was_there ? resources_->fs().SyncDirectory(io::ParentOf(directory)) : arrow::Status::OK();
}

}  // namespace thalweg::kv
