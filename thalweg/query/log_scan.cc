#include <algorithm>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/query/log_lanes_internal.h"
#include "thalweg/query/log_scan_internal.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::query {
namespace {

// A log is read in parts of about so many records, so that several can read one bucket, and nobody waits for long at the end.
constexpr int64_t kPartRecords = 1 << 18;
// Who wants few rows needs no large reads.
constexpr uint64_t kSmallReadBytes = 256 << 10;
// How often a scan that follows looks for new partitions: the catalog tells nobody of them.
constexpr int64_t kDiscoveryNs = 500'000'000;

std::deque<LogPart> CutParts(std::vector<LogPart> parts, bool cut) {
  std::deque<LogPart> cut_parts;
  for (LogPart& part : parts) {
    while (cut && part.end - part.next > 2 * kPartRecords) {
      LogPart front = part;
      front.end = part.next + kPartRecords;
      part.next = front.end;
      cut_parts.push_back(front);
    }
    if (!part.done()) cut_parts.push_back(part);
  }
  return cut_parts;
}

uint64_t ReadBytes(const ScanRequest& request) {
  return request.limit && !request.filter ? std::min(request.read_bytes_max, kSmallReadBytes) : request.read_bytes_max;
}

/// What both kinds of streams have in common: an error stays, the end stays, and work is done on the workers.
class LogStream : public ScanStream {
 public:
  explicit LogStream(std::shared_ptr<LogScan> scan) : ScanStream(scan), log_scan_(*scan) {}

  runtime::Task<arrow::Result<ScanBatch>> Next(runtime::Executor& home) override {
    arrow::Result<ScanBatch> batch = ScanBatch();
    if (status_.ok() && !over_) {
      auto& workers = log_scan_.environment().workers;
      co_await runtime::EnsureOn(workers);
      batch = co_await NextHere(workers);
      if (batch.ok() && batch->rows) log_scan_.NoteReached(batch->bucket, batch->next);
      if (batch.ok()) over_ = !batch->rows;
      status_ = batch.status();
      co_await runtime::EnsureOn(home);
    }
    if (!status_.ok()) co_return status_;
    co_return batch;
  }

 protected:
  virtual runtime::Task<arrow::Result<ScanBatch>> NextHere(runtime::Executor& workers) = 0;

  tablet::ReadRequest RequestFor(const LogPart& part) const {
    const ScanRequest& request = log_scan_.request();
    return {.bucket = part.bucket,
            .from = part.next,
            .bytes_max = ReadBytes(request),
            .at_least_one = true,
            .statistics = request.filter.has_value()};
  }
  LogScan& log_scan_;

 private:
  arrow::Status status_;
  bool over_ = false;
};

/// Reads part after part, each to its end, and decodes with `lanes` threads.
class BoundedStream final : public LogStream {
 public:
  BoundedStream(std::shared_ptr<LogScan> scan, size_t lanes) : LogStream(std::move(scan)), lane_count_(lanes) {}

 private:
  runtime::Task<arrow::Result<ScanBatch>> NextHere(runtime::Executor& workers) override {
    if (!lanes_) {
      TW_CO_ASSIGN_OR_RETURN(lanes_, LogLanes::Make(log_scan_, lane_count_));
    }
    while (true) {
      TW_CO_RETURN_NOT_OK(log_scan_.Check());
      if (log_scan_.full() && !reading_) co_return ScanBatch();
      if (reading_) {
        TW_CO_ASSIGN_OR_RETURN(auto batch, co_await lanes_->Next(workers));
        if (batch) co_return std::move(*batch);
        part_ = lanes_->part();
        reading_ = false;
        log_scan_.NoteReached(part_->bucket, part_->next);
        if (log_scan_.full()) co_return ScanBatch();
      }
      if (part_ && part_->done()) part_.reset();
      if (!part_) part_ = log_scan_.TakePart();
      if (!part_) co_return ScanBatch();
      auto request = RequestFor(*part_);
      request.bytes_max = std::min(request.bytes_max * read_factor_, BytesToEnd());
      const auto read = co_await log_scan_.environment().engine.Read(std::move(request), workers);
      if (CodeOf(read.status) == ErrorCode::kLogOffsetOutOfRange && part_->next < read.start) {
        // What is older than the table keeps has gone since the scan was opened.
        part_->next = std::min(read.start, part_->end);
        continue;
      }
      TW_CO_RETURN_NOT_OK(read.status);
      if (read.bytes == 0) {
        co_return Error(ErrorCode::kLogStorage, "{} has nothing at offset {}, though it had before: retry.",
                        part_->bucket, part_->next);
      }
      record_bytes_ =
          static_cast<double>(read.bytes) / static_cast<double>(std::max<int64_t>(read.next - read.first, 1));
      TW_CO_RETURN_NOT_OK(lanes_->Start(read, *part_));
      read_factor_ = lanes_->ReadFactor();
      reading_ = true;
    }
  }

  /// About what is left of the part: nobody needs what is read beyond it.
  uint64_t BytesToEnd() const {
    if (record_bytes_ == 0) return UINT64_MAX;
    return static_cast<uint64_t>(record_bytes_ * static_cast<double>(part_->end - part_->next)) + kSmallReadBytes;
  }

  const size_t lane_count_;
  std::unique_ptr<LogLanes> lanes_;
  double record_bytes_ = 0;  ///< of the last read
  uint64_t read_factor_ = 1;
  std::optional<LogPart> part_;
  bool reading_ = false;
};

/// Reads several buckets as they go on, each in turn.
class FollowingStream final : public LogStream {
 public:
  FollowingStream(std::shared_ptr<LogScan> scan, std::vector<LogPart> parts, std::vector<PartitionId> known,
                  bool discovers)
      : LogStream(std::move(scan)), parts_(std::move(parts)), discovers_(discovers), known_(std::move(known)) {}

 private:
  runtime::Task<arrow::Result<ScanBatch>> NextHere(runtime::Executor& workers) override {
    if (!rows_) {
      TW_CO_ASSIGN_OR_RETURN(rows_, LogRows::Make(log_scan_));
    }
    while (true) {
      TW_CO_RETURN_NOT_OK(log_scan_.Check());
      TW_CO_RETURN_NOT_OK(log_scan_.CheckRights());
      if (log_scan_.full() && !reading_) co_return ScanBatch();
      if (reading_) {
        TW_CO_ASSIGN_OR_RETURN(auto batch, rows_->Next());
        if (batch) co_return std::move(*batch);
        reading_ = false;
        LogPart& part = parts_[current_];
        part = rows_->part();
        log_scan_.NoteReached(part.bucket, part.next);
        current_ = part.done() ? Remove(current_) : current_ + 1;
        continue;  // it may be full now, and then there is nothing to wait for
      }
      Discover();
      if (parts_.empty() && !discovers_) co_return ScanBatch();
      TW_CO_RETURN_NOT_OK(co_await Find(workers));
    }
  }

  size_t Remove(size_t index) {
    parts_.erase(parts_.begin() + static_cast<ptrdiff_t>(index));
    return index;
  }

  /// Looks from `current_` on for a bucket that has something; where none has, waits until one does.
  runtime::Task<arrow::Status> Find(runtime::Executor& workers) {
    auto& engine = log_scan_.environment().engine;
    auto waiter = std::make_shared<tablet::ReadWaiter>();
    for (size_t tried = 0; tried < parts_.size() && !waiter->woken();) {
      if (current_ >= parts_.size()) current_ = 0;
      LogPart& part = parts_[current_];
      auto request = RequestFor(part);
      request.waiter = waiter;
      const auto read = co_await engine.Read(std::move(request), workers);
      if (CodeOf(read.status) == ErrorCode::kLogOffsetOutOfRange && part.next < read.start) {
        part.next = read.start;
        continue;
      }
      if (CodeOf(read.status) == ErrorCode::kUnknownTableOrBucket && part.bucket.partition != kNoPartition &&
          log_scan_.environment().catalog.view()->FindTable(part.bucket.table)) {
        Remove(current_);  // its partition was dropped
        continue;
      }
      TW_CO_RETURN_NOT_OK(read.status);
      if (read.bytes > 0) {
        TW_CO_RETURN_NOT_OK(rows_->Start(read, part));
        reading_ = true;
        waiter->Wake();  // so that buckets which it was left with forget it
        co_return arrow::Status::OK();
      }
      ++tried;
      ++current_;
    }
    co_await log_scan_.WaitFor(waiter, discovers_ ? std::optional(kDiscoveryNs) : std::nullopt, workers);
    co_return arrow::Status::OK();
  }

  void Discover() {
    if (!discovers_) return;
    const int64_t now_ns = log_scan_.environment().clock.MonotonicNs();
    if (now_ns < next_discovery_ns_) return;
    next_discovery_ns_ = now_ns + kDiscoveryNs;
    const ScanRequest& request = log_scan_.request();
    for (const auto& bucket : NewBuckets(log_scan_.environment(), *request.table, &known_)) {
      parts_.push_back({.bucket = bucket,
                        .next = LogOffset(0),
                        .end = request.range.to.value_or(LogOffset(INT64_MAX)),
                        .from_ms = request.range.from_ms.value_or(INT64_MIN),
                        .to_ms = request.range.to_ms.value_or(INT64_MAX)});
    }
  }

  std::unique_ptr<LogRows> rows_;
  std::vector<LogPart> parts_;
  const bool discovers_;
  std::vector<PartitionId> known_;
  int64_t next_discovery_ns_ = 0;
  size_t current_ = 0;
  bool reading_ = false;
};

size_t StreamsOf(const ScanRequest& request, const std::vector<LogPart>& parts) {
  if (request.follow) return std::max<size_t>(parts.size(), 1);
  return std::max<size_t>(CutParts(parts, true).size(), 1);
}

}  // namespace

std::vector<TableBucket> NewBuckets(const Environment& environment, const Table& table,
                                    std::vector<PartitionId>* known) {
  std::vector<TableBucket> buckets;
  const auto now = environment.catalog.view()->FindTable(table.id());
  if (!now) return buckets;
  now->partitions.ForEach([&](const std::string&, const catalog::PartitionPtr& partition) {
    if (std::ranges::find(*known, partition->id) != known->end()) return;
    known->push_back(partition->id);
    for (int32_t i = 0; i < table.bucket_count(); ++i) buckets.push_back({table.id(), partition->id, BucketId(i)});
  });
  return buckets;
}

LogScan::LogScan(Session session, ScanRequest request, ScanShape shape, std::vector<LogPart> parts,
                 std::vector<PartitionId> known)
    : ScanCore(std::move(session), std::move(request), std::move(shape)),
      streams_max_(StreamsOf(request_, parts)),
      known_(std::move(known)) {
  // A bucket that brings nothing has a place in the token too: who goes on from there must not get what came before, nor miss
  // what comes after.
  for (const auto& part : parts) {
    if (part.next.value > 0 || request_.follow) NoteReached(part.bucket, part.next);
  }
  parts_ = CutParts(std::move(parts), !request_.follow);
}

arrow::Status LogScan::CheckRights() const {
  const auto& path = request_.table->base()->path;
  return session_.Require(security::Operation::kRead, security::Resource::Table(path.database, path.table));
}

std::optional<LogPart> LogScan::TakePart() {
  std::lock_guard lock(parts_mutex_);
  if (parts_.empty()) return std::nullopt;
  const LogPart part = parts_.front();
  parts_.pop_front();
  return part;
}

std::vector<std::unique_ptr<ScanStream>> LogScan::Split(size_t count) {
  count = std::clamp<size_t>(count, 1, streams_max_);
  const auto self = std::static_pointer_cast<LogScan>(shared_from_this());
  std::vector<std::unique_ptr<ScanStream>> streams;
  if (!request_.follow) {
    // Who wants so many rows only, in whatever order they come, is not to have others taken away.
    const size_t lanes = request_.limit ? 1 : std::max<size_t>(environment().worker_count / count, 1);
    for (size_t i = 0; i < count; ++i) streams.push_back(std::make_unique<BoundedStream>(self, lanes));
    return streams;
  }
  std::vector<std::vector<LogPart>> shares(count);
  for (size_t i = 0; const auto& part : parts_) shares[i++ % count].push_back(part);
  const bool discovers =
      request_.table->base()->IsPartitioned() && !request_.partitions && (!request_.buckets || request_.new_partitions);
  for (size_t i = 0; i < count; ++i) {
    streams.push_back(std::make_unique<FollowingStream>(self, std::move(shares[i]), known_, discovers && i == 0));
  }
  return streams;
}

}  // namespace thalweg::query
