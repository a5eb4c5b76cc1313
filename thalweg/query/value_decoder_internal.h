#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/catalog/table.h"
#include "thalweg/format/row_columns.h"
#include "thalweg/format/row_layout.h"
#include "thalweg/format/row_view.h"
#include "thalweg/query/environment.h"
#include "thalweg/schema/schema.h"

namespace thalweg::query {

/// Turns values of a table with a primary key, as its state keeps them, into columns of the version in which the table was
/// found, with no allocation for each row.
/// Thread safety: none.
class ValueDecoder {
 public:
  /// `columns`: positions in the table's latest schema; none: rows are counted only.
  static arrow::Result<std::unique_ptr<ValueDecoder>> Make(const Environment& environment, catalog::TablePtr table,
                                                           const std::vector<int>& columns);

  /// CORRUPT_RECORD, SCHEMA_NOT_EXIST.
  arrow::Status Append(ByteView value);
  /// A row of nulls.
  void AppendNulls();
  int64_t rows() const { return rows_; }
  /// Of the rows so far; looks at each column.
  size_t bytes() const { return columns_ ? columns_->bytes() : 0; }
  /// The columns of the rows since the last call.
  arrow::Result<arrow::ArrayVector> Finish();

 private:
  ValueDecoder(const Environment& environment, catalog::TablePtr table);
  arrow::Result<const format::RowLayout*> LayoutOf(SchemaId id);

  const Environment& environment_;
  const catalog::TablePtr table_;
  format::RowFormat format_ = format::RowFormat::kCompacted;
  schema::Schema read_as_;
  std::optional<format::RowColumns> columns_;
  std::unordered_map<SchemaId, format::RowLayout> layouts_;
  SchemaId last_id_{0};
  const format::RowLayout* last_ = nullptr;
  format::RowView view_;
  int64_t rows_ = 0;
};

}  // namespace thalweg::query
