#pragma once

#include <memory>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/cli/output.h"
#include "thalweg/cli/row_source.h"
#include "thalweg/schema/schema.h"

namespace thalweg::cli {

/// Writes rows in one format. Rows are of `columns`, in their order.
class RowSink {
 public:
  /// `output` must outlive the sink.
  static arrow::Result<std::unique_ptr<RowSink>> Open(RowFormat format, std::vector<schema::Column> columns,
                                                      Output& output);
  virtual ~RowSink() = default;

  /// What has been written is in the output when this returns, but for Parquet.
  virtual arrow::Status Write(const std::shared_ptr<arrow::RecordBatch>& rows) = 0;
  /// Once, at the end.
  virtual arrow::Status Finish() { return arrow::Status::OK(); }
};

arrow::Result<std::unique_ptr<RowSink>> OpenParquetSink(std::vector<schema::Column> columns, Output& output);
/// For people: columns as wide as the first rows need, at most as wide as the terminal.
std::unique_ptr<RowSink> OpenTableSink(std::vector<schema::Column> columns, Output& output);

}  // namespace thalweg::cli
