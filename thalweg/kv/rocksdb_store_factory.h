#pragma once

#include <memory>
#include <string>

#include "thalweg/kv/rocksdb_resources.h"
#include "thalweg/kv/store_pool.h"

namespace thalweg::kv {

/// RocksdbStateStores under one folder: ROOT/t7/b0, and ROOT/t9/p12/b3 for partitions.
class RocksdbStoreFactory final : public StoreFactory {
 public:
  RocksdbStoreFactory(std::shared_ptr<RocksdbResources> resources, std::string root)
      : resources_(std::move(resources)), root_(std::move(root)) {}

  arrow::Result<std::unique_ptr<StateStore>> Open(const TableBucket& bucket) override;
  arrow::Status Remove(const TableBucket& bucket) override;

  std::string DirectoryOf(const TableBucket& bucket) const;

 private:
  const std::shared_ptr<RocksdbResources> resources_;
  const std::string root_;
};

}  // namespace thalweg::kv
