#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/format/predicate_filter.h"
#include "thalweg/query/log_decoder_internal.h"
#include "thalweg/query/scan_core_internal.h"
#include "thalweg/query/sparse_range_internal.h"
#include "thalweg/tablet/read.h"

namespace thalweg::query {

/// Which records of one bucket are wanted: an offset range, which may be open at its end, and a range of commit times.
struct LogPart {
  TableBucket bucket;
  LogOffset next;
  LogOffset end{INT64_MAX};
  int64_t from_ms = INT64_MIN;
  int64_t to_ms = INT64_MAX;

  bool done() const { return next >= end; }
};

/// Turns what one read of a bucket has brought into batches of rows.
///
/// Thread safety: none. Blocks: it reads files.
class LogRows {
 public:
  static arrow::Result<std::unique_ptr<LogRows>> Make(ScanCore& scan);

  /// Takes the batches of `read`, which was successful, for `part`.
  arrow::Status Start(const tablet::ReadResult& read, const LogPart& part);
  /// Where what Start has taken falls into `count` runs of batches of about as many bytes: at most one offset less.
  std::vector<LogOffset> Cuts(size_t count) const;
  /// From here on, of what Start has taken only what lies below `end`.
  void CutTo(LogOffset end) { part_.end = end; }
  /// Takes for `part`, of the same bucket, what `other` has taken and not begun with.
  void StartAs(const LogRows& other, const LogPart& part);
  /// The next rows of it that are wanted, at most as many as a batch may have; nothing at its end. `part()` goes on with each.
  arrow::Result<std::optional<ScanBatch>> Next();
  /// What is left to do of the bucket.
  const LogPart& part() const { return part_; }
  /// How much more may be read at once where little of it is wanted: of what Start took, only so many times less was read.
  uint64_t ReadFactor() const;

 private:
  /// Whole batches, one behind the other.
  struct Piece {
    Bytes batches;
    Bytes statistics;  ///< see journal::Entry
    size_t statistics_at = 0;
    std::shared_ptr<const SparseRange> sparse;  ///< where the columns of the batches are yet to be loaded
  };

  explicit LogRows(ScanCore& scan) : scan_(scan) {}

  arrow::Result<Bytes> NextStatistics(Piece& piece, const format::BatchHeader& header) const;
  bool MayMatch(const format::BatchHeader& header, ByteView statistics);
  arrow::Result<Piece> ReadPiece(const log::LogRange& range) const;
  arrow::Result<DecodedBatch> Decode(const format::LogBatchView& batch, const Piece& piece);
  arrow::Result<std::optional<ScanBatch>> Take(const format::LogBatchView& batch, const Piece& piece);
  arrow::Result<std::optional<ScanBatch>> Cut();

  ScanCore& scan_;
  std::unique_ptr<LogDecoder> decoder_;
  std::map<SchemaId, format::BatchFilter> filters_;
  std::shared_ptr<tablet::BucketStore> store_;
  LogPart part_;
  std::deque<Piece> pieces_;
  std::shared_ptr<arrow::RecordBatch> rest_;  ///< of rows that are too many for one batch
  LogOffset rest_next_;                       ///< behind them
};

/// The bytes of a read that lie in a file.
arrow::Result<Bytes> ReadRange(const log::LogRange& range);

}  // namespace thalweg::query
