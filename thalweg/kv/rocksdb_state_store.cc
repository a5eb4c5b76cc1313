#include "thalweg/kv/rocksdb_state_store.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <utility>
#include <vector>

#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/options.h"
#include "rocksdb/table.h"
#include "rocksdb/write_batch.h"
#include "rocksdb/write_buffer_manager.h"
#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"

namespace thalweg::kv {

struct RocksdbStateStore::Database {
  ~Database() {
    for (rocksdb::ColumnFamilyHandle* handle : {rows, meta}) {
      // Fails only for a handle that is not ours.
      if (handle) TW_CHECK(db->DestroyColumnFamilyHandle(handle).ok());
    }
  }

  std::string directory;
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* rows = nullptr;
  rocksdb::ColumnFamilyHandle* meta = nullptr;
};

namespace {

using Database = RocksdbStateStore::Database;

// What RocksDB looks up together; more at once would allocate.
constexpr size_t kKeysAtOnce = 32;
// Rows come in one Apply of tens of MiB and are flushed right after it; a smaller buffer would only split the files.
constexpr size_t kRowsBufferBytes = 64 << 20;
constexpr size_t kMetaBufferBytes = 64 << 10;
// Small at first, since most stores are: the arena grows by these.
constexpr size_t kRowsArenaBytes = 64 << 10;
constexpr size_t kMetaArenaBytes = 4 << 10;
// Of max_open_files, what RocksDB takes for itself.
constexpr int kOtherFiles = 10;
constexpr uint64_t kManifestBytesMax = 1 << 20;
// Levels 0 and 1 are rewritten soon: compressing them costs more than it saves.
constexpr size_t kLevels = 7;
constexpr size_t kPlainLevels = 2;
constexpr uint32_t kTableFormat = 5;

rocksdb::Slice ToSlice(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
ByteView ToBytes(const rocksdb::Slice& slice) { return {reinterpret_cast<const uint8_t*>(slice.data()), slice.size()}; }

struct SoughtKey {
  uint64_t leading;  ///< as numbers these compare like the bytes
  size_t index;
};

uint64_t LeadingBytes(ByteView key) {
  std::array<uint8_t, sizeof(uint64_t)> bytes{};
  std::ranges::copy(key.first(std::min(key.size(), bytes.size())), bytes.begin());
  return LoadBig<uint64_t>(bytes.data());
}

arrow::Status FromRocksdb(const rocksdb::Status& status, const std::string& directory) {
  if (status.ok()) return arrow::Status::OK();
  if (status.IsNoSpace()) {
    return Error(ErrorCode::kDiskWriteLocked, "The device of the state in {} is full: {}. Make room.", directory,
                 status.ToString());
  }
  if (status.IsCorruption()) {
    return Error(
        ErrorCode::kKvStorage,
        "The state in {} is damaged: {}. Where the changelog is there from its beginning, stop the server, move the "
        "folder away and start it again: the rows are made again from it. Else put a copy of the folder back.",
        directory, status.ToString());
  }
  return Error(ErrorCode::kKvStorage, "The state in {} failed: {}", directory, status.ToString());
}

arrow::Result<StateMeta> ReadMeta(const Database& database, const rocksdb::ReadOptions& options) {
  std::string bytes;
  const rocksdb::Status status = database.db->Get(options, database.meta, kStateMetaKey, &bytes);
  if (status.IsNotFound()) return StateMeta{};
  ARROW_RETURN_NOT_OK(FromRocksdb(status, database.directory));
  return DecodeStateMeta(AsBytes(bytes));
}

class Cursor final : public RowCursor {
 public:
  Cursor(std::shared_ptr<Database> database, const rocksdb::Snapshot* snapshot, ByteView prefix)
      : database_(std::move(database)), prefix_(AsText(prefix)) {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    // One pass over all rows would push out of the cache what look-ups find there.
    options.fill_cache = !prefix_.empty();
    at_.reset(database_->db->NewIterator(options, database_->rows));
    at_->Seek(prefix_);
  }
  bool Valid() const override { return at_->Valid() && at_->key().starts_with(prefix_); }
  ByteView key() const override { return ToBytes(at_->key()); }
  ByteView value() const override { return ToBytes(at_->value()); }
  void Next() override { at_->Next(); }
  arrow::Status status() const override { return FromRocksdb(at_->status(), database_->directory); }

 private:
  const std::shared_ptr<Database> database_;
  const std::string prefix_;
  std::unique_ptr<rocksdb::Iterator> at_;
};

class Snapshot final : public StateSnapshot {
 public:
  explicit Snapshot(std::shared_ptr<Database> database)
      : database_(std::move(database)), snapshot_(database_->db->GetSnapshot()) {}
  ~Snapshot() override { database_->db->ReleaseSnapshot(snapshot_); }

  arrow::Status ReadMetaNow() {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot_;
    ARROW_ASSIGN_OR_RAISE(meta_, ReadMeta(*database_, options));
    return arrow::Status::OK();
  }

  const StateMeta& meta() const override { return meta_; }
  std::unique_ptr<RowCursor> Scan(ByteView prefix) const override {
    return std::make_unique<Cursor>(database_, snapshot_, prefix);
  }

 private:
  const std::shared_ptr<Database> database_;
  const rocksdb::Snapshot* const snapshot_;
  StateMeta meta_;
};

class HeldFiles final : public StateFiles {
 public:
  HeldFiles(std::shared_ptr<Database> database, const StateMeta& meta) : database_(std::move(database)), meta_(meta) {}
  ~HeldFiles() override {
    // Without force: others may hold files too. A failure only leaves files for the next open to remove.
    if (held_) (void)database_->db->EnableFileDeletions(/*force=*/false);
  }

  arrow::Status Hold() {
    ARROW_RETURN_NOT_OK(FromRocksdb(database_->db->DisableFileDeletions(), database_->directory));
    held_ = true;
    // Read from its file, and written anew where that is missing: then everything counts as new once.
    ARROW_RETURN_NOT_OK(FromRocksdb(database_->db->GetDbIdentity(lineage_), database_->directory));
    rocksdb::LiveFilesStorageInfoOptions options;
    options.wal_size_for_flush = UINT64_MAX;  // the caller has flushed; there is nothing in a log
    std::vector<rocksdb::LiveFileStorageInfo> found;
    ARROW_RETURN_NOT_OK(FromRocksdb(database_->db->GetLiveFilesStorageInfo(options, &found), database_->directory));
    for (rocksdb::LiveFileStorageInfo& file : found) {
      if (file.file_type == rocksdb::kWalFile) continue;  // always empty
      StateFile& held = files_.emplace_back();
      held.name = file.relative_filename;
      held.bytes = file.size;
      held.shared = file.file_type == rocksdb::kTableFile;
      held.content = std::move(file.replacement_contents);
      if (held.content.empty()) held.path = file.directory + "/" + held.name;
    }
    return arrow::Status::OK();
  }

  const StateMeta& meta() const override { return meta_; }
  const std::string& lineage() const override { return lineage_; }
  const std::vector<StateFile>& files() const override { return files_; }

 private:
  const std::shared_ptr<Database> database_;
  const StateMeta meta_;
  std::string lineage_;
  std::vector<StateFile> files_;
  bool held_ = false;
};

}  // namespace

RocksdbStateStore::RocksdbStateStore(std::shared_ptr<RocksdbResources> resources, std::string directory)
    : resources_(std::move(resources)), directory_(std::move(directory)) {}

RocksdbStateStore::~RocksdbStateStore() {
  database_.reset();
  resources_->GiveBackTableFiles(extra_files_);
}

arrow::Result<std::unique_ptr<RocksdbStateStore>> RocksdbStateStore::Open(std::shared_ptr<RocksdbResources> resources,
                                                                          const std::string& directory) {
  ARROW_RETURN_NOT_OK(resources->fs().CreateDirectories(directory));
  ARROW_RETURN_NOT_OK(resources->fs().SyncDirectory(io::ParentOf(directory)));
  std::unique_ptr<RocksdbStateStore> store(new RocksdbStateStore(std::move(resources), directory));
  ARROW_RETURN_NOT_OK(store->OpenDatabase());
  return store;
}

arrow::Status RocksdbStateStore::OpenDatabase() {
  ARROW_ASSIGN_OR_RAISE(const std::vector<io::Entry> entries, resources_->fs().List(directory_));
  const auto tables =
      std::ranges::count_if(entries, [](const io::Entry& entry) { return entry.name.ends_with(".sst"); });
  extra_files_ = resources_->TakeTableFiles(static_cast<int>(tables) - RocksdbResources::kTableFilesOfEach);

  rocksdb::DBOptions options;
  options.env = resources_->env_.get();
  options.info_log = resources_->logger_;
  options.keep_log_file_num = 1;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.atomic_flush = true;
  options.avoid_flush_during_shutdown = true;  // closing is no flush: what has to stay was flushed
  options.write_buffer_manager = resources_->write_buffers_;
  options.max_open_files = kOtherFiles + RocksdbResources::kTableFilesOfEach + extra_files_;
  options.max_file_opening_threads = 1;
  options.table_cache_numshardbits = 0;
  options.max_background_jobs = 2 * resources_->limits_.background_threads;
  options.max_manifest_file_size = kManifestBytesMax;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  options.skip_checking_sst_file_sizes_on_db_open = true;
  options.max_bgerror_resume_count = 0;  // who owns the store opens it again

  rocksdb::BlockBasedTableOptions table;
  table.format_version = kTableFormat;
  // Known to every RocksDB since 5; libraries that distributions build compute CRC-32C without the processor's help.
  table.checksum = rocksdb::kxxHash64;
  table.block_cache = resources_->block_cache_;
  table.cache_index_and_filter_blocks = true;  // so that the cache's limit bounds them too
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy = resources_->filter_;

  rocksdb::ColumnFamilyOptions rows;
  rows.write_buffer_size = kRowsBufferBytes;
  rows.arena_block_size = kRowsArenaBytes;
  rows.compression_per_level.assign(kLevels, rocksdb::kLZ4Compression);
  std::fill_n(rows.compression_per_level.begin(), kPlainLevels, rocksdb::kNoCompression);
  rows.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  rocksdb::ColumnFamilyOptions meta;
  meta.write_buffer_size = kMetaBufferBytes;
  meta.arena_block_size = kMetaArenaBytes;
  meta.compression = rocksdb::kNoCompression;
  table.filter_policy = nullptr;
  meta.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));

  database_ = std::make_shared<Database>();
  database_->directory = directory_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(
      options, directory_, {{rocksdb::kDefaultColumnFamilyName, rows}, {kStateMetaFamily, meta}}, &handles, &opened);
  ARROW_RETURN_NOT_OK(FromRocksdb(status, directory_));
  database_->db.reset(opened);
  database_->rows = handles[0];
  database_->meta = handles[1];
  ARROW_ASSIGN_OR_RAISE(meta_, ReadMeta(*database_, {}));
  return arrow::Status::OK();
}

arrow::Status RocksdbStateStore::MultiGet(std::span<const ByteView> keys, RowBatch* rows) {
  TW_CHECK(keys.size() == rows->size());
  // In the order of the files, so that what is looked up together lies together: the blocks of an index or a filter are found in
  // the cache once for many keys.
  std::vector<SoughtKey> sought;
  sought.reserve(rows->unknown());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!rows->IsKnown(i)) sought.push_back({LeadingBytes(keys[i]), i});
  }
  std::ranges::sort(sought, [&](const SoughtKey& a, const SoughtKey& b) {
    return a.leading != b.leading ? a.leading < b.leading : ToSlice(keys[a.index]).compare(ToSlice(keys[b.index])) < 0;
  });
  std::array<rocksdb::Slice, kKeysAtOnce> slices;
  std::array<rocksdb::PinnableSlice, kKeysAtOnce> values;
  std::array<rocksdb::Status, kKeysAtOnce> statuses;
  for (std::span<const SoughtKey> rest = sought; !rest.empty();) {
    const std::span<const SoughtKey> group = rest.first(std::min(rest.size(), kKeysAtOnce));
    rest = rest.subspan(group.size());
    for (size_t i = 0; i < group.size(); ++i) slices[i] = ToSlice(keys[group[i].index]);
    database_->db->MultiGet({}, database_->rows, group.size(), slices.data(), values.data(), statuses.data(),
                            /*sorted_input=*/true);
    for (size_t i = 0; i < group.size(); ++i) {
      if (statuses[i].IsNotFound()) {
        rows->SetAbsent(group[i].index);
      } else {
        ARROW_RETURN_NOT_OK(FromRocksdb(statuses[i], directory_));
        rows->Set(group[i].index, ToBytes(values[i]));
      }
      values[i].Reset();
    }
  }
  return arrow::Status::OK();
}

arrow::Status RocksdbStateStore::Apply(std::span<const RowChange> changes, const StateMeta& meta) {
  size_t bytes = 0;
  for (const RowChange& change : changes) bytes += change.key.size() + (change.value ? change.value->size() : 0);
  constexpr size_t kEntryBytes = 12;  // tag and two sizes
  rocksdb::WriteBatch batch(bytes + changes.size() * kEntryBytes);
  for (const RowChange& change : changes) {
    const rocksdb::Status added = change.value ? batch.Put(database_->rows, ToSlice(change.key), ToSlice(*change.value))
                                               : batch.Delete(database_->rows, ToSlice(change.key));
    ARROW_RETURN_NOT_OK(FromRocksdb(added, directory_));
  }
  ARROW_RETURN_NOT_OK(FromRocksdb(batch.Put(database_->meta, kStateMetaKey, EncodeStateMeta(meta)), directory_));
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  options.memtable_insert_hint_per_batch = true;  // the keys ascend
  ARROW_RETURN_NOT_OK(FromRocksdb(database_->db->Write(options, &batch), directory_));
  std::lock_guard lock(meta_mutex_);
  meta_ = meta;
  return arrow::Status::OK();
}

StateMeta RocksdbStateStore::meta() const {
  std::lock_guard lock(meta_mutex_);
  return meta_;
}

arrow::Result<std::unique_ptr<StateSnapshot>> RocksdbStateStore::TakeSnapshot() {
  auto snapshot = std::make_unique<Snapshot>(database_);
  ARROW_RETURN_NOT_OK(snapshot->ReadMetaNow());
  return snapshot;
}

arrow::Status RocksdbStateStore::Flush() {
  ARROW_RETURN_NOT_OK(FromRocksdb(database_->db->Flush({}, {database_->rows, database_->meta}), directory_));
  return GrowTableFiles();
}

arrow::Status RocksdbStateStore::GrowTableFiles() {
  int tables = 0;
  for (size_t level = 0; level < kLevels; ++level) {
    std::string count;
    const std::string property = rocksdb::DB::Properties::kNumFilesAtLevelPrefix + std::to_string(level);
    if (database_->db->GetProperty(database_->rows, property, &count)) tables += std::atoi(count.c_str());
  }
  std::lock_guard lock(files_mutex_);
  const int missing = tables - RocksdbResources::kTableFilesOfEach - extra_files_;
  if (missing <= 0) return arrow::Status::OK();
  // Some more, since each change of an option writes them all to a file.
  const int taken = resources_->TakeTableFiles(2 * missing);
  if (taken == 0) return arrow::Status::OK();
  extra_files_ += taken;
  const int files = kOtherFiles + RocksdbResources::kTableFilesOfEach + extra_files_;
  return FromRocksdb(database_->db->SetDBOptions({{"max_open_files", std::to_string(files)}}), directory_);
}

arrow::Result<std::unique_ptr<StateFiles>> RocksdbStateStore::HoldFiles() {
  ARROW_RETURN_NOT_OK(Flush());
  auto files = std::make_unique<HeldFiles>(database_, meta());
  ARROW_RETURN_NOT_OK(files->Hold());
  return files;
}

}  // namespace thalweg::kv
