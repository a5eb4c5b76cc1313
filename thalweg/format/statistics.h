#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/ids.h"
#include "thalweg/format/log_batch.h"

namespace thalweg::format {

/// What a batch of magic 1 or 2 says about its columns, for readers that skip batches by it. Little-endian, at any
/// alignment:
///
///   | version i8 = 1 | n i16 | column positions n × i16 | null counts n × i32 | size i32, least values: an aligned row
///   of the n columns | size i32, greatest values: likewise |
///
/// A column without values (all null, or of a type without an order) is null in both rows. The view refers to the
/// block.
class StatisticsView {
 public:
  /// CORRUPT_RECORD where sizes do not fit the block, a position is negative or named twice, or the version is unknown.
  static arrow::Result<StatisticsView> Parse(ByteView block);

  size_t column_count() const { return count_; }
  /// Position in the batch's schema of the `index`-th column that has statistics.
  int16_t column(size_t index) const { return LoadLittle<int16_t>(columns_ + index * sizeof(int16_t)); }
  int32_t null_count(size_t index) const { return LoadLittle<int32_t>(null_counts_ + index * sizeof(int32_t)); }
  /// Where in the statistics the column at `position` of the schema stands; −1 where it has none.
  int IndexOf(int position) const;
  ByteView min_row() const { return min_row_; }  ///< an aligned row of column_count() columns; empty when there is none
  ByteView max_row() const { return max_row_; }

 private:
  size_t count_ = 0;
  const uint8_t* columns_ = nullptr;
  const uint8_t* null_counts_ = nullptr;
  ByteView min_row_;
  ByteView max_row_;
};

/// A statistics block with memory of its own, as it is kept beside the log.
struct BatchStatistics {
  LogOffset base_offset;  ///< of its batch
  SchemaId schema_id;     ///< what column positions refer to
  int32_t record_count = 0;
  Bytes block;  ///< never empty; StatisticsView::Parse() accepts it
};

/// A run of batches of magic 0, and the statistics that some of them came with.
struct DowngradedBatches {
  MutableByteView batches;
  /// In order; `index` counts the batches of the run.
  struct Entry {
    int32_t index = 0;
    BatchStatistics statistics;
  };
  std::vector<Entry> statistics;
};

/// Turns batches of any version into magic 0, in place: headers move forward over the statistics, bodies stay where
/// they are (all but the last move up when several were sent together), so the result is the tail of `records`. CRCs
/// are computed anew; the given ones must have been verified (ValidateForAppend), and `records` must end with its last
/// batch. Statistics that do not parse are dropped: they are a hint. Base offsets are copied from the headers: assign
/// them after.
DowngradedBatches DowngradeToV0(MutableByteView records);

}  // namespace thalweg::format
