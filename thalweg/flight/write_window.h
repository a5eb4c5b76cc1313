#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "arrow/result.h"
#include "thalweg/query/writer.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"

namespace thalweg::flight {

/// The batches of one stream of rows that are under way to the device: several, so that the stream does not wait for it once per batch.
///
/// Invariant: batches are answered for in their order, and none behind one that has failed. Those behind it that had been started may be
/// stored all the same: the error says how many rows are.
/// Thread safety: one thread calls; `done` is called on `home`, one call at a time, and must not block.
class WriteWindow {
 public:
  static constexpr size_t kBatchesMax = 16;
  static constexpr int64_t kBytesMax = 32 << 20;  ///< of rows, where there is more than one batch

  using Done = std::function<void(const query::WriteAnswer&)>;
  using Start = std::function<arrow::Result<std::unique_ptr<query::Writing>>()>;

  WriteWindow(runtime::Executor& home, Done done) : home_(home), done_(std::move(done)) {}
  /// Waits for what is under way.
  ~WriteWindow();

  /// Waits for room, then calls `start`. The error of that, or of an earlier batch, ends the stream.
  arrow::Status Add(int64_t bytes, const Start& start);
  /// Waits until all is durable.
  arrow::Status Finish();

 private:
  struct Batch {
    int64_t bytes = 0;
    std::optional<arrow::Result<query::WriteAnswer>> answer{};
  };

  bool HasRoom(int64_t bytes) const;
  arrow::Status End(const arrow::Status& failure) const;
  runtime::Task<> Await(std::unique_ptr<query::Writing> writing, Batch& batch);
  void Settle();

  runtime::Executor& home_;
  const Done done_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> under_way_;  ///< whose elements do not move
  int64_t bytes_ = 0;            ///< of under_way_
  int64_t batches_stored_ = 0;
  int64_t rows_stored_ = 0;
  int64_t rows_stored_behind_ = 0;  ///< the failure
  arrow::Status failure_;
};

}  // namespace thalweg::flight
