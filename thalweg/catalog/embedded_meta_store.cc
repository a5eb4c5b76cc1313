#include "thalweg/catalog/embedded_meta_store.h"

#include <charconv>
#include <utility>

#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/options.h"
#include "rocksdb/table.h"
#include "rocksdb/write_batch.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/io/rocksdb_file_system.h"

namespace thalweg::catalog {
namespace {

constexpr const char* kEpochKey = "e";
constexpr const char* kRevisionKey = "r";
constexpr char kUserPrefix = 'k';
constexpr size_t kRevisionBytes = sizeof(int64_t);
constexpr size_t kLogsMax = 8;

std::string Number(int64_t value) {
  uint8_t bytes[kRevisionBytes];
  StoreLittle<int64_t>(bytes, value);
  return std::string(AsText({bytes, sizeof bytes}));
}

int64_t NumberOf(rocksdb::Slice bytes) { return LoadLittle<int64_t>(reinterpret_cast<const uint8_t*>(bytes.data())); }

arrow::Status FromRocksdb(const rocksdb::Status& status, const std::string& directory) {
  if (status.ok()) return arrow::Status::OK();
  const ErrorCode code = status.IsNoSpace() ? ErrorCode::kDiskWriteLocked : ErrorCode::kStorage;
  return Error(code, "The metadata store in {} failed: {}", directory, status.ToString());
}

arrow::Status Corrupt(const std::string& directory) {
  return Error(ErrorCode::kStorage,
               "The metadata store in {} holds a value that is too short. Restore it from a backup.", directory);
}

rocksdb::Options SmallOptions(rocksdb::Env* env) {
  rocksdb::Options options;
  options.env = env;
  options.info_log = io::MakeQuietRocksdbLogger();
  options.keep_log_file_num = 1;
  options.create_if_missing = true;
  options.write_buffer_size = 1 << 20;
  options.arena_block_size = 32 << 10;
  options.max_total_wal_size = 4 << 20;
  options.max_manifest_file_size = 1 << 20;
  options.target_file_size_base = 1 << 20;
  options.max_open_files = 16;
  options.max_file_opening_threads = 1;
  options.table_cache_numshardbits = 0;
  options.max_background_jobs = 1;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  options.avoid_flush_during_recovery = true;  // a start is faster without; the log is small enough to be read again
  options.max_bgerror_resume_count = 0;        // EnsureOpen heals, by opening again
  options.compression = rocksdb::kNoCompression;
  // A commit that was cut off may leave a torn record behind the acknowledged ones.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

EmbeddedMetaStore::EmbeddedMetaStore(io::FileSystem& fs, std::string directory, runtime::Executor& pool)
    : fs_(fs), directory_(std::move(directory)), pool_(pool), env_(io::MakeRocksdbEnv(fs)) {}

EmbeddedMetaStore::~EmbeddedMetaStore() = default;

arrow::Result<std::unique_ptr<EmbeddedMetaStore>> EmbeddedMetaStore::Open(io::FileSystem& fs,
                                                                          const std::string& directory,
                                                                          runtime::Executor& pool) {
  const std::string format_path = directory + "/format";
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(format_path));
  if (exists) {
    ARROW_ASSIGN_OR_RAISE(const std::string text, io::ReadFile(fs, format_path));
    int version = 0;
    std::from_chars(text.data(), text.data() + text.size(), version);
    if (version != kFormatVersion) {
      return Error(
          ErrorCode::kUnsupportedVersion,
          "{} says version '{}', this server knows version {}. Start the server that wrote it, or a later one.",
          format_path, text, kFormatVersion);
    }
  } else {
    ARROW_ASSIGN_OR_RAISE(const bool damaged, fs.Exists(directory + "/db/CURRENT"));
    if (damaged) return Error(ErrorCode::kStorage, "{} is missing. Restore it from a backup.", format_path);
  }
  if (!exists) {
    ARROW_RETURN_NOT_OK(fs.CreateDirectories(directory + "/db"));
    ARROW_RETURN_NOT_OK(fs.SyncDirectory(io::ParentOf(directory)));
    ARROW_RETURN_NOT_OK(fs.SyncDirectory(directory));
    ARROW_RETURN_NOT_OK(io::ReplaceFile(fs, format_path, AsBytes(std::to_string(kFormatVersion))));
  } else {
    // An earlier start may have been killed between naming the format and syncing the name.
    ARROW_RETURN_NOT_OK(fs.SyncDirectory(directory));
  }

  std::unique_ptr<EmbeddedMetaStore> store(new EmbeddedMetaStore(fs, directory, pool));
  ARROW_RETURN_NOT_OK(store->OpenDatabase());
  return store;
}

arrow::Status EmbeddedMetaStore::OpenDatabase() {
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(SmallOptions(env_.get()), directory_ + "/db", &opened);
  db_.reset(opened);
  ARROW_RETURN_NOT_OK(FromRocksdb(status, directory_));
  ARROW_ASSIGN_OR_RAISE(epoch_, ReadNumber(kEpochKey));
  ARROW_ASSIGN_OR_RAISE(revision_, ReadNumber(kRevisionKey));
  return FoldLogs();
}

arrow::Status EmbeddedMetaStore::FoldLogs() {
  // Each start adds a log, and reads them all; only a flush lets go of them. It is waited for: in the background, a
  // process that never lives long would never finish one.
  rocksdb::VectorLogPtr logs;
  ARROW_RETURN_NOT_OK(FromRocksdb(db_->GetSortedWalFiles(logs), directory_));
  if (logs.size() <= kLogsMax) return arrow::Status::OK();
  return FromRocksdb(db_->Flush({}), directory_);
}

arrow::Status EmbeddedMetaStore::EnsureOpen() {
  if (!failed_) return arrow::Status::OK();
  db_.reset();
  ARROW_RETURN_NOT_OK(OpenDatabase());
  failed_ = false;
  return arrow::Status::OK();
}

arrow::Result<int64_t> EmbeddedMetaStore::ReadNumber(const char* raw_key) {
  std::string bytes;
  const rocksdb::Status status = db_->Get({}, raw_key, &bytes);
  if (status.IsNotFound()) return 0;
  ARROW_RETURN_NOT_OK(FromRocksdb(status, directory_));
  if (bytes.size() != kRevisionBytes) return Corrupt(directory_);
  return NumberOf(bytes);
}

arrow::Status EmbeddedMetaStore::Write(rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status status = db_->Write(options, &batch);
  failed_ = !status.ok();
  return FromRocksdb(status, directory_);
}

arrow::Result<std::optional<MetaStore::Versioned>> EmbeddedMetaStore::GetNow(const std::string& key) {
  std::string bytes;
  const rocksdb::Status status = db_->Get({}, kUserPrefix + key, &bytes);
  if (status.IsNotFound()) return std::nullopt;
  ARROW_RETURN_NOT_OK(FromRocksdb(status, directory_));
  if (bytes.size() < kRevisionBytes) return Corrupt(directory_);
  return Versioned{bytes.substr(kRevisionBytes), NumberOf(bytes)};
}

arrow::Result<std::vector<MetaStore::Entry>> EmbeddedMetaStore::ListNow(const std::string& prefix) {
  const std::string raw_prefix = kUserPrefix + prefix;
  std::vector<Entry> entries;
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}));
  for (at->Seek(raw_prefix); at->Valid() && at->key().starts_with(raw_prefix); at->Next()) {
    const rocksdb::Slice bytes = at->value();
    if (bytes.size() < kRevisionBytes) return Corrupt(directory_);
    entries.push_back({std::string(at->key().data() + 1, at->key().size() - 1),
                       std::string(bytes.data() + kRevisionBytes, bytes.size() - kRevisionBytes), NumberOf(bytes)});
  }
  ARROW_RETURN_NOT_OK(FromRocksdb(at->status(), directory_));
  return entries;
}

arrow::Result<std::optional<int64_t>> EmbeddedMetaStore::CommitNow(const Transaction& transaction) {
  if (transaction.epoch != epoch_) {
    return Error(ErrorCode::kFencedLeaderEpoch, "Epoch {} may no longer change the metadata: epoch {} has taken over.",
                 transaction.epoch, epoch_);
  }
  for (const Compare& compare : transaction.compares) {
    ARROW_ASSIGN_OR_RAISE(const std::optional<Versioned> found, GetNow(compare.key));
    if ((found ? found->revision : kAbsent) != compare.revision) return std::nullopt;
  }
  const int64_t revision = revision_ + 1;
  const std::string number = Number(revision);
  rocksdb::WriteBatch batch;
  for (const auto& [key, value] : transaction.puts) batch.Put(kUserPrefix + key, number + value);
  for (const std::string& key : transaction.removals) batch.Delete(kUserPrefix + key);
  batch.Put(kRevisionKey, number);
  ARROW_RETURN_NOT_OK(Write(batch));
  revision_ = revision;
  return revision;
}

arrow::Result<int64_t> EmbeddedMetaStore::TakeEpochNow() {
  rocksdb::WriteBatch batch;
  batch.Put(kEpochKey, Number(epoch_ + 1));
  ARROW_RETURN_NOT_OK(Write(batch));
  return ++epoch_;
}

runtime::Task<arrow::Result<std::optional<MetaStore::Versioned>>> EmbeddedMetaStore::Get(std::string key) {
  co_await runtime::SwitchTo(pool_);
  std::lock_guard lock(mutex_);
  TW_CO_RETURN_NOT_OK(EnsureOpen());
  co_return GetNow(key);
}

runtime::Task<arrow::Result<std::vector<MetaStore::Entry>>> EmbeddedMetaStore::List(std::string prefix) {
  co_await runtime::SwitchTo(pool_);
  std::lock_guard lock(mutex_);
  TW_CO_RETURN_NOT_OK(EnsureOpen());
  co_return ListNow(prefix);
}

runtime::Task<arrow::Result<std::optional<int64_t>>> EmbeddedMetaStore::Commit(Transaction transaction) {
  co_await runtime::SwitchTo(pool_);
  std::lock_guard lock(mutex_);
  TW_CO_RETURN_NOT_OK(EnsureOpen());
  co_return CommitNow(transaction);
}

runtime::Task<arrow::Result<int64_t>> EmbeddedMetaStore::TakeEpoch() {
  co_await runtime::SwitchTo(pool_);
  std::lock_guard lock(mutex_);
  TW_CO_RETURN_NOT_OK(EnsureOpen());
  co_return TakeEpochNow();
}

}  // namespace thalweg::catalog
