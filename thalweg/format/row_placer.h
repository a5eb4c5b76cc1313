#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/ids.h"
#include "thalweg/format/bucket_hash.h"
#include "thalweg/format/datum.h"
#include "thalweg/format/key_encoder.h"
#include "thalweg/schema/schema.h"
#include "thalweg/schema/table_descriptor.h"

namespace thalweg::format {

/// Rows that belong to one bucket, in the order in which they came.
struct PlacedRows {
  std::vector<std::string> partition;  ///< its values, as names have them; none where the table is not partitioned
  BucketId bucket{};
  std::vector<int64_t> rows;  ///< their indexes, ascending
};

/// Tells where the rows of a table belong, as Fluss's clients do: to the partition that their values name, and there to the
/// bucket that the bucket key's hash chooses, or to each bucket in turn, batch by batch, where the table has no such key.
/// Thread safety: one thread at a time; const calls: any.
class RowPlacer {
 public:
  /// `first_bucket`: where the turn begins, any number. UNSUPPORTED_VERSION for tables whose buckets are chosen as Hudi does.
  static arrow::Result<RowPlacer> Make(const schema::TableDescriptor& table, uint64_t first_bucket);

  /// `rows` are of the table's Arrow schema. PARTITION_SPEC_INVALID where a row has no value for a partition key, INVALID_TABLE
  /// where it has none for a bucket key.
  arrow::Result<std::vector<PlacedRows>> Place(const arrow::RecordBatch& rows);

  /// The columns that choose the bucket, by position; none where all buckets will do.
  const std::vector<size_t>& bucket_columns() const { return bucket_columns_; }
  const std::vector<size_t>& partition_columns() const { return partition_columns_; }
  /// The bucket of rows with these values of bucket_columns().
  arrow::Result<BucketId> BucketOfKey(std::span<const Datum> key) const;

 private:
  RowPlacer() = default;

  arrow::Result<std::vector<std::string>> PartitionOf(const arrow::RecordBatch& rows, int64_t row) const;

  schema::Schema schema_;
  int32_t bucket_count_ = 1;
  KeyFormat key_format_ = KeyFormat::kCompacted;
  BucketFunction function_ = BucketFunction::kFluss;
  std::vector<size_t> partition_columns_;
  std::vector<size_t> bucket_columns_;
  std::vector<schema::DataType> bucket_types_;
  int32_t next_bucket_ = 0;
};

/// The rows with these indexes; `rows` itself where these are all.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> PickRows(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                            const std::vector<int64_t>& indexes);

}  // namespace thalweg::format
