#include "thalweg/tablet/bucket_tier.h"

#include <algorithm>
#include <utility>

#include "thalweg/base/error.h"

namespace thalweg::tablet {

BucketTier::BucketTier(const TableBucket& bucket, const TieringOptions& options, TieringCounts& counts,
                       std::unique_ptr<remote::RemoteLog> remote)
    : bucket_(bucket), options_(options), counts_(counts), remote_(std::move(remote)) {
  NoteChange(nullptr);
}

arrow::Result<std::unique_ptr<BucketTier>> BucketTier::Open(const TableBucket& bucket, io::FileSystem& fs,
                                                            const TieringOptions& options, TieringCounts& counts,
                                                            std::string path) {
  ARROW_ASSIGN_OR_RAISE(auto remote, remote::RemoteLog::Open(fs, *options.store, std::move(path)));
  return std::unique_ptr<BucketTier>(new BucketTier(bucket, options, counts, std::move(remote)));
}

void BucketTier::NoteChange(const remote::Manifest* before) {
  const auto now = manifest();
  // Modulo 2^64: the difference may be negative.
  counts_.segments += now->segments.size() - (before ? before->segments.size() : 0);
  counts_.bytes += now->bytes() - (before ? before->bytes() : 0);
  end_.store(now->empty() ? -1 : now->end().value, std::memory_order_release);
  start_.store(now->empty() ? INT64_MAX : now->start().value, std::memory_order_release);
}

arrow::Result<bool> BucketTier::Turn(log::BucketLog& log, LogOffset durable, const TieringPolicy& policy,
                                     int64_t now_ms, const std::function<bool()>& go_on) {
  std::lock_guard turn(mutex_);
  const auto wanted = [&] { return !closed_ && go_on(); };
  if (!wanted()) return false;
  ARROW_RETURN_NOT_OK(remote_->Establish(policy.names, bucket_));
  if (!swept_) ARROW_RETURN_NOT_OK(remote_->Sweep());
  swept_ = true;
  ARROW_RETURN_NOT_OK(RemoveExpired(now_ms));

  const auto before = manifest();
  if (!before->empty() && before->end() > log.end()) {
    return Error(ErrorCode::kLogStorage,
                 "{} has records up to offset {} in remote storage, but only up to {} on this disk: was an old copy of "
                 "the data directory put back? Nothing of it is copied any more.",
                 bucket_, before->end(), log.end());
  }
  std::vector<remote::RemoteSegment> segments = before->segments;
  // Where the local log has lost what comes next to its time to live, what is older has to go as well.
  const bool gap = !before->empty() && before->end() < log.start();
  const int64_t cutoff_ms = policy.ttl_ms > 0 ? now_ms - policy.ttl_ms : INT64_MIN;
  const auto kept = std::ranges::find_if(
      segments, [&](const remote::RemoteSegment& segment) { return !gap && segment.max_timestamp_ms >= cutoff_ms; });
  std::vector<remote::RemoteSegment> expired(segments.begin(), kept);
  segments.erase(segments.begin(), kept);

  swept_ = false;  // until what is uploaded now counts
  ARROW_ASSIGN_OR_RAISE(const bool more, Copy(log, durable, cutoff_ms, wanted, segments));
  if (!expired.empty() || segments.size() != before->segments.size()) {
    ARROW_RETURN_NOT_OK(remote_->Commit(std::move(segments), *options_.random));
    NoteChange(before.get());
    counts_.expired_segments += expired.size();
  }
  swept_ = true;
  if (!expired.empty()) expired_.push_back({.due_ms = now_ms + options_.grace_ms, .segments = std::move(expired)});
  return more;
}

arrow::Result<bool> BucketTier::Copy(log::BucketLog& log, LogOffset durable, int64_t cutoff_ms,
                                     const std::function<bool()>& go_on, std::vector<remote::RemoteSegment>& segments) {
  LogOffset from = segments.empty() ? log.start() : segments.back().end;
  for (int copied = 0;; ++copied) {
    if (!segments.empty()) from = segments.back().end;
    auto found = log.FindClosed(from, durable);
    // What is too old to be there is not copied while it waits here for its own end.
    while (found.ok() && *found && segments.empty() && (*found)->max_timestamp_ms < cutoff_ms) {
      from = (*found)->end;
      found = log.FindClosed(from, durable);
    }
    ARROW_RETURN_NOT_OK(found.status());
    if (!*found) return false;
    if (copied >= options_.segments_per_turn) return true;
    if (!segments.empty() && (*found)->base != from) {
      // Dropped just now by its time to live: the next turn sees the gap.
      return false;
    }
    auto uploaded = remote_->Upload(**found, *options_.random, go_on);
    if (uploaded.status().IsCancelled()) return uploaded.status();
    if (!uploaded.ok() && copied == 0) return uploaded.status();
    if (!uploaded.ok()) return true;  // what there is counts; the next turn says what is wrong
    ++counts_.copied_segments;
    counts_.copied_bytes += uploaded->bytes;
    segments.push_back(std::move(*uploaded));
  }
}

arrow::Status BucketTier::RemoveExpired(int64_t now_ms) {
  while (!expired_.empty() && expired_.front().due_ms <= now_ms) {
    ARROW_RETURN_NOT_OK(remote_->Remove(expired_.front().segments));
    expired_.erase(expired_.begin());
  }
  return arrow::Status::OK();
}

LogOffset BucketTier::Superfluous(const log::BucketLog& log, const TieringPolicy& policy, int64_t now_ms) const {
  const auto copied = manifest();
  const std::vector<LogOffset> starts = log.SegmentStarts();
  LogOffset below = log.start();
  if (copied->empty()) return below;
  const size_t keep = static_cast<size_t>(std::max(policy.local_segments, 1));
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    const LogOffset end = starts[i + 1];
    if (end > copied->end()) break;
    bool goes = i + keep < starts.size();
    if (!goes && policy.local_ttl_ms) {
      const size_t at = copied->Find(starts[i]);
      goes = at < copied->segments.size() && copied->segments[at].max_timestamp_ms < now_ms - *policy.local_ttl_ms;
    }
    if (!goes) break;
    below = end;
  }
  return below;
}

void BucketTier::Close() {
  if (closed_.exchange(true)) return;
  std::lock_guard turn(mutex_);
  end_.store(-1, std::memory_order_release);
  const auto last = manifest();
  counts_.segments -= last->segments.size();
  counts_.bytes -= last->bytes();
}

}  // namespace thalweg::tablet
