#include <algorithm>
#include <set>
#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "thalweg/base/error.h"
#include "thalweg/query/scan_core_internal.h"

namespace thalweg::query {
namespace {

// A timer that is of no use any more stays until it has run out: so none is set for long.
constexpr int64_t kTimerNsMax = 1'000'000'000;

}  // namespace

arrow::Result<ScanShape> ScanShape::Make(const ScanRequest& request) {
  const Table& table = *request.table;
  const auto column_count = static_cast<int>(table.schema().column_count());
  std::vector<int> wanted;
  if (request.columns) {
    wanted = *request.columns;
  } else {
    for (int i = 0; i < column_count; ++i) wanted.push_back(i);
  }
  std::set<int> scanned;
  for (const int column : wanted) {
    if (column < 0 || column >= column_count || !scanned.insert(column).second) {
      return Error(
          ErrorCode::kInvalidColumnProjection,
          "{} has columns 0 to {}, of which each can be asked for once; {} is not one of them, or comes twice.",
          table.path(), column_count - 1, column);
    }
  }
  ScanShape shape;
  if (request.filter) {
    ARROW_ASSIGN_OR_RAISE(const auto named, RowFilter::ColumnsOf(*request.filter, table.schema()));
    scanned.insert(named.begin(), named.end());
  }
  shape.columns = ScanColumns::Of(table, {scanned.begin(), scanned.end()});
  const auto& all = shape.columns.scanned;
  if (request.filter) {
    ARROW_ASSIGN_OR_RAISE(auto filter, RowFilter::Make(*request.filter, table.schema(), all));
    shape.filter.emplace(std::move(filter));
  }
  arrow::FieldVector scanned_fields, output_fields;
  for (const int column : all) scanned_fields.push_back(table.arrow_schema()->field(column));
  for (const int column : wanted) {
    shape.output.push_back(static_cast<int>(std::ranges::find(all, column) - all.begin()));
    output_fields.push_back(table.arrow_schema()->field(column));
  }
  shape.scanned_schema = arrow::schema(std::move(scanned_fields));
  shape.output_schema = arrow::schema(std::move(output_fields));
  return shape;
}

Token ScanCore::token() const {
  std::lock_guard lock(mutex_);
  return token_;
}

void ScanCore::NoteReached(const TableBucket& bucket, LogOffset next) {
  std::lock_guard lock(mutex_);
  token_.Add(bucket, next);
}

ScanStats ScanCore::stats() const {
  return {.rows_read = counters_.rows_read,
          .rows_given = counters_.rows_given,
          .bytes_read = counters_.bytes_read,
          .batches_read = counters_.batches_read,
          .batches_pruned = counters_.batches_pruned,
          .buckets_pruned = counters_.buckets_pruned};
}

void ScanCore::Cancel(arrow::Status why) {
  std::vector<std::shared_ptr<tablet::ReadWaiter>> waiters;
  {
    std::lock_guard lock(mutex_);
    if (why_.ok()) why_ = why.ok() ? arrow::Status::Cancelled("The scan was cancelled.") : std::move(why);
    cancelled_.store(true, std::memory_order_release);
    waiters.swap(waiters_);
  }
  for (const auto& waiter : waiters) waiter->Wake();
}

arrow::Status ScanCore::Check() const {
  if (cancelled_.load(std::memory_order_acquire)) {
    std::lock_guard lock(mutex_);
    return why_;
  }
  if (request_.deadline_ns && environment().clock.MonotonicNs() >= *request_.deadline_ns) {
    return Error(ErrorCode::kRequestTimeOut,
                 "The scan of {} has come to its deadline: ask for less, or allow more time.", request_.table->path());
  }
  return arrow::Status::OK();
}

int64_t ScanCore::TakeRows(int64_t rows) {
  if (!request_.limit) return rows;
  int64_t left = left_.load(std::memory_order_relaxed);
  int64_t taken = 0;
  do {
    taken = std::clamp<int64_t>(left, 0, rows);
  } while (!left_.compare_exchange_weak(left, left - taken));
  return taken;
}

arrow::Result<int64_t> ScanCore::RowsBefore(const arrow::RecordBatch& scanned, int64_t matches) const {
  if (!shape_.filter) return matches;
  int64_t before = 0, beyond = scanned.num_rows();
  while (beyond - before > 1) {
    const int64_t middle = before + (beyond - before) / 2;
    ARROW_ASSIGN_OR_RAISE(const auto found, shape_.filter->Apply(scanned.Slice(0, middle)));
    (found && found->num_rows() > matches ? beyond : before) = middle;
  }
  return before;
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> ScanCore::Shape(arrow::ArrayVector scanned, int64_t rows,
                                                                   int64_t* done_rows) {
  counters_.rows_read += static_cast<uint64_t>(rows);
  const auto all = arrow::RecordBatch::Make(shape_.scanned_schema, rows, std::move(scanned));
  auto batch = all;
  if (done_rows) *done_rows = rows;
  if (shape_.filter) {
    ARROW_ASSIGN_OR_RAISE(batch, shape_.filter->Apply(all));
    if (!batch) return nullptr;
  }
  const int64_t taken = TakeRows(batch->num_rows());
  if (taken < batch->num_rows() && done_rows) {
    ARROW_ASSIGN_OR_RAISE(*done_rows, RowsBefore(*all, taken));
  }
  if (taken == 0) return nullptr;
  if (taken < batch->num_rows()) batch = batch->Slice(0, taken);
  counters_.rows_given += static_cast<uint64_t>(taken);
  arrow::ArrayVector output;
  for (const int place : shape_.output) output.push_back(batch->column(place));
  return arrow::RecordBatch::Make(shape_.output_schema, taken, std::move(output));
}

runtime::Task<> ScanCore::WaitFor(std::shared_ptr<tablet::ReadWaiter> waiter, std::optional<int64_t> wait_ns_max,
                                  runtime::Executor& home) {
  bool over = false;
  {
    std::lock_guard lock(mutex_);
    over = cancelled_.load(std::memory_order_relaxed);
    if (!over) waiters_.push_back(waiter);
  }
  if (over) co_return;
  std::optional<int64_t> wait_ns = wait_ns_max;
  if (request_.deadline_ns) {
    const int64_t left_ns = std::max<int64_t>(*request_.deadline_ns - environment().clock.MonotonicNs(), 0);
    wait_ns = std::min({wait_ns.value_or(left_ns), left_ns, kTimerNsMax});
  }
  if (wait_ns) home.PostAfter(runtime::Nanos(*wait_ns), [waiter] { waiter->Wake(); });
  co_await waiter->Wait(home);
  std::lock_guard lock(mutex_);
  std::erase(waiters_, waiter);
}

}  // namespace thalweg::query
