#include "thalweg/flight/write_window.h"

#include <string>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/error.h"

namespace thalweg::flight {

WriteWindow::~WriteWindow() { (void)Finish(); }  // whoever wants to know has called it

bool WriteWindow::HasRoom(int64_t bytes) const {
  return under_way_.empty() || (under_way_.size() < kBatchesMax && bytes_ + bytes <= kBytesMax);
}

arrow::Status WriteWindow::Add(int64_t bytes, const Start& start) {
  bool failed = false;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return HasRoom(bytes) || !failure_.ok(); });
    failed = !failure_.ok();
  }
  if (failed) return Finish();
  auto writing = start();
  if (!writing.ok()) {
    ARROW_RETURN_NOT_OK(Finish());
    return End(writing.status());
  }
  Batch* batch = nullptr;
  {
    const std::lock_guard lock(mutex_);
    batch = &under_way_.emplace_back(Batch{.bytes = bytes});
    bytes_ += bytes;
  }
  runtime::SpawnOn(home_, Await(std::move(*writing), *batch));
  return arrow::Status::OK();
}

arrow::Status WriteWindow::Finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return under_way_.empty(); });
  return failure_.ok() ? failure_ : End(failure_);
}

/// Only where nothing is under way.
arrow::Status WriteWindow::End(const arrow::Status& failure) const {
  if (batches_stored_ == 0 && rows_stored_behind_ == 0) return failure;
  const std::string behind =
      rows_stored_behind_ > 0 ? fmt::format(", and {} rows of later ones", rows_stored_behind_) : std::string();
  return Error(CodeOf(failure), "{} Of this stream the first {} batches ({} rows) are stored{}.", failure.message(),
               batches_stored_, rows_stored_, behind);
}

runtime::Task<> WriteWindow::Await(std::unique_ptr<query::Writing> writing, Batch& batch) {
  auto answer = co_await writing->Wait(home_);
  writing.reset();
  const std::lock_guard lock(mutex_);
  batch.answer = std::move(answer);
  Settle();
  changed_.notify_all();  // under the lock: whoever waits may end this
}

void WriteWindow::Settle() {
  for (; !under_way_.empty() && under_way_.front().answer; under_way_.pop_front()) {
    const auto& answer = *under_way_.front().answer;
    bytes_ -= under_way_.front().bytes;
    if (!failure_.ok()) {
      rows_stored_behind_ += answer.ok() ? answer->rows : 0;
    } else if (!answer.ok()) {
      failure_ = answer.status();
    } else {
      ++batches_stored_;
      rows_stored_ += answer->rows;
      done_(*answer);
    }
  }
}

}  // namespace thalweg::flight
