#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "thalweg/catalog/meta_store.h"
#include "thalweg/io/file_system.h"
#include "thalweg/runtime/executor.h"

namespace rocksdb {
class DB;
class Env;
class Iterator;
class WriteBatch;
}  // namespace rocksdb

namespace thalweg::catalog {

/// The MetaStore of a single machine: RocksDB in a folder of its own, its log synced by each commit, tuned to be small
/// (a write buffer of 1 MiB, no block cache, few open files, no INFO log).
///
///   DIR/format   the layout's version as text; a later one than ours is refused before anything is touched
///   DIR/db/      RocksDB. Keys: "k" + key → revision (8 bytes, little-endian) + value; "e" epoch, "r" last revision
///
/// After a failed commit the store is opened again before the next call, so that an error of the disk (it was full) heals
/// without a restart, and a commit whose log record was torn is never followed by others in the same log.
///
/// Thread safety: all calls; one at a time goes on.
class EmbeddedMetaStore final : public MetaStore {
 public:
  static constexpr int kFormatVersion = 1;

  /// Blocks. `directory` is made where missing. `pool` runs what blocks; it and `fs` must outlive the store.
  /// kUnsupportedVersion where a later server has written it; kStorage otherwise, where another process has it open too.
  static arrow::Result<std::unique_ptr<EmbeddedMetaStore>> Open(io::FileSystem& fs, const std::string& directory,
                                                                runtime::Executor& pool);
  ~EmbeddedMetaStore() override;

  runtime::Task<arrow::Result<std::optional<Versioned>>> Get(std::string key) override;
  runtime::Task<arrow::Result<std::vector<Entry>>> List(std::string prefix) override;
  runtime::Task<arrow::Result<std::optional<int64_t>>> Commit(Transaction transaction) override;
  runtime::Task<arrow::Result<int64_t>> TakeEpoch() override;

 private:
  EmbeddedMetaStore(io::FileSystem& fs, std::string directory, runtime::Executor& pool);

  // All below with mutex_ held, on a thread that may block.
  arrow::Status OpenDatabase();
  arrow::Status FoldLogs();
  /// Opens the database again where a write failed.
  arrow::Status EnsureOpen();
  arrow::Result<std::optional<Versioned>> GetNow(const std::string& key);
  arrow::Result<std::vector<Entry>> ListNow(const std::string& prefix);
  arrow::Result<std::optional<int64_t>> CommitNow(const Transaction& transaction);
  arrow::Result<int64_t> TakeEpochNow();
  arrow::Status Write(rocksdb::WriteBatch& batch);
  /// 0 where there is none.
  arrow::Result<int64_t> ReadNumber(const char* raw_key);

  io::FileSystem& fs_;
  const std::string directory_;
  runtime::Executor& pool_;
  std::mutex mutex_;
  std::shared_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  bool failed_ = false;
  int64_t epoch_ = 0;
  int64_t revision_ = 0;
};

}  // namespace thalweg::catalog
