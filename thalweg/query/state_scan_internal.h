#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "thalweg/query/scan_core_internal.h"

namespace thalweg::query {

/// A scan of the current rows of a table with a primary key, bucket by bucket.
class StateScan final : public ScanCore {
 public:
  StateScan(Session session, ScanRequest request, ScanShape shape, std::vector<TableBucket> buckets)
      : ScanCore(std::move(session), std::move(request), std::move(shape)),
        streams_max_(std::max<size_t>(buckets.size(), 1)),
        buckets_(buckets.begin(), buckets.end()) {}

  size_t streams_max() const override { return streams_max_; }
  std::vector<std::unique_ptr<ScanStream>> Split(size_t count) override;

  /// The next bucket that nobody has taken.
  std::optional<TableBucket> TakeBucket();

 private:
  const size_t streams_max_;
  std::mutex buckets_mutex_;
  std::deque<TableBucket> buckets_;
};

}  // namespace thalweg::query
