#include <algorithm>
#include <utility>

#include "thalweg/kv/dirty_snapshot_internal.h"

namespace thalweg::kv {
namespace {

bool StartsWith(ByteView key, ByteView prefix) {
  return key.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), key.begin());
}

/// The rows of an overlay, newest generation winning, over those of the store; removals hide what is below them.
class MergedCursor final : public RowCursor {
 public:
  MergedCursor(std::vector<DirtyRunCursor> generations, int64_t end, ByteView prefix, std::unique_ptr<RowCursor> below)
      : generations_(std::move(generations)),
        end_(end),
        prefix_(prefix.begin(), prefix.end()),
        below_(std::move(below)) {
    Settle();
  }

  bool Valid() const override { return valid_; }
  ByteView key() const override { return key_; }
  ByteView value() const override { return value_; }
  void Next() override {
    Step();
    Settle();
  }
  arrow::Status status() const override { return below_->status(); }

 private:
  bool InPrefix(const DirtyRunCursor& cursor) const {
    return cursor.Valid() && StartsWith(cursor.entry().key(), prefix_);
  }

  /// Moves everything that stands at key_ on.
  void Step() {
    for (DirtyRunCursor& cursor : generations_) {
      if (cursor.Valid() && std::ranges::equal(cursor.entry().key(), key_)) cursor.Next();
    }
    // Last: key_ may be its bytes.
    if (at_below_) below_->Next();
  }

  /// Stops at the next key that has a row.
  void Settle() {
    for (;; Step()) {
      std::optional<ByteView> smallest;
      for (const DirtyRunCursor& cursor : generations_) {
        if (InPrefix(cursor) && (!smallest || KeyLess(cursor.entry().key(), *smallest)))
          smallest = cursor.entry().key();
      }
      at_below_ = below_->Valid() && (!smallest || !KeyLess(*smallest, below_->key()));
      valid_ = smallest || at_below_;
      if (!valid_) return;
      key_ = at_below_ ? below_->key() : *smallest;
      const DirtyVersion* version = nullptr;
      for (const DirtyRunCursor& cursor : generations_) {  // newest first
        if (cursor.Valid() && std::ranges::equal(cursor.entry().key(), key_)) version = cursor.entry().Below(end_);
        if (version) break;
      }
      if (version ? !version->removed : at_below_) {
        value_ = version ? version->value() : below_->value();
        return;
      }
    }
  }

  std::vector<DirtyRunCursor> generations_;
  const int64_t end_;
  const std::vector<uint8_t> prefix_;
  const std::unique_ptr<RowCursor> below_;
  bool valid_ = false;
  bool at_below_ = false;  // the store has key_, too
  ByteView key_;
  ByteView value_;
};

}  // namespace

DirtyRunCursor::DirtyRunCursor(DirtyGeneration::Runs runs, ByteView prefix) : runs_(std::move(runs)) {
  for (const auto& run : runs_) {
    const auto at = std::lower_bound(run->begin(), run->end(), prefix,
                                     [](const DirtyEntry* entry, ByteView key) { return KeyLess(entry->key(), key); });
    at_.push_back(static_cast<size_t>(at - run->begin()));
  }
  FindSmallest();
}

void DirtyRunCursor::Next() {
  ++at_[smallest_];
  FindSmallest();
}

void DirtyRunCursor::FindSmallest() {
  smallest_ = at_.size();
  for (size_t i = 0; i < at_.size(); ++i) {
    if (at_[i] == runs_[i]->size()) continue;
    if (smallest_ == at_.size() || KeyLess((*runs_[i])[at_[i]]->key(), entry().key())) smallest_ = i;
  }
}

int64_t DirtySnapshot::held_bytes() const {
  std::lock_guard lock(*overlay_mutex_);
  size_t bytes = 0;
  for (const auto& generation : generations_) bytes += generation->bytes();
  return static_cast<int64_t>(bytes);
}

std::unique_ptr<RowCursor> DirtySnapshot::Scan(ByteView prefix) const {
  std::vector<DirtyRunCursor> cursors;
  for (auto generation = generations_.rbegin(); generation != generations_.rend(); ++generation) {
    cursors.emplace_back((*generation)->SortedRuns(*overlay_mutex_), prefix);
  }
  return std::make_unique<MergedCursor>(std::move(cursors), meta_.applied.value, prefix, below_->Scan(prefix));
}

}  // namespace thalweg::kv
