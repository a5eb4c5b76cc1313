#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "thalweg/io/file_system.h"

namespace rocksdb {
class Cache;
class Env;
class FilterPolicy;
class Logger;
class WriteBufferManager;
}  // namespace rocksdb

namespace thalweg::kv {

/// What all stores of a server may use together.
struct RocksdbLimits {
  /// Blocks of data, indexes and filters read from files.
  uint64_t block_cache_bytes = 64 << 20;
  /// Rows on their way to a file. Writers wait where flushes do not keep up.
  uint64_t write_buffer_bytes = 64 << 20;
  /// Threads for flushes, and as many for compactions. Of the whole process: they are RocksDB's own.
  int background_threads = 2;
  /// File descriptors for table files, of all stores together, beyond those that each has for itself (kTableFilesOfEach).
  int table_files = 1024;
};

/// One block cache, one write buffer budget and one pool of threads for any number of RocksdbStateStores.
/// Thread safety: all of it. `fs` must outlive it; it must outlive nothing: stores keep it alive.
class RocksdbResources {
 public:
  static constexpr int kTableFilesOfEach = 10;

  static std::shared_ptr<RocksdbResources> Make(io::FileSystem& fs, const RocksdbLimits& limits);
  ~RocksdbResources();

  io::FileSystem& fs() const { return fs_; }
  uint64_t cached_bytes() const;
  uint64_t write_buffer_bytes() const;

 private:
  friend class RocksdbStateStore;
  RocksdbResources(io::FileSystem& fs, const RocksdbLimits& limits);

  /// As many of `wanted` descriptors as are left; to be given back.
  int TakeTableFiles(int wanted);
  void GiveBackTableFiles(int count) { table_files_left_.fetch_add(count); }

  io::FileSystem& fs_;
  const RocksdbLimits limits_;
  const std::shared_ptr<rocksdb::Env> env_;
  const std::shared_ptr<rocksdb::Logger> logger_;
  const std::shared_ptr<rocksdb::Cache> block_cache_;
  const std::shared_ptr<rocksdb::WriteBufferManager> write_buffers_;
  const std::shared_ptr<const rocksdb::FilterPolicy> filter_;
  std::atomic<int> table_files_left_;
};

}  // namespace thalweg::kv
