#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "thalweg/query/log_rows_internal.h"
#include "thalweg/query/scan_core_internal.h"

namespace thalweg::query {

/// A scan of logs: of a log table, a changelog or a binlog.
class LogScan final : public ScanCore {
 public:
  /// `parts`: of those that do not follow each has an end. In the order of buckets and offsets. `known`: the partitions that
  /// there were when they were chosen.
  LogScan(Session session, ScanRequest request, ScanShape shape, std::vector<LogPart> parts,
          std::vector<PartitionId> known);

  size_t streams_max() const override { return streams_max_; }
  std::vector<std::unique_ptr<ScanStream>> Split(size_t count) override;

  /// Whether the user may still read what comes: following goes on for as long as the client likes.
  arrow::Status CheckRights() const;
  /// The next part that nobody has taken; of a scan that does not follow.
  std::optional<LogPart> TakePart();

 private:
  const size_t streams_max_;
  const std::vector<PartitionId> known_;
  std::mutex parts_mutex_;
  std::deque<LogPart> parts_;
};

/// The buckets of partitions that came after `known`, which it adds to. Of a table that is partitioned.
std::vector<TableBucket> NewBuckets(const Environment& environment, const Table& table,
                                    std::vector<PartitionId>* known);

}  // namespace thalweg::query
