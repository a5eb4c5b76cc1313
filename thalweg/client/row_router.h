#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/ids.h"
#include "thalweg/client/admin.h"
#include "thalweg/client/connection.h"
#include "thalweg/format/row_placer.h"

namespace thalweg::client {

/// Rows that go to one bucket together.
struct RoutedRows {
  PartitionId partition = kNoPartition;
  BucketId bucket{};
  std::shared_ptr<arrow::RecordBatch> rows;
};

/// What becomes of rows whose partition is not there.
enum class NoPartitionYet : uint8_t { kCreateIt, kLeaveRowsOut };

/// Tells where rows of a table belong: to the partition that their values name, which is created where it is missing
/// (or its rows are left out), and there to the bucket that the bucket key's hash chooses, or to each bucket in turn where the table has no such key.
/// The order of rows that belong to the same bucket is kept.
/// Thread safety: one thread at a time, together with the connection.
class RowRouter {
 public:
  static arrow::Result<std::unique_ptr<RowRouter>> Make(Connection& connection, TableInfo table,
                                                        NoPartitionYet missing = NoPartitionYet::kCreateIt);

  /// `rows` are of the table's Arrow schema. PARTITION_SPEC_INVALID where a row has no value for a partition key.
  arrow::Result<std::vector<RoutedRows>> Route(const std::shared_ptr<arrow::RecordBatch>& rows);

 private:
  RowRouter(Connection& connection, TableInfo table, format::RowPlacer placer, NoPartitionYet missing)
      : connection_(connection), table_(std::move(table)), placer_(std::move(placer)), missing_(missing) {}

  /// Absent: its rows are left out.
  arrow::Result<std::optional<PartitionId>> PartitionOf(const std::vector<std::string>& values);

  Connection& connection_;
  const TableInfo table_;
  format::RowPlacer placer_;
  const NoPartitionYet missing_;
  std::map<std::vector<std::string>, PartitionId> partitions_;
};

}  // namespace thalweg::client
