#include "thalweg/catalog/verify_meta_store.h"

#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "fmt/format.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/options.h"
#include "rocksdb/table.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/embedded_meta_store.h"
#include "thalweg/catalog/records_internal.h"
#include "thalweg/io/rocksdb_file_system.h"
#include "thalweg/schema/schema.h"

namespace thalweg::catalog {
namespace {

constexpr size_t kRevisionBytes = sizeof(int64_t);

/// Reads records one by one, then holds them against each other.
class Verifier {
 public:
  Verifier(std::string path, Faults* faults, KnownIds* known)
      : path_(std::move(path)), faults_(faults), known_(known) {}

  void Take(const std::string& key, const std::string& value) {
    ++known_->records;
    const arrow::Status status = Decode(key, value);
    if (!status.ok()) faults_->Add(path_, std::nullopt, fmt::format("record {}: {}", key, status.message()));
  }

  void CompareRecords() {
    for (const auto& [path, table] : tables_) {
      if (!databases_.contains(path.database)) {
        faults_->Add(path_, std::nullopt, fmt::format("table {}: its database has no record", path));
      }
      for (int16_t version = 1; version <= table.second; ++version) {
        if (schemas_.contains(records::SchemaKey(table.first, SchemaId(version)))) continue;
        faults_->Add(path_, std::nullopt, fmt::format("table {}: version {} of its schema is missing", path, version));
      }
    }
  }

 private:
  arrow::Status Decode(const std::string& key, const std::string& value) {
    if (key.starts_with(records::kDatabases)) {
      ARROW_RETURN_NOT_OK(records::DecodeDatabase(key, value));
      databases_.insert(key.substr(std::string_view(records::kDatabases).size()));
    } else if (key.starts_with(records::kTables)) {
      int16_t schema_count = 0;
      ARROW_ASSIGN_OR_RAISE(const Table table, records::DecodeTable(key, value, schema_count));
      tables_[table.path] = {table.id, schema_count};
      known_->tables.insert(table.id);
    } else if (key.starts_with(records::kSchemas)) {
      ARROW_RETURN_NOT_OK(schema::Schema::FromJson(value));
      schemas_.insert(key);
    } else if (key.starts_with(records::kPartitions)) {
      ARROW_ASSIGN_OR_RAISE(const Partition partition, records::DecodePartition(key, value));
      known_->partitions.insert(partition.id);
    } else if (key == records::kFormatKey || key.starts_with("counter/")) {
      ARROW_RETURN_NOT_OK(records::DecodeNumber(key, value));
    }
    return arrow::Status::OK();
  }

  const std::string path_;
  Faults* const faults_;
  KnownIds* const known_;
  std::set<std::string> databases_;
  std::map<schema::TablePath, std::pair<TableId, int16_t>> tables_;
  std::set<std::string> schemas_;
};

}  // namespace

arrow::Status VerifyMetaStore(io::FileSystem& fs, const std::string& directory, Faults* faults, KnownIds* known) {
  const std::string format_path = directory + "/format";
  const auto format = io::ReadFile(fs, format_path);
  if (!format.ok()) {
    faults->Add(format_path, std::nullopt, format.status().message());
    return arrow::Status::OK();
  }
  if (*format != std::to_string(EmbeddedMetaStore::kFormatVersion)) {
    return Error(ErrorCode::kUnsupportedVersion, "{} says version '{}', this program knows version {}.", format_path,
                 *format, EmbeddedMetaStore::kFormatVersion);
  }
  const std::string path = directory + "/db";
  const auto env = io::MakeRocksdbEnv(fs);
  rocksdb::Options options;
  options.env = env.get();
  options.info_log = io::MakeQuietRocksdbLogger();
  options.paranoid_checks = true;
  // A commit that was cut off may leave a torn record at the end; before it nothing may be wrong.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::OpenForReadOnly(options, path, &opened);
  const std::unique_ptr<rocksdb::DB> db(opened);
  if (!status.ok()) {
    faults->Add(path, std::nullopt, fmt::format("the metadata cannot be opened: {}", status.ToString()));
    return arrow::Status::OK();
  }
  if (const auto sums = db->VerifyChecksum(); !sums.ok()) faults->Add(path, std::nullopt, sums.ToString());
  Verifier verifier(path, faults, known);
  rocksdb::ReadOptions read;
  read.verify_checksums = true;
  const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(read));
  for (it->Seek("k"); it->Valid() && it->key().starts_with("k"); it->Next()) {
    const std::string key(it->key().data() + 1, it->key().size() - 1);
    if (it->value().size() < kRevisionBytes) {
      faults->Add(path, std::nullopt, fmt::format("record {} is too short", key));
      continue;
    }
    verifier.Take(key, std::string(it->value().data() + kRevisionBytes, it->value().size() - kRevisionBytes));
  }
  if (!it->status().ok()) faults->Add(path, std::nullopt, it->status().ToString());
  verifier.CompareRecords();
  return arrow::Status::OK();
}

}  // namespace thalweg::catalog
