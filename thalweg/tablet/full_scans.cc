#include "thalweg/tablet/full_scans.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/format/value_batch.h"

namespace thalweg::tablet {
namespace {

constexpr size_t kEndedKept = 1'000;
constexpr int64_t kHourNs = 3'600'000'000'000;

}  // namespace

void FullScan::Start(std::unique_ptr<kv::StateSnapshot> snapshot, int64_t limit) {
  TW_CHECK(!snapshot_);
  snapshot_ = std::move(snapshot);
  cursor_ = snapshot_->Scan({});
  left_ = limit;
}

arrow::Result<ScannedBatch> FullScan::Read(uint64_t bytes_max) {
  auto batch = std::make_shared<format::ValueBatchBuilder>();
  ScannedBatch read;
  for (; left_ > 0 && cursor_->Valid(); cursor_->Next(), --left_, ++read.rows) {
    const ByteView value = cursor_->value();
    if (read.rows > 0 && batch->bytes() + sizeof(int32_t) + value.size() > bytes_max) break;
    batch->Append(value);
  }
  // At the end of the rows only: before it a row is not there because of an error, and it must not look like the end.
  ARROW_RETURN_NOT_OK(cursor_->status());
  read.more = left_ > 0 && cursor_->Valid();
  if (read.rows > 0) {
    const ByteView values = batch->Finish();
    read.values = Bytes(std::move(batch), values);
  }
  return read;
}

arrow::Result<ScannedBatch> FullScan::Read(const RowSink& sink) {
  ScannedBatch read;
  for (bool go_on = true; go_on && left_ > 0 && cursor_->Valid(); cursor_->Next(), --left_, ++read.rows) {
    ARROW_ASSIGN_OR_RAISE(go_on, sink(cursor_->value()));
  }
  ARROW_RETURN_NOT_OK(cursor_->status());
  read.more = left_ > 0 && cursor_->Valid();
  return read;
}

std::string FullScans::MakeId() { return fmt::format("{:016x}{:016x}", random_.Next(), random_.Next()); }

int64_t FullScans::DeadlineOf(const FullScan& scan) const {
  return std::min(scan.dies_ns_, scan.used_ns_ + (scan.client_left_ ? limits_.left_ns : limits_.idle_ns));
}

std::string FullScans::WhyOver(const FullScan& scan) const {
  if (DeadlineOf(scan) < scan.dies_ns_) return "nothing was asked of it for too long";
  return fmt::format("it was not read to its end within {} h, longer than rows are kept for one",
                     limits_.life_ns / kHourNs);
}

std::shared_ptr<FullScan> FullScans::RemoveLocked(Scans::iterator at) {
  auto scan = std::move(at->second);
  scans_.erase(at);
  const auto count = of_bucket_.find(scan->bucket());
  if (--count->second == 0) of_bucket_.erase(count);
  return scan;
}

void FullScans::RememberLocked(const std::string& id, std::string why) {
  ++expired_;
  if (!ended_.emplace(id, std::move(why)).second) return;
  ended_order_.push_back(id);
  if (ended_order_.size() <= kEndedKept) return;
  ended_.erase(ended_order_.front());
  ended_order_.pop_front();
}

arrow::Result<std::shared_ptr<FullScan>> FullScans::Open(const TableBucket& bucket) {
  std::lock_guard lock(mutex_);
  if (stopped_) return Error(ErrorCode::kNotLeaderOrFollower, "The server is shutting down.");
  const auto found = of_bucket_.find(bucket);
  const size_t of_bucket = found == of_bucket_.end() ? 0 : found->second;
  if (scans_.size() >= limits_.open_max || of_bucket >= limits_.per_bucket_max) {
    return Error(ErrorCode::kTooManyScanners,
                 "{} scans of {} and {} in all are open; {} and {} may be (kv.scanner.max-per-bucket, "
                 "kv.scanner.max-per-server, and half of the open stores). Retry when one has ended.",
                 of_bucket, bucket, scans_.size(), limits_.per_bucket_max, limits_.open_max);
  }
  auto scan = std::make_shared<FullScan>(MakeId(), bucket);
  scan->used_ns_ = clock_.MonotonicNs();
  scan->dies_ns_ = scan->used_ns_ + limits_.life_ns;
  TW_CHECK(scans_.emplace(scan->id(), scan).second);
  ++of_bucket_[bucket];
  ++opened_;
  return scan;
}

arrow::Result<std::shared_ptr<FullScan>> FullScans::Take(const std::string& id, int32_t sequence) {
  std::shared_ptr<FullScan> removed;  // goes after the lock
  std::lock_guard lock(mutex_);
  const auto at = scans_.find(id);
  if (at == scans_.end()) {
    const auto ended = ended_.find(id);
    if (ended == ended_.end()) {
      return Error(ErrorCode::kUnknownScannerId,
                   "There is no scan of that id: it was read to its end, was closed, or there never was one.");
    }
    return Error(ErrorCode::kScannerExpired, "The scan is over: {}. Begin a new one.", ended->second);
  }
  FullScan& scan = *at->second;
  if (scan.taken_) {
    return Error(ErrorCode::kInvalidScanRequest,
                 "The scan is being read for another request: ask for its next rows when the last ones are there.");
  }
  if (clock_.MonotonicNs() >= DeadlineOf(scan)) {
    const std::string why = WhyOver(scan);
    RememberLocked(id, why);
    removed = RemoveLocked(at);
    return Error(ErrorCode::kScannerExpired, "The scan is over: {}. Begin a new one.", why);
  }
  if (sequence != scan.next_sequence_) {
    const int32_t expected = scan.next_sequence_;
    removed = RemoveLocked(at);
    return Error(
        ErrorCode::kInvalidScanRequest,
        "call_seq_id is {}, and {} comes next: rows would be lost or come twice. The scan is over; begin a new "
        "one.",
        sequence, expected);
  }
  ++scan.next_sequence_;
  scan.taken_ = true;
  scan.client_left_ = false;
  return at->second;
}

void FullScans::Return(std::shared_ptr<FullScan> scan, bool over) {
  std::shared_ptr<FullScan> removed;  // goes after the lock, as `scan` does
  std::lock_guard lock(mutex_);
  scan->taken_ = false;
  const auto at = scans_.find(scan->id());
  if (at == scans_.end()) return;  // it was ended meanwhile
  if (over) {
    removed = RemoveLocked(at);
    return;
  }
  scan->used_ns_ = clock_.MonotonicNs();
  ScheduleLocked(DeadlineOf(*scan));
}

void FullScans::End(const std::string& id) {
  std::shared_ptr<FullScan> removed;
  std::lock_guard lock(mutex_);
  if (const auto at = scans_.find(id); at != scans_.end()) removed = RemoveLocked(at);
}

void FullScans::EndAll(const TableBucket& bucket, const std::string& why) {
  std::vector<std::shared_ptr<FullScan>> removed;
  std::lock_guard lock(mutex_);
  if (!of_bucket_.contains(bucket)) return;
  for (auto at = scans_.begin(); at != scans_.end();) {
    const auto here = at++;
    if (here->second->bucket() != bucket) continue;
    RememberLocked(here->first, why);
    removed.push_back(RemoveLocked(here));
  }
}

std::optional<TableBucket> FullScans::BucketOf(const std::string& id) const {
  std::lock_guard lock(mutex_);
  const auto at = scans_.find(id);
  return at == scans_.end() ? std::nullopt : std::optional(at->second->bucket());
}

void FullScans::NoteLeft(const std::vector<std::string>& ids) {
  std::lock_guard lock(mutex_);
  for (const auto& id : ids) {
    const auto at = scans_.find(id);
    if (at == scans_.end()) continue;
    at->second->client_left_ = true;
    if (!at->second->taken_) ScheduleLocked(DeadlineOf(*at->second));
  }
}

void FullScans::MakeRoom(int64_t held_bytes_min) {
  std::lock_guard lock(mutex_);
  if (scans_.empty() || pressed_) return;
  pressed_ = held_bytes_min;
  ScheduleLocked(clock_.MonotonicNs());
}

void FullScans::ScheduleLocked(int64_t at_ns) {
  if (stopped_ || at_ns >= scheduled_ns_) return;
  scheduled_ns_ = at_ns;
  auto tick = [this, entrance = entrance_, at_ns] {
    if (!entrance->Enter()) return;
    Tick(at_ns);
    entrance->Leave();
  };
  pool_.PostAfter(std::chrono::nanoseconds(std::max<int64_t>(at_ns - clock_.MonotonicNs(), 0)), std::move(tick));
}

void FullScans::Tick(int64_t at_ns) {
  std::vector<std::shared_ptr<FullScan>> removed;
  std::lock_guard lock(mutex_);
  if (at_ns != scheduled_ns_) return;  // an earlier one took its place
  scheduled_ns_ = INT64_MAX;
  const auto pressed = std::exchange(pressed_, std::nullopt);
  const int64_t now_ns = clock_.MonotonicNs();
  int64_t next_ns = INT64_MAX;
  for (auto at = scans_.begin(); at != scans_.end();) {
    const auto here = at++;
    const FullScan& scan = *here->second;
    if (scan.taken_) continue;
    const bool in_the_way =
        pressed && now_ns >= scan.used_ns_ + limits_.pressed_ns && scan.snapshot_->held_bytes() > *pressed;
    if (!in_the_way && now_ns < DeadlineOf(scan)) {
      next_ns = std::min(next_ns, DeadlineOf(scan));
      continue;
    }
    RememberLocked(here->first, in_the_way ? "the memory that it kept was needed for new rows" : WhyOver(scan));
    removed.push_back(RemoveLocked(here));
  }
  if (next_ns != INT64_MAX) ScheduleLocked(next_ns);
}

void FullScans::Stop() {
  Scans removed;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    removed.swap(scans_);
    of_bucket_.clear();
  }
  entrance_->Close();
}

size_t FullScans::open_count() const {
  std::lock_guard lock(mutex_);
  return scans_.size();
}

uint64_t FullScans::opened() const {
  std::lock_guard lock(mutex_);
  return opened_;
}

uint64_t FullScans::expired() const {
  std::lock_guard lock(mutex_);
  return expired_;
}

}  // namespace thalweg::tablet
