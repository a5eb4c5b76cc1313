#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "thalweg/format/column_buffers.h"
#include "thalweg/format/row_format.h"
#include "thalweg/format/row_view.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::format {

/// Turns rows into Arrow columns, value by value and without an allocation for each:
///
///   RowColumns columns(types, RowFormat::kCompacted);
///   for (…) { ARROW_RETURN_NOT_OK(view.Reset(layout, row)); ARROW_RETURN_NOT_OK(columns.Append(view)); }
///   ARROW_ASSIGN_OR_RAISE(auto arrays, columns.Finish());
///
/// Thread safety: none.
class RowColumns {
 public:
  RowColumns(std::vector<schema::DataType> types, RowFormat format);

  size_t rows() const { return rows_; }
  /// Bytes in all columns; looks at each.
  size_t bytes() const;

  /// `row` has a column of each of the types. Errors of ColumnBuffers::Append: nothing can be appended then before Finish.
  arrow::Status Append(const RowView& row) {
    for (size_t i = 0; i < columns_->size(); ++i) ARROW_RETURN_NOT_OK((*columns_)[i].Append(row, i));
    ++rows_;
    return arrow::Status::OK();
  }
  /// A row of nulls.
  void AppendNulls();
  /// What was appended since the last call, as arrays that share no memory with what comes.
  arrow::Result<arrow::ArrayVector> Finish();

 private:
  void Start();

  const std::vector<schema::DataType> types_;
  const RowFormat format_;
  std::vector<std::shared_ptr<arrow::DataType>> arrow_types_;
  std::shared_ptr<std::vector<ColumnBuffers>> columns_;
  size_t rows_ = 0;
};

}  // namespace thalweg::format
