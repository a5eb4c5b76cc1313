#include "thalweg/query/scan_reader.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/util/byte_size.h"
#include "thalweg/base/check.h"
#include "thalweg/runtime/byte_budget.h"

namespace thalweg::query {

/// What the thread that reads and the coroutine that reads ahead share.
///
/// Invariants: 1. at most one Fill runs at a time (`filling`); 2. it goes on as long as there is room, and is begun again by who
/// makes room; 3. a reader that waits always finds one running, or the end.
struct ScanReader::State {
  State(std::unique_ptr<ScanStream> read, const ScanReaderOptions& limits)
      : stream(std::move(read)), options(limits), budget(stream->scan().environment().memory) {}

  struct Waiting {
    ScanBatch batch;
    int64_t bytes = 0;
    runtime::ByteBudget::Hold memory;
  };

  const std::unique_ptr<ScanStream> stream;
  const ScanReaderOptions options;
  runtime::ByteBudget& budget;

  std::mutex mutex;  ///< guards what follows
  std::condition_variable changed;
  std::deque<Waiting> queue;
  int64_t queued_bytes = 0;
  int64_t largest_bytes = 1 << 20;  ///< of a batch so far: what the next one may take
  bool filling = false;
  bool closed = false;
  bool over = false;  ///< the stream has ended, with `status`
  arrow::Status status;

  bool HasRoomLocked() const {
    if (queue.empty()) return true;
    return queue.size() < options.ahead_batches_max && queued_bytes + largest_bytes <= options.ahead_bytes_max &&
           budget.used() + largest_bytes <= budget.limit();
  }

  /// Whether a Fill has to be begun.
  bool BeginLocked() {
    if (filling || over || closed || !HasRoomLocked()) return false;
    filling = true;
    return true;
  }
};

namespace {

int64_t BytesOf(const arrow::RecordBatch& rows) { return std::max<int64_t>(arrow::util::TotalBufferSize(rows), 1); }

/// Reads ahead until there is no room, or nothing more. Holds a share of the state until it has ended.
template <typename State>
runtime::Task<> Fill(std::shared_ptr<State> state, runtime::Executor& workers) {
  while (true) {
    auto batch = co_await state->stream->Next(workers);
    std::unique_lock lock(state->mutex);
    if (!batch.ok() || !batch->rows) {
      state->over = true;
      state->status = batch.status();
    } else if (batch->rows->num_rows() > 0) {
      const int64_t bytes = BytesOf(*batch->rows);
      state->largest_bytes = std::max(state->largest_bytes, bytes);
      // Not waited for: who waits here may hold what others wait for. HasRoomLocked has seen that there is some, or that it is the
      // one batch that everybody may have.
      state->budget.Grow(bytes);
      state->queued_bytes += bytes;
      state->queue.push_back({std::move(*batch), bytes, runtime::ByteBudget::Hold(state->budget, bytes)});
    }
    const bool go_on = !state->over && !state->closed && state->HasRoomLocked();
    if (!go_on) state->filling = false;
    state->changed.notify_all();
    if (!go_on) co_return;
  }
}

}  // namespace

std::unique_ptr<ScanReader> ScanReader::Make(std::unique_ptr<ScanStream> stream, const ScanReaderOptions& options) {
  auto state = std::make_shared<State>(std::move(stream), options);
  return std::unique_ptr<ScanReader>(new ScanReader(std::move(state)));
}

ScanReader::~ScanReader() {
  const arrow::Status closed = Close();
  TW_CHECK(closed.ok());
}

std::shared_ptr<arrow::Schema> ScanReader::schema() const { return state_->stream->scan().schema(); }

arrow::Result<ScanBatch> ScanReader::NextBatch() {
  auto& workers = state_->stream->scan().environment().workers;
  std::unique_lock lock(state_->mutex);
  while (true) {
    if (state_->closed) return arrow::Status::Cancelled("The reader is closed.");
    if (!state_->queue.empty()) {
      ScanBatch batch = std::move(state_->queue.front().batch);
      state_->queued_bytes -= state_->queue.front().bytes;
      state_->queue.pop_front();
      const bool begin = state_->BeginLocked();
      lock.unlock();
      if (begin) runtime::SpawnOn(workers, Fill(state_, workers));
      return batch;
    }
    if (state_->over) {
      ARROW_RETURN_NOT_OK(state_->status);
      return ScanBatch();
    }
    if (state_->BeginLocked()) runtime::SpawnOn(workers, Fill(state_, workers));
    state_->changed.wait(lock);
  }
}

arrow::Status ScanReader::ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) {
  ARROW_ASSIGN_OR_RAISE(auto next, NextBatch());
  *batch = std::move(next.rows);
  return arrow::Status::OK();
}

arrow::Status ScanReader::Close() {
  // What follows may wait for ever.
  const auto scan = state_->stream->shared_scan();
  if (scan->request().follow) scan->Cancel(arrow::Status::Cancelled("The reader is closed."));
  std::unique_lock lock(state_->mutex);
  state_->closed = true;
  state_->changed.wait(lock, [this] { return !state_->filling; });
  state_->queue.clear();
  state_->queued_bytes = 0;
  return arrow::Status::OK();
}

}  // namespace thalweg::query
