#include "thalweg/kv/rocksdb_resources.h"

#include <algorithm>

#include "rocksdb/cache.h"
#include "rocksdb/env.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/write_buffer_manager.h"
#include "thalweg/io/rocksdb_file_system.h"

namespace thalweg::kv {
namespace {

// Bits of a filter for each key: about one lookup in a hundred reads a file for nothing.
constexpr double kFilterBitsPerKey = 10;

}  // namespace

std::shared_ptr<RocksdbResources> RocksdbResources::Make(io::FileSystem& fs, const RocksdbLimits& limits) {
  return std::shared_ptr<RocksdbResources>(new RocksdbResources(fs, limits));
}

RocksdbResources::RocksdbResources(io::FileSystem& fs, const RocksdbLimits& limits)
    : fs_(fs),
      limits_(limits),
      env_(io::MakeRocksdbEnv(fs)),
      logger_(io::MakeQuietRocksdbLogger()),
      block_cache_(rocksdb::NewLRUCache(limits.block_cache_bytes)),
      write_buffers_(std::make_shared<rocksdb::WriteBufferManager>(limits.write_buffer_bytes)),
      filter_(rocksdb::NewBloomFilterPolicy(kFilterBitsPerKey)),
      table_files_left_(limits.table_files) {
  env_->SetBackgroundThreads(limits.background_threads, rocksdb::Env::HIGH);
  env_->SetBackgroundThreads(limits.background_threads, rocksdb::Env::LOW);
}

RocksdbResources::~RocksdbResources() = default;

int RocksdbResources::TakeTableFiles(int wanted) {
  int left = table_files_left_.load();
  int taken = 0;
  do {
    taken = std::clamp(left, 0, std::max(wanted, 0));
  } while (!table_files_left_.compare_exchange_weak(left, left - taken));
  return taken;
}

uint64_t RocksdbResources::cached_bytes() const { return block_cache_->GetUsage(); }
uint64_t RocksdbResources::write_buffer_bytes() const { return write_buffers_->memory_usage(); }

}  // namespace thalweg::kv
