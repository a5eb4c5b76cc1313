#include "thalweg/tablet/bucket_tier.h"

#include <algorithm>
#include <utility>

#include "thalweg/base/error.h"

namespace thalweg::tablet {

BucketTier::BucketTier(const TableBucket& bucket, const TieringOptions& options,
                       std::unique_ptr<remote::RemoteLog> remote)
    : bucket_(bucket), options_(options), remote_(std::move(remote)) {
  NoteStart();
}

arrow::Result<std::unique_ptr<BucketTier>> BucketTier::Open(const TableBucket& bucket, io::FileSystem& fs,
                                                            const TieringOptions& options, std::string path) {
  ARROW_ASSIGN_OR_RAISE(auto remote, remote::RemoteLog::Open(fs, *options.store, std::move(path)));
  return std::unique_ptr<BucketTier>(new BucketTier(bucket, options, std::move(remote)));
}

void BucketTier::NoteStart() {
  const auto now = manifest();
  start_.store(now->empty() ? kNothing.value : now->start().value, std::memory_order_release);
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
  const auto kept = std::ranges::find_if(segments, [&](const remote::RemoteSegment& segment) {
    return !gap && (policy.ttl_ms <= 0 || segment.max_timestamp_ms >= now_ms - policy.ttl_ms);
  });
  std::vector<remote::RemoteSegment> expired(segments.begin(), kept);
  segments.erase(segments.begin(), kept);

  swept_ = false;  // until what is uploaded now counts
  ARROW_ASSIGN_OR_RAISE(const bool more, Copy(log, durable, wanted, segments));
  if (!expired.empty() || segments.size() != before->segments.size()) {
    ARROW_RETURN_NOT_OK(remote_->Commit(std::move(segments), *options_.random));
    NoteStart();
  }
  swept_ = true;
  if (!expired.empty()) expired_.push_back({.due_ms = now_ms + options_.grace_ms, .segments = std::move(expired)});
  return more;
}

arrow::Result<bool> BucketTier::Copy(log::BucketLog& log, LogOffset durable, const std::function<bool()>& go_on,
                                     std::vector<remote::RemoteSegment>& segments) {
  for (int copied = 0;; ++copied) {
    const LogOffset from = segments.empty() ? log.start() : segments.back().end;
    auto found = log.FindClosed(from, durable);
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
  closed_ = true;
  std::lock_guard turn(mutex_);
  start_.store(kNothing.value, std::memory_order_release);
}

}  // namespace thalweg::tablet
