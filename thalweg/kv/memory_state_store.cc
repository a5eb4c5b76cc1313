#include "thalweg/kv/memory_state_store.h"

#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"

namespace thalweg::kv {
namespace {

constexpr const char* kFileName = "STATE";

class MapCursor final : public RowCursor {
 public:
  MapCursor(const std::map<std::string, std::string>& rows, ByteView prefix)
      : prefix_(AsText(prefix)), at_(rows.lower_bound(prefix_)), end_(rows.end()) {}
  bool Valid() const override { return at_ != end_ && at_->first.starts_with(prefix_); }
  ByteView key() const override { return AsBytes(at_->first); }
  ByteView value() const override { return AsBytes(at_->second); }
  void Next() override { ++at_; }
  arrow::Status status() const override { return arrow::Status::OK(); }

 private:
  const std::string prefix_;
  std::map<std::string, std::string>::const_iterator at_;
  const std::map<std::string, std::string>::const_iterator end_;
};

class MapSnapshot final : public StateSnapshot {
 public:
  explicit MapSnapshot(MemoryStateStore::State state) : state_(std::move(state)) {}
  const StateMeta& meta() const override { return state_.meta; }
  std::unique_ptr<RowCursor> Scan(ByteView prefix) const override {
    return std::make_unique<MapCursor>(state_.rows, prefix);
  }

 private:
  const MemoryStateStore::State state_;
};

class OneFile final : public StateFiles {
 public:
  OneFile(const StateMeta& meta, std::string content) : meta_(meta) {
    const uint64_t bytes = content.size();
    files_.push_back({kFileName, bytes, false, "", std::move(content)});
  }
  const StateMeta& meta() const override { return meta_; }
  const std::string& lineage() const override { return lineage_; }
  const std::vector<StateFile>& files() const override { return files_; }

 private:
  const StateMeta meta_;
  const std::string lineage_ = "memory";  // of no use to anybody: its file is not shared
  std::vector<StateFile> files_;
};

void AppendPiece(std::string* out, std::string_view piece) {
  uint8_t size[sizeof(uint64_t)];
  StoreLittle<uint64_t>(size, piece.size());
  out->append(AsText(size));
  out->append(piece);
}

bool TakePiece(std::string_view* rest, std::string* piece) {
  if (rest->size() < sizeof(uint64_t)) return false;
  const uint64_t size = LoadLittle<uint64_t>(AsBytes(*rest).data());
  rest->remove_prefix(sizeof(uint64_t));
  if (size > rest->size()) return false;
  piece->assign(rest->substr(0, size));
  rest->remove_prefix(size);
  return true;
}

}  // namespace

arrow::Result<std::unique_ptr<MemoryStateStore>> MemoryStateStore::Open(io::FileSystem& fs,
                                                                        const std::string& directory) {
  ARROW_ASSIGN_OR_RAISE(const std::string content, io::ReadFile(fs, directory + "/" + kFileName));
  std::string_view rest = content;
  std::string piece;
  bool whole = TakePiece(&rest, &piece);
  State state;
  if (whole) {
    ARROW_ASSIGN_OR_RAISE(state.meta, DecodeStateMeta(AsBytes(piece)));
  }
  while (whole && !rest.empty()) {
    whole = TakePiece(&rest, &piece) && TakePiece(&rest, &state.rows[piece]);
  }
  if (!whole) return Error(ErrorCode::kKvStorage, "{}/{} ends too early.", directory, kFileName);
  auto store = std::make_unique<MemoryStateStore>();
  store->flushed_ = state;
  store->current_ = std::move(state);
  return store;
}

arrow::Status MemoryStateStore::MultiGet(std::span<const ByteView> keys, RowBatch* rows) {
  TW_CHECK(keys.size() == rows->size());
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (rows->IsKnown(i)) continue;
    const auto found = current_.rows.find(std::string(AsText(keys[i])));
    if (found == current_.rows.end()) {
      rows->SetAbsent(i);
    } else {
      rows->Set(i, AsBytes(found->second));
    }
  }
  return arrow::Status::OK();
}

arrow::Status MemoryStateStore::Apply(std::span<const RowChange> changes, const StateMeta& meta) {
  std::lock_guard lock(mutex_);
  for (const RowChange& change : changes) {
    std::string key(AsText(change.key));
    if (change.value) {
      current_.rows.insert_or_assign(std::move(key), std::string(AsText(*change.value)));
    } else {
      current_.rows.erase(key);
    }
  }
  current_.meta = meta;
  return arrow::Status::OK();
}

StateMeta MemoryStateStore::meta() const {
  std::lock_guard lock(mutex_);
  return current_.meta;
}

arrow::Result<std::unique_ptr<StateSnapshot>> MemoryStateStore::TakeSnapshot() {
  std::lock_guard lock(mutex_);
  return std::make_unique<MapSnapshot>(current_);
}

arrow::Status MemoryStateStore::Flush() {
  std::lock_guard lock(mutex_);
  flushed_ = current_;
  return arrow::Status::OK();
}

arrow::Result<std::unique_ptr<StateFiles>> MemoryStateStore::HoldFiles() {
  ARROW_RETURN_NOT_OK(Flush());
  std::lock_guard lock(mutex_);
  std::string content;
  AppendPiece(&content, EncodeStateMeta(flushed_.meta));
  for (const auto& [key, value] : flushed_.rows) {
    AppendPiece(&content, key);
    AppendPiece(&content, value);
  }
  return std::make_unique<OneFile>(flushed_.meta, std::move(content));
}

void MemoryStateStore::DropUnflushed() {
  std::lock_guard lock(mutex_);
  current_ = flushed_;
}

}  // namespace thalweg::kv
