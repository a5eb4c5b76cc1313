#include <algorithm>
#include <chrono>
#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/record_batch.h"
#include "thalweg/base/error.h"
#include "thalweg/query/state_scan_internal.h"
#include "thalweg/query/value_decoder_internal.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::query {
namespace {

// A batch ends once it has so many bytes, looked at now and then.
constexpr size_t kBatchBytes = 8 << 20;
constexpr int64_t kLookEvery = 1024;
// As many scans may be open at a time as the server allows: who comes too early waits, and asks so often.
constexpr std::chrono::milliseconds kRetryPause(20);
constexpr int kRetriesMax = 500;

class StateStream final : public ScanStream {
 public:
  explicit StateStream(std::shared_ptr<StateScan> scan) : ScanStream(scan), state_scan_(*scan) {}

  ~StateStream() override {
    if (id_.empty()) return;
    auto& environment = state_scan_.environment();
    runtime::SpawnOn(environment.workers, environment.engine.EndScan(id_, environment.workers));
  }

  runtime::Task<arrow::Result<ScanBatch>> Next(runtime::Executor& home) override {
    arrow::Result<ScanBatch> batch = ScanBatch();
    if (status_.ok() && !over_) {
      auto& workers = state_scan_.environment().workers;
      co_await runtime::EnsureOn(workers);
      batch = co_await NextHere(workers);
      if (batch.ok()) over_ = !batch->rows;
      status_ = batch.status();
      co_await runtime::EnsureOn(home);
    }
    if (!status_.ok()) co_return status_;
    co_return batch;
  }

 private:
  runtime::Task<arrow::Result<ScanBatch>> NextHere(runtime::Executor& workers) {
    if (!decoder_) {
      TW_CO_ASSIGN_OR_RETURN(decoder_,
                             ValueDecoder::Make(state_scan_.environment(), state_scan_.request().table->base(),
                                                state_scan_.shape().columns.read));
    }
    while (true) {
      TW_CO_RETURN_NOT_OK(state_scan_.Check());
      if (state_scan_.full()) co_return ScanBatch();
      if (!bucket_) {
        bucket_ = state_scan_.TakeBucket();
        if (!bucket_) co_return ScanBatch();
      }
      TW_CO_RETURN_NOT_OK(co_await Read(workers));
      const int64_t rows = decoder_->rows();
      TW_CO_ASSIGN_OR_RETURN(auto columns, decoder_->Finish());
      ScanBatch batch{.bucket = *bucket_, .next = end_};
      if (!more_) {
        state_scan_.NoteReached(*bucket_, end_);
        bucket_.reset();
        id_.clear();
      }
      if (rows == 0) continue;
      ++state_scan_.counters().batches_read;
      TW_CO_ASSIGN_OR_RETURN(batch.rows, state_scan_.Shape(std::move(columns), rows));
      if (batch.rows) co_return batch;
    }
  }

  /// One batch of rows into the decoder.
  runtime::Task<arrow::Status> Read(runtime::Executor& workers) {
    auto& engine = state_scan_.environment().engine;
    const ScanRequest& request = state_scan_.request();
    int64_t rows_max = std::max<int64_t>(request.batch_rows_max, 1);
    if (request.limit && !request.filter) rows_max = std::min(rows_max, std::max<int64_t>(*request.limit, 1));
    uint64_t bytes = 0;
    const tablet::RowSink sink = [&](ByteView value) -> arrow::Result<bool> {
      ARROW_RETURN_NOT_OK(decoder_->Append(value));
      bytes += value.size();
      const int64_t rows = decoder_->rows();
      return rows < rows_max && (rows % kLookEvery != 0 || decoder_->bytes() < kBatchBytes);
    };
    arrow::Result<tablet::Engine::ScanAnswer> answer = tablet::Engine::ScanAnswer();
    if (more_) {
      answer = co_await engine.ContinueScan(id_, ++sequence_, sink, workers, workers);
    } else {
      for (int tries = 1;; ++tries) {
        answer = co_await engine.OpenScan(*bucket_, sink, workers, workers);
        if (CodeOf(answer.status()) != ErrorCode::kTooManyScanners || tries == kRetriesMax) break;
        TW_CO_RETURN_NOT_OK(state_scan_.Check());
        co_await runtime::Sleep(workers, kRetryPause);
      }
      if (answer.ok()) end_ = answer->offset;
      sequence_ = 0;
    }
    state_scan_.counters().bytes_read += bytes;
    more_ = answer.ok() && answer->batch.more;
    id_ = more_ ? answer->id : std::string();
    co_return answer.status();
  }

  StateScan& state_scan_;
  std::unique_ptr<ValueDecoder> decoder_;
  std::optional<TableBucket> bucket_;
  std::string id_;  ///< of the engine's scan, while it has more
  int32_t sequence_ = 0;
  bool more_ = false;
  LogOffset end_;  ///< what the rows of the bucket reflect
  arrow::Status status_;
  bool over_ = false;
};

}  // namespace

std::optional<TableBucket> StateScan::TakeBucket() {
  std::lock_guard lock(buckets_mutex_);
  if (buckets_.empty()) return std::nullopt;
  const TableBucket bucket = buckets_.front();
  buckets_.pop_front();
  return bucket;
}

std::vector<std::unique_ptr<ScanStream>> StateScan::Split(size_t count) {
  const auto self = std::static_pointer_cast<StateScan>(shared_from_this());
  std::vector<std::unique_ptr<ScanStream>> streams;
  for (size_t i = 0; i < std::clamp<size_t>(count, 1, streams_max_); ++i) {
    streams.push_back(std::make_unique<StateStream>(self));
  }
  return streams;
}

}  // namespace thalweg::query
