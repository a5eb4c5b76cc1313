#include "thalweg/kv/verify_state.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "fmt/format.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/options.h"
#include "thalweg/base/error.h"
#include "thalweg/format/value_batch.h"
#include "thalweg/io/rocksdb_file_system.h"
#include "thalweg/kv/rocksdb_state_store.h"

namespace thalweg::kv {
namespace {

class StateVerifier {
 public:
  StateVerifier(io::FileSystem& fs, const std::string& directory, Faults* faults)
      : directory_(directory), faults_(faults), env_(io::MakeRocksdbEnv(fs)) {
    options_.env = env_.get();
    options_.info_log = io::MakeQuietRocksdbLogger();
    options_.paranoid_checks = true;
  }
  ~StateVerifier() {
    for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }

  bool Open() {
    // A store whose making was cut off has not got its second family yet.
    std::vector<std::string> names;
    if (!Sound(rocksdb::DB::ListColumnFamilies(options_, directory_, &names))) return false;
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    families.reserve(names.size());
    for (const auto& name : names) families.emplace_back(name, options_);
    rocksdb::DB* opened = nullptr;
    const auto status = rocksdb::DB::OpenForReadOnly(options_, directory_, families, &handles_, &opened);
    db_.reset(opened);
    return Sound(status);
  }

  arrow::Status Visit(VerifiedState* state) {
    Sound(db_->VerifyChecksum());
    const auto meta = std::ranges::find(handles_, kStateMetaFamily, [](auto* handle) { return handle->GetName(); });
    if (meta != handles_.end()) ARROW_RETURN_NOT_OK(ReadMeta(*meta, state));
    ReadRows(state);
    if (state->meta.row_count && *state->meta.row_count != state->rows) {
      Damaged(fmt::format("has {} rows, its meta says {}", state->rows, *state->meta.row_count));
    }
    return arrow::Status::OK();
  }

 private:
  bool Sound(const rocksdb::Status& status) {
    if (!status.ok()) Damaged(status.ToString());
    return status.ok();
  }
  void Damaged(std::string what) { faults_->Add(directory_, std::nullopt, std::move(what)); }

  arrow::Status ReadMeta(rocksdb::ColumnFamilyHandle* family, VerifiedState* state) {
    std::string bytes;
    const auto status = db_->Get(read_, family, kStateMetaKey, &bytes);
    if (status.IsNotFound() || !Sound(status)) return arrow::Status::OK();
    auto meta = DecodeStateMeta(AsBytes(bytes));
    if (CodeOf(meta.status()) == ErrorCode::kUnsupportedVersion) return meta.status();
    if (meta.ok()) {
      state->meta = *meta;
    } else {
      Damaged(meta.status().message());
    }
    return arrow::Status::OK();
  }

  void ReadRows(VerifiedState* state) {
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(read_));
    int64_t too_short = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      ++state->rows;
      state->bytes += it->key().size() + it->value().size();
      if (it->value().size() < format::kStoredValuePrefixBytes) ++too_short;
    }
    Sound(it->status());
    if (too_short > 0) Damaged(fmt::format("{} rows are too short to name their schema version", too_short));
  }

  const std::string& directory_;
  Faults* const faults_;
  const std::shared_ptr<rocksdb::Env> env_;
  rocksdb::Options options_;
  rocksdb::ReadOptions read_;  // verifies checksums
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

}  // namespace

arrow::Result<bool> VerifyState(io::FileSystem& fs, const std::string& directory, Faults* faults,
                                VerifiedState* state) {
  StateVerifier verifier(fs, directory, faults);
  if (!verifier.Open()) return false;
  ARROW_RETURN_NOT_OK(verifier.Visit(state));
  return true;
}

}  // namespace thalweg::kv
