#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "thalweg/query/change_columns_internal.h"
#include "thalweg/query/row_filter.h"
#include "thalweg/query/scan.h"
#include "thalweg/tablet/read.h"

namespace thalweg::query {

/// What a scan does with the rows that it has read, the same for all of them.
struct ScanShape {
  ScanColumns columns;
  std::vector<int> output;  ///< positions among columns.scanned, in the order asked for
  std::shared_ptr<arrow::Schema> scanned_schema;
  std::shared_ptr<arrow::Schema> output_schema;
  std::optional<RowFilter> filter;

  /// INVALID_COLUMN_PROJECTION, INVALID_SCAN_REQUEST.
  static arrow::Result<ScanShape> Make(const ScanRequest& request);
};

/// What all streams of a scan share.
class ScanCore : public Scan {
 public:
  ScanCore(Session session, ScanRequest request, ScanShape shape)
      : Scan(std::move(session), std::move(request), shape.output_schema),
        shape_(std::move(shape)),
        left_(request_.limit.value_or(INT64_MAX)) {}

  const ScanShape& shape() const { return shape_; }
  Token token() const override;
  ScanStats stats() const override;
  void Cancel(arrow::Status why) override;

  /// The error that ends the scan now, if any.
  arrow::Status Check() const;
  /// Whether as many rows as are wanted were given.
  bool full() const { return left_.load(std::memory_order_relaxed) <= 0; }
  /// How many of `rows` may be given.
  int64_t TakeRows(int64_t rows);
  /// Filters, cuts to the limit, and brings the columns in the order asked for; null where nothing is left. `done_rows`: how many
  /// of the rows are before the first one that the limit cuts off; all of them where it cuts off none.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Shape(arrow::ArrayVector scanned, int64_t rows,
                                                           int64_t* done_rows = nullptr);
  void NoteReached(const TableBucket& bucket, LogOffset next);

  /// Waits for news, for the end of the scan or for its deadline, or until `wait_ns_max` has passed; may also end without any.
  runtime::Task<> WaitFor(std::shared_ptr<tablet::ReadWaiter> waiter, std::optional<int64_t> wait_ns_max,
                          runtime::Executor& home);

  struct Counters {
    std::atomic<uint64_t> rows_read{0};
    std::atomic<uint64_t> rows_given{0};
    std::atomic<uint64_t> bytes_read{0};
    std::atomic<uint64_t> batches_read{0};
    std::atomic<uint64_t> batches_pruned{0};
    std::atomic<uint64_t> buckets_pruned{0};
  };
  Counters& counters() { return counters_; }

 private:
  /// How many of the `scanned` rows are before the one that matches the filter as number `matches` + 1.
  arrow::Result<int64_t> RowsBefore(const arrow::RecordBatch& scanned, int64_t matches) const;

  const ScanShape shape_;
  Counters counters_;
  std::atomic<int64_t> left_;
  std::atomic<bool> cancelled_{false};

  mutable std::mutex mutex_;  ///< guards what follows
  Token token_;
  arrow::Status why_;
  std::vector<std::shared_ptr<tablet::ReadWaiter>> waiters_;
};

}  // namespace thalweg::query
