#include "thalweg/kv/dirty_overlay.h"

#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/kv/dirty_generation_internal.h"
#include "thalweg/kv/dirty_snapshot_internal.h"

namespace thalweg::kv {
namespace {

// A generation is written to the store in one step, which needs its memory twice more: larger ones are sealed by themselves.
constexpr size_t kGenerationBytesMax = 64 << 20;

}  // namespace

DirtyOverlay::DirtyOverlay(DirtyBudget& budget, const TableBucket& bucket, const StateMeta& stored)
    : budget_(budget),
      share_(std::make_shared<DirtyBudget::Share>(budget, bucket)),
      mutex_(std::make_shared<std::mutex>()),
      meta_(stored),
      committed_end_(stored.applied),
      published_(stored.applied.value),
      stored_(stored.applied.value) {}

DirtyOverlay::~DirtyOverlay() = default;

void DirtyOverlay::Begin(LogOffset begin) {
  std::lock_guard lock(*mutex_);
  TW_CHECK(!in_batch_ && begin >= committed_end_);
  in_batch_ = true;
  if (generations_.empty() || generations_.back()->end) {
    generations_.push_back(std::make_shared<DirtyGeneration>(share_, budget_.hash_seed()));
  }
  held_ = generations_;
  begin_ = next_offset_ = begin;
}

std::optional<DirtyOverlay::Latest> DirtyOverlay::Newest(ByteView key) const {
  TW_CHECK(in_batch_);
  // No lock: the last generation changes by this thread alone, the others not at all.
  for (auto generation = held_.rbegin(); generation != held_.rend(); ++generation) {
    const DirtyEntry* const entry = (*generation)->Find(key);
    const DirtyVersion* const version = entry ? entry->Below(INT64_MAX) : nullptr;
    if (version) return Latest{LogOffset(version->offset), version->row()};
  }
  return std::nullopt;
}

void DirtyOverlay::Add(ByteView key, std::optional<ByteView> row, LogOffset offset) {
  TW_CHECK(in_batch_ && offset >= next_offset_);
  next_offset_ = offset + 1;
  std::lock_guard lock(*mutex_);
  added_.push_back(held_.back()->Upsert(key, row, offset.value));
}

void DirtyOverlay::Commit(LogOffset end, int64_t rows_added) {
  TW_CHECK(in_batch_ && end >= next_offset_);
  std::lock_guard lock(*mutex_);
  committed_.push_back({end, rows_added});
  committed_end_ = end;
  in_batch_ = false;
  held_.clear();
  added_.clear();
  if (seal_wanted_ || generations_.back()->bytes() >= kGenerationBytesMax) SealLocked();
}

void DirtyOverlay::Abort() {
  TW_CHECK(in_batch_);
  std::lock_guard lock(*mutex_);
  // Readers that see such a version skip it: its offset is not published, nor will it be before the version is gone.
  for (auto entry = added_.rbegin(); entry != added_.rend(); ++entry) {
    const DirtyVersion* const version = (*entry)->newest.load(std::memory_order_relaxed);
    (*entry)->newest.store(version->older, std::memory_order_release);
  }
  in_batch_ = false;
  held_.clear();
  added_.clear();
  if (seal_wanted_) SealLocked();
}

void DirtyOverlay::Publish(LogOffset end) {
  std::lock_guard lock(*mutex_);
  TW_CHECK(end >= published() && end <= committed_end_);
  auto generation = generations_.begin();
  while (!committed_.empty() && committed_.front().end <= end) {
    const Committed& batch = committed_.front();
    meta_.applied = batch.end;
    if (meta_.row_count) *meta_.row_count += batch.rows_added;
    while (generation != generations_.end() && (*generation)->end && *(*generation)->end <= batch.end) {
      if (!(*generation)->meta) (*generation)->meta = meta_;
      ++generation;
    }
    committed_.pop_front();
  }
  TW_CHECK(meta_.applied == end);
  published_.store(end.value, std::memory_order_release);
}

StateMeta DirtyOverlay::meta() const {
  std::lock_guard lock(*mutex_);
  return meta_;
}

void DirtyOverlay::LookupBelow(std::span<const ByteView> keys, int64_t end, RowBatch* rows) const {
  TW_CHECK(keys.size() == rows->size());
  std::lock_guard lock(*mutex_);
  if (generations_.empty()) return;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (rows->IsKnown(i)) continue;
    for (auto generation = generations_.rbegin(); generation != generations_.rend(); ++generation) {
      const DirtyEntry* const entry = (*generation)->Find(keys[i]);
      const DirtyVersion* const version = entry ? entry->Below(end) : nullptr;
      if (!version) continue;
      if (version->removed) {
        rows->SetAbsent(i);
      } else {
        rows->Set(i, version->value());
      }
      break;
    }
  }
}

arrow::Result<std::unique_ptr<StateSnapshot>> DirtyOverlay::TakeSnapshot(StateStore& store) const {
  for (;;) {
    // The store first: what leaves the overlay behind it is on both sides missing, so then all is done again.
    const uint64_t drops_before = drops();
    ARROW_ASSIGN_OR_RAISE(auto below, store.TakeSnapshot());
    std::lock_guard lock(*mutex_);
    if (drops() != drops_before) continue;
    return std::make_unique<DirtySnapshot>(mutex_, generations_, meta_, std::move(below));
  }
}

void DirtyOverlay::Seal() {
  std::lock_guard lock(*mutex_);
  if (in_batch_) {
    seal_wanted_ = true;
  } else {
    SealLocked();
  }
}

void DirtyOverlay::SealLocked() {
  seal_wanted_ = false;
  if (generations_.empty() || generations_.back()->end) return;
  DirtyGeneration& last = *generations_.back();
  last.end = committed_end_;
  if (committed_end_ == published()) last.meta = meta_;
}

std::shared_ptr<DirtyGeneration> DirtyOverlay::NextToFlush() const {
  std::lock_guard lock(*mutex_);
  if (generations_.empty() || !generations_.front()->meta) return nullptr;
  return generations_.front();
}

arrow::Result<uint64_t> DirtyOverlay::FlushTo(StateStore& store) {
  std::lock_guard flush_lock(flush_mutex_);
  uint64_t written = 0;
  while (const std::shared_ptr<DirtyGeneration> generation = NextToFlush()) {
    std::vector<RowChange> changes;
    changes.reserve(generation->entry_count());
    DirtyRunCursor entries(generation->SortedRuns(*mutex_), {});
    for (; entries.Valid(); entries.Next()) {
      // Nothing where all versions were aborted.
      const DirtyVersion* const version = entries.entry().Below(INT64_MAX);
      if (version) changes.push_back({entries.entry().key(), version->row()});
    }
    if (!changes.empty() || generation->meta->applied != stored()) {
      ARROW_RETURN_NOT_OK(store.Apply(changes, *generation->meta));
      ARROW_RETURN_NOT_OK(store.Flush());
      budget_.NoteFlush(changes.size());
    }
    written += changes.size();
    std::lock_guard lock(*mutex_);
    stored_.store(generation->meta->applied.value, std::memory_order_release);
    drops_.fetch_add(1, std::memory_order_acq_rel);
    generations_.erase(generations_.begin());
  }
  return written;
}

}  // namespace thalweg::kv
