#include "thalweg/tablet/bucket.h"

#include <algorithm>

#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/format/log_batch.h"

namespace thalweg::tablet {
namespace {

/// Of `run`, the whole batches from `from` on that fit into `bytes_max`, or the first of them where `at_least_one`. Moves
/// `next` behind them.
Bytes Fitting(const Bytes& run, LogOffset from, uint64_t bytes_max, bool at_least_one, LogOffset& first,
              LogOffset& next) {
  size_t begin = 0;
  size_t end = 0;
  while (end < run.size()) {
    const auto header = format::ParseHeader(run.view().subspan(end));
    TW_CHECK(header.ok());
    const size_t bytes = header->total_bytes();
    if (header->next_offset() <= from) {
      begin = end += bytes;
      continue;
    }
    if (end + bytes - begin > bytes_max && !(at_least_one && end == begin)) break;
    if (end == begin) first = header->base_offset;
    end += bytes;
    next = header->next_offset();
  }
  return run.Slice(begin, end - begin);
}

}  // namespace

Bucket::Bucket(std::shared_ptr<BucketStore> store, BucketStore::Recovered recovered)
    : store_(std::move(store)),
      writers_(std::move(recovered.writers)),
      next_offset_(recovered.end),
      high_watermark_(recovered.end),
      max_timestamp_ms_(recovered.max_timestamp_ms),
      tail_(std::move(recovered.tail)) {}

arrow::Result<std::optional<log::WriterState::Verdict>> Bucket::CheckSequences(const AppendRequest& request) const {
  // Writers send one batch of theirs per bucket and request; of several, the first decides whether all are repetitions.
  // A batch without a writer is never one: where it came along with repetitions, success would say that it was appended.
  std::optional<log::WriterState::Verdict> repeated;
  log::WriterState ahead;
  const log::WriterState* state = &writers_;
  LogOffset offset = next_offset_;
  for (const auto& batch : request.batches) {
    ARROW_ASSIGN_OR_RAISE(const auto verdict, state->Check(batch.writer, batch.sequence));
    if (verdict.duplicate != repeated.has_value() && &batch != &request.batches.front()) {
      return Error(ErrorCode::kOutOfOrderSequence,
                   "One append holds new batches and repeated ones: send what is repeated in a request of its own.");
    }
    if (verdict.duplicate && !repeated) repeated = verdict;
    if (verdict.duplicate) repeated->last_offset = verdict.last_offset;
    if (!verdict.duplicate && batch.writer != kNoWriter && request.batches.size() > 1) {
      if (state == &writers_) ahead = writers_;
      state = &ahead;
      ahead.Append(batch.writer, batch.sequence, offset, offset + (batch.offsets - 1), max_timestamp_ms_);
    }
    offset = offset + batch.offsets;
  }
  return repeated;
}

void Bucket::AwaitInFlight(LogOffset offset, runtime::Completion<arrow::Status>* done) {
  const auto holder = std::ranges::find_if(in_flight_, [&](const InFlight& f) { return offset < f.first + f.count; });
  TW_CHECK(holder != in_flight_.end());
  holder->waiting.push_back(done);
}

arrow::Result<std::optional<Bucket::Repetition>> Bucket::CheckRepeated(WriterId writer, int32_t sequence,
                                                                       runtime::Completion<arrow::Status>* done) {
  ARROW_RETURN_NOT_OK(failure_);
  if (writer == kNoWriter) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const auto verdict, writers_.Check(writer, sequence));
  if (!verdict.duplicate) return std::nullopt;
  const bool durable = verdict.last_offset < high_watermark_;
  if (!durable && done) AwaitInFlight(verdict.last_offset, done);
  return Repetition{.base = verdict.base_offset, .end = verdict.last_offset + 1, .durable = durable};
}

arrow::Result<bool> Bucket::CheckDurable(runtime::Completion<arrow::Status>* done) {
  ARROW_RETURN_NOT_OK(failure_);
  const bool durable = next_offset_ <= high_watermark_;
  if (!durable && done) AwaitInFlight(next_offset_ + -1, done);
  return durable;
}

arrow::Result<Bucket::Accepted> Bucket::Append(AppendRequest request, int64_t wall_ms,
                                               runtime::Completion<arrow::Status>* done) {
  ARROW_RETURN_NOT_OK(failure_);
  ARROW_ASSIGN_OR_RAISE(const auto repeated, CheckSequences(request));
  if (repeated) {
    const bool durable = repeated->last_offset < high_watermark_;
    if (!durable && done) AwaitInFlight(repeated->last_offset, done);
    return Accepted{.base = repeated->base_offset, .durable = durable};
  }

  const LogOffset base = next_offset_;
  max_timestamp_ms_ = std::max(max_timestamp_ms_, wall_ms);
  for (const auto& batch : request.batches) {
    format::AssignOffset(request.records.subspan(batch.position, batch.bytes), next_offset_, max_timestamp_ms_);
    if (batch.writer != kNoWriter) {
      writers_.Append(batch.writer, batch.sequence, next_offset_, next_offset_ + (batch.offsets - 1),
                      max_timestamp_ms_);
    }
    next_offset_ = next_offset_ + batch.offsets;
  }
  journal::Entry entry{.bucket = store_->bucket(),
                       .first = base,
                       .count = request.offsets,
                       .batches = Bytes(std::move(request.owner), request.records),
                       .statistics = std::move(request.statistics),
                       .context = store_,
                       .journal_only = !store_->TakesDirect(request.records.size())};
  in_flight_.push_back({.first = base, .count = entry.count, .bytes = entry.batches.size() + entry.statistics.size()});
  if (done) in_flight_.back().waiting.push_back(done);
  return Accepted{.base = base, .entry = std::move(entry)};
}

uint64_t Bucket::Commit(journal::Entry entry) {
  if (!failure_.ok()) return 0;  // given up meanwhile: the table was dropped
  TW_CHECK(!in_flight_.empty() && in_flight_.front().first == entry.first);
  InFlight committed = std::move(in_flight_.front());
  in_flight_.pop_front();
  high_watermark_ = entry.first + entry.count;
  if (entry.direct) {
    tail_.clear();  // all before it was written to the files with it
  } else {
    tail_.push_back(std::move(entry));
  }
  if (kv_) kv_->Publish(high_watermark_);
  for (auto* done : committed.waiting) done->Set(arrow::Status::OK());
  for (const auto& waiter : waiters_) waiter->Wake();
  waiters_.clear();
  return committed.bytes;
}

uint64_t Bucket::Fail(const arrow::Status& why) {
  if (failure_.ok()) failure_ = why;
  uint64_t bytes = 0;
  for (auto& lost : in_flight_) {
    bytes += lost.bytes;
    for (auto* done : lost.waiting) done->Set(why);
  }
  in_flight_.clear();
  next_offset_ = high_watermark_;
  writers_.Rollback(high_watermark_);
  for (const auto& waiter : waiters_) waiter->Wake();
  waiters_.clear();
  return bytes;
}

void Bucket::Trim(LogOffset end) {
  while (!tail_.empty() && tail_.front().first + tail_.front().count <= end) tail_.pop_front();
}

Bucket::ReadPlan Bucket::Read(const ReadRequest& request) {
  ReadPlan plan;
  ReadResult& result = plan.result;
  result.start = start();
  result.high_watermark = high_watermark_;
  const LogOffset from = request.from == kEarliest ? result.start : request.from;
  result.first = result.next = from;
  if (from < result.start || from > next_offset_) {
    result.status = Error(ErrorCode::kLogOffsetOutOfRange, "Offset {} is outside the log of {}, which holds {} to {}.",
                          from, store_->bucket(), result.start, high_watermark_);
    return plan;
  }
  if (from >= high_watermark_) {
    if (request.waiter) AddWaiter(request.waiter);
    return plan;
  }
  if (request.bytes_max == 0 && !request.at_least_one) return plan;
  if (!tail_.empty() && from >= tail_.front().first) {
    ReadTail(request, from, result);
  } else if (from < store_->log()->start()) {
    plan.from_remote = true;
  } else {
    plan.from_files = true;
    plan.files_limit = tail_.empty() ? high_watermark_ : tail_.front().first;
  }
  return plan;
}

void Bucket::ReadTail(const ReadRequest& request, LogOffset from, ReadResult& result) const {
  auto entry = std::ranges::upper_bound(tail_, from, {}, &journal::Entry::first);
  --entry;
  MemoryRange memory;
  for (; entry != tail_.end(); ++entry) {
    const uint64_t left = request.bytes_max - std::min(request.bytes_max, result.bytes);
    const bool first_run = memory.runs.empty();
    LogOffset first = entry->first;
    Bytes run = Fitting(entry->batches, from, left, first_run && request.at_least_one, first, result.next);
    if (run.empty()) break;
    if (first_run) result.first = first;
    result.bytes += run.size();
    const bool whole = run.size() == entry->batches.size();
    memory.runs.push_back({std::move(run), whole ? entry->statistics : Bytes()});
    if (!whole && result.next < entry->first + entry->count) break;
  }
  if (!memory.runs.empty()) result.data = std::move(memory);
}

void Bucket::AddWaiter(std::shared_ptr<ReadWaiter> waiter) {
  std::erase_if(waiters_, [](const auto& w) { return w->woken(); });
  waiters_.push_back(std::move(waiter));
}

std::optional<LogOffset> Bucket::TailOffsetForTimestamp(int64_t timestamp_ms) const {
  for (const auto& entry : tail_) {
    for (format::BatchIterator it(entry.batches.view()); !it.AtEnd();) {
      const auto batch = it.Next();
      TW_CHECK(batch.ok());
      if (batch->header.commit_timestamp_ms >= timestamp_ms) return batch->header.base_offset;
    }
  }
  return std::nullopt;
}

}  // namespace thalweg::tablet
