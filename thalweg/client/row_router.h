#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/ids.h"
#include "thalweg/client/admin.h"
#include "thalweg/client/connection.h"
#include "thalweg/format/bucket_hash.h"
#include "thalweg/format/key_encoder.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::client {

/// Rows that go to one bucket together.
struct RoutedRows {
  PartitionId partition = kNoPartition;
  BucketId bucket{};
  std::shared_ptr<arrow::RecordBatch> rows;
};

/// Tells where rows of a log table belong: to the partition that their values name, which is created where it is missing,
/// and there to the bucket that the bucket key's hash chooses, or to each bucket in turn where the table has no such key.
/// The order of rows that belong to the same bucket is kept.
/// Thread safety: one thread at a time, together with the connection.
class RowRouter {
 public:
  static arrow::Result<std::unique_ptr<RowRouter>> Make(Connection& connection, TableInfo table);

  /// `rows` are of the table's Arrow schema. PARTITION_SPEC_INVALID where a row has no value for a partition key.
  arrow::Result<std::vector<RoutedRows>> Route(const std::shared_ptr<arrow::RecordBatch>& rows);

 private:
  RowRouter(Connection& connection, TableInfo table) : connection_(connection), table_(std::move(table)) {}

  arrow::Result<PartitionId> PartitionOf(const arrow::RecordBatch& rows, int64_t row);
  arrow::Result<BucketId> BucketOfRow(const arrow::RecordBatch& rows, int64_t row) const;

  Connection& connection_;
  const TableInfo table_;
  int32_t bucket_count_ = 1;
  format::KeyFormat key_format_ = format::KeyFormat::kCompacted;
  format::BucketFunction function_ = format::BucketFunction::kFluss;
  std::vector<size_t> partition_columns_;
  std::vector<size_t> key_columns_;
  std::vector<schema::DataType> key_types_;
  std::map<std::vector<std::string>, PartitionId> partitions_;
  int32_t next_bucket_ = 0;
};

}  // namespace thalweg::client
