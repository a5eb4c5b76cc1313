#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "thalweg/io/file_system.h"
#include "thalweg/kv/state_store.h"

namespace thalweg::kv {

/// The model of a StateStore: the same promises from a map in memory, small enough to be seen to be right. Tests hold the real
/// one against it, and use it where a disk would only cost time. Copies all rows for each snapshot.
/// Thread safety: as StateStore, Apply included.
class MemoryStateStore final : public StateStore {
 public:
  MemoryStateStore() = default;
  /// A copy of the files of one.
  static arrow::Result<std::unique_ptr<MemoryStateStore>> Open(io::FileSystem& fs, const std::string& directory);

  arrow::Status MultiGet(std::span<const ByteView> keys, RowBatch* rows) override;
  arrow::Status Apply(std::span<const RowChange> changes, const StateMeta& meta) override;
  StateMeta meta() const override;
  arrow::Result<std::unique_ptr<StateSnapshot>> TakeSnapshot() override;
  arrow::Status Flush() override;
  arrow::Result<std::unique_ptr<StateFiles>> HoldFiles() override;

  /// What a crash does.
  void DropUnflushed();

  struct State {
    std::map<std::string, std::string> rows;
    StateMeta meta;
  };

 private:
  mutable std::mutex mutex_;
  State current_;
  State flushed_;
};

}  // namespace thalweg::kv
