#include <algorithm>
#include <utility>

#include "arrow/record_batch.h"
#include "arrow/util/byte_size.h"
#include "thalweg/query/log_lanes_internal.h"
#include "thalweg/runtime/countdown.h"

namespace thalweg::query {
namespace {

// For less than this, another thread is not worth waking.
constexpr uint64_t kLaneBytes = 256 << 10;
// A lane stops there until its rows are taken: what a few stored bytes become can be large.
constexpr int64_t kDecodedBytesMax = 8 << 20;
// Few columns make small batches, and each batch costs whoever takes it something: they are joined up to this.
constexpr int64_t kJoinedBytesMax = 512 << 10;

arrow::Result<ScanBatch> Joined(std::vector<ScanBatch> run) {
  if (run.size() == 1) return std::move(run.front());
  arrow::RecordBatchVector rows;
  rows.reserve(run.size());
  for (const ScanBatch& batch : run) rows.push_back(batch.rows);
  ARROW_ASSIGN_OR_RAISE(auto joined, arrow::ConcatenateRecordBatches(rows));
  return ScanBatch{.rows = std::move(joined), .bucket = run.back().bucket, .next = run.back().next};
}

/// Batches that follow each other, joined where they are small.
class Joiner {
 public:
  Joiner(int64_t rows_max, std::deque<ScanBatch>* to) : rows_max_(rows_max), to_(*to) {}

  arrow::Status Add(ScanBatch batch, int64_t bytes) {
    const int64_t rows = batch.rows->num_rows();
    if (!run_.empty() && (bytes_ + bytes > kJoinedBytesMax || rows_ + rows > rows_max_)) ARROW_RETURN_NOT_OK(End());
    bytes_ += bytes;
    rows_ += rows;
    run_.push_back(std::move(batch));
    return arrow::Status::OK();
  }
  arrow::Status End() {
    if (run_.empty()) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(auto joined, Joined(std::exchange(run_, {})));
    to_.push_back(std::move(joined));
    bytes_ = rows_ = 0;
    return arrow::Status::OK();
  }

 private:
  const int64_t rows_max_;
  std::deque<ScanBatch>& to_;
  std::vector<ScanBatch> run_;
  int64_t bytes_ = 0;
  int64_t rows_ = 0;
};

}  // namespace

arrow::Result<std::unique_ptr<LogLanes>> LogLanes::Make(ScanCore& scan, size_t count) {
  auto made = std::make_unique<LogLanes>();
  made->batch_rows_max_ = scan.request().batch_rows_max;
  for (size_t i = 0; i < count; ++i) {
    ARROW_ASSIGN_OR_RAISE(auto rows, LogRows::Make(scan));
    made->lanes_.push_back({.rows = std::move(rows)});
  }
  return made;
}

arrow::Status LogLanes::Start(const tablet::ReadResult& read, const LogPart& part) {
  LogRows& first = *lanes_.front().rows;
  ARROW_RETURN_NOT_OK(first.Start(read, part));
  used_ = std::clamp<size_t>(static_cast<size_t>(read.bytes / kLaneBytes), 1, lanes_.size());
  current_ = 0;
  for (size_t i = 0; i < used_; ++i) {
    lanes_[i].decoded.clear();
    lanes_[i].done = false;
  }
  if (used_ == 1) return arrow::Status::OK();
  const auto cuts = first.Cuts(used_);
  used_ = cuts.size() + 1;
  LogPart rest = part;
  for (size_t i = 0; i < used_; ++i) {
    LogPart own = rest;
    if (i < cuts.size()) own.end = rest.next = cuts[i];
    if (i == 0) {
      first.CutTo(own.end);
    } else {
      lanes_[i].rows->StartAs(first, own);
    }
  }
  return arrow::Status::OK();
}

runtime::Task<arrow::Status> LogLanes::Decode(Lane& lane, runtime::Executor& workers) {
  co_await runtime::SwitchTo(workers);
  Joiner joiner(batch_rows_max_, &lane.decoded);
  for (int64_t bytes = 0; bytes < kDecodedBytesMax;) {
    TW_CO_ASSIGN_OR_RETURN(auto batch, lane.rows->Next());
    if (!batch) {
      lane.done = true;
      break;
    }
    const int64_t more = arrow::util::TotalBufferSize(*batch->rows);
    bytes += more;
    TW_CO_RETURN_NOT_OK(joiner.Add(std::move(*batch), more));
  }
  co_return joiner.End();
}

runtime::Task<arrow::Result<std::optional<ScanBatch>>> LogLanes::Next(runtime::Executor& workers) {
  if (used_ == 1) co_return lanes_.front().rows->Next();
  while (current_ < used_) {
    Lane& lane = lanes_[current_];
    if (!lane.decoded.empty()) {
      ScanBatch batch = std::move(lane.decoded.front());
      lane.decoded.pop_front();
      co_return batch;
    }
    if (lane.done) {
      ++current_;
      continue;
    }
    std::vector<runtime::Task<arrow::Status>> work;
    for (size_t i = current_; i < used_; ++i) {
      if (!lanes_[i].done && lanes_[i].decoded.empty()) work.push_back(Decode(lanes_[i], workers));
    }
    TW_CO_RETURN_NOT_OK(co_await runtime::WhenAll(workers, std::move(work)));
  }
  co_return std::nullopt;
}

}  // namespace thalweg::query
