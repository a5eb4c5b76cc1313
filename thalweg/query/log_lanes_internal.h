#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/query/log_rows_internal.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"
#include "thalweg/tablet/read.h"

namespace thalweg::query {

/// Turns what one read of a bucket has brought into batches of rows, in their order, several threads at once: each takes a run of
/// the read's batches.
///
/// Thread safety: none; waits for all threads before it returns.
class LogLanes {
 public:
  /// `count`: threads, at least 1.
  static arrow::Result<std::unique_ptr<LogLanes>> Make(ScanCore& scan, size_t count);

  /// As LogRows::Start.
  arrow::Status Start(const tablet::ReadResult& read, const LogPart& part);
  /// As LogRows::Next; part() is where to go on once it has brought nothing. Resumes on `workers`.
  runtime::Task<arrow::Result<std::optional<ScanBatch>>> Next(runtime::Executor& workers);
  const LogPart& part() const { return lanes_[used_ - 1].rows->part(); }
  /// As LogRows::ReadFactor.
  uint64_t ReadFactor() const { return lanes_.front().rows->ReadFactor(); }

 private:
  struct Lane {
    std::unique_ptr<LogRows> rows;
    std::deque<ScanBatch> decoded{};
    bool done = false;
  };

  runtime::Task<arrow::Status> Decode(Lane& lane, runtime::Executor& workers);

  std::vector<Lane> lanes_;
  int64_t batch_rows_max_ = 0;
  size_t used_ = 1;     ///< by the read
  size_t current_ = 0;  ///< whose rows are given
};

}  // namespace thalweg::query
