#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "thalweg/kv/dirty_generation_internal.h"
#include "thalweg/kv/state_store.h"

namespace thalweg::kv {

/// The entries of one generation in the order of their keys, from the first key that begins with `prefix` on, to the last.
class DirtyRunCursor {
 public:
  DirtyRunCursor(DirtyGeneration::Runs runs, ByteView prefix);
  bool Valid() const { return smallest_ < at_.size(); }
  const DirtyEntry& entry() const { return *(*runs_[smallest_])[at_[smallest_]]; }
  void Next();

 private:
  void FindSmallest();

  DirtyGeneration::Runs runs_;
  std::vector<size_t> at_;  // one for each run
  size_t smallest_ = 0;     // at_.size() at the end
};

/// Rows of an overlay below one offset, over the rows of its store.
class DirtySnapshot final : public StateSnapshot {
 public:
  DirtySnapshot(std::shared_ptr<std::mutex> overlay_mutex, std::vector<std::shared_ptr<DirtyGeneration>> generations,
                const StateMeta& meta, std::unique_ptr<StateSnapshot> below)
      : overlay_mutex_(std::move(overlay_mutex)),
        generations_(std::move(generations)),
        meta_(meta),
        below_(std::move(below)) {}

  const StateMeta& meta() const override { return meta_; }
  std::unique_ptr<RowCursor> Scan(ByteView prefix) const override;
  int64_t held_bytes() const override;

 private:
  const std::shared_ptr<std::mutex> overlay_mutex_;
  const std::vector<std::shared_ptr<DirtyGeneration>> generations_;
  const StateMeta meta_;
  const std::unique_ptr<StateSnapshot> below_;
};

}  // namespace thalweg::kv
