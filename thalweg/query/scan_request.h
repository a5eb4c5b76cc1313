#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "thalweg/base/ids.h"
#include "thalweg/format/predicate.h"
#include "thalweg/query/table.h"
#include "thalweg/query/token.h"

namespace thalweg::query {

/// As the beginning of a range: the first record that is retained, or what comes after this moment.
inline constexpr LogOffset kFromEarliest{-2};
inline constexpr LogOffset kFromLatest{-1};

/// Which records of a bucket's log are wanted: those at or behind `from` (and not committed before `from_ms`), below `to`
/// (and committed before `to_ms`). What is absent does not bound; a `from` below what is retained begins with that. The records
/// are cut exactly, also inside of batches.
struct RowRange {
  std::optional<LogOffset> from{};
  std::optional<LogOffset> to{};
  std::optional<int64_t> from_ms{};  ///< wall clock
  std::optional<int64_t> to_ms{};
};

/// One bucket, and what of it.
struct BucketRange {
  PartitionId partition = kNoPartition;
  BucketId bucket{};
  RowRange range{};
};

/// What a scan is to bring. Without more than a table: all columns of all its rows.
struct ScanRequest {
  TablePtr table{};
  /// Positions in the table's schema, in any order, none twice: the result has them in this order. None at all: rows are
  /// counted only.
  std::optional<std::vector<int>> columns{};
  /// Applied exactly. Ids are those of table->schema() (also of columns that are not asked for); literals as the types want them
  /// (format/datum.h). A comparison with null or with a null literal is not true. What it says of partition keys, bucket keys,
  /// the primary key and statistics also keeps what cannot match from being read.
  std::optional<format::Predicate> filter{};
  /// Rows in all, over all streams; 0 brings none.
  std::optional<int64_t> limit{};

  /// Those buckets only, each once; where absent all. UNKNOWN_TABLE_OR_BUCKET.
  std::optional<std::vector<BucketRange>> buckets{};
  /// Where `buckets` is absent: of these partitions only,
  std::optional<std::vector<PartitionId>> partitions{};
  /// and this of each bucket. Ranges are of logs and changes: INVALID_SCAN_REQUEST with the current rows of a table.
  RowRange range{};
  /// Goes on with what comes, and with partitions that come, until Cancel, the limit, the deadline or the ends of all ranges.
  /// INVALID_SCAN_REQUEST with the current rows: read these, then follow $changelog from their token on.
  bool follow = false;
  /// Where it follows `buckets`: partitions that none of them is of are followed as well, from their start, within `range`.
  bool new_partitions = false;

  /// The read waits, for so long at most, until it sees at least that.
  Token at_least{};
  int64_t at_least_wait_ms = 10'000;
  /// On the monotonic clock: then the scan ends with REQUEST_TIME_OUT.
  std::optional<int64_t> deadline_ns{};

  /// A batch is at most of so many rows; it may be of fewer, as it was written.
  int64_t batch_rows_max = 65'536;
  /// What one read of a log brings.
  uint64_t read_bytes_max = 4u << 20;
};

}  // namespace thalweg::query
