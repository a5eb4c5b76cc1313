#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "thalweg/io/file_system.h"
#include "thalweg/kv/rocksdb_resources.h"
#include "thalweg/kv/state_store.h"

namespace thalweg::kv {

/// Where a RocksdbStateStore keeps its meta: the column family, and the one key in it.
inline constexpr const char* kStateMetaFamily = "meta";
inline constexpr const char* kStateMetaKey = "state";

/// The StateStore that lasts: one RocksDB in a folder of its own, reaching the disk through io::FileSystem.
///
///   DIR/  column family "default": key → value as given · "meta": "state" → EncodeStateMeta
///
/// Written without a log of its own; both families are flushed together (atomic_flush), which makes invariant 1 of StateStore.
/// The files are such that the RocksDB of Fluss's Java client (6.20) opens them: table format 5, xxHash64, Bloom filters,
/// LZ4 or nothing, bytewise order; it reads the family "default" alone.
///
/// After a failed Flush the store refuses to write until it is opened again.
/// Thread safety: as StateStore.
class RocksdbStateStore final : public StateStore {
 public:
  /// Makes `directory` where missing; its parent must exist and is synced. KV_STORAGE where another process has it open, or
  /// its files contradict each other; UNSUPPORTED_VERSION where a later server has written it.
  static arrow::Result<std::unique_ptr<RocksdbStateStore>> Open(std::shared_ptr<RocksdbResources> resources,
                                                                const std::string& directory);
  /// Closes without a flush. Snapshots and held files must be gone.
  ~RocksdbStateStore() override;

  arrow::Status MultiGet(std::span<const ByteView> keys, RowBatch* rows) override;
  arrow::Status Apply(std::span<const RowChange> changes, const StateMeta& meta) override;
  StateMeta meta() const override;
  arrow::Result<std::unique_ptr<StateSnapshot>> TakeSnapshot() override;
  arrow::Status Flush() override;
  arrow::Result<std::unique_ptr<StateFiles>> HoldFiles() override;

  struct Database;

 private:
  RocksdbStateStore(std::shared_ptr<RocksdbResources> resources, std::string directory);
  arrow::Status OpenDatabase();
  /// Lets RocksDB keep its table files open, as long as there are descriptors left.
  arrow::Status GrowTableFiles();

  const std::shared_ptr<RocksdbResources> resources_;
  const std::string directory_;
  std::shared_ptr<Database> database_;
  std::mutex files_mutex_;  // guards the next
  int extra_files_ = 0;
  mutable std::mutex meta_mutex_;  // guards meta_; held together with nothing that waits
  StateMeta meta_;
};

}  // namespace thalweg::kv
