#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/arrow_metadata.h"
#include "thalweg/format/column_shape.h"
#include "thalweg/format/nested_view.h"
#include "thalweg/format/row_layout.h"
#include "thalweg/format/row_view.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::format {

/// The buffers of one column of an Arrow record batch, filled value by value from rows. They hold what Fluss's server would
/// write for the same rows: a validity bit for every value, zeros where a number is null, no value behind a null.
/// Buffers keep their memory over Clear(). Thread safety: none.
class ColumnBuffers {
 public:
  /// `type` is copied; `format` is that of the rows that values come from, which rows inside of them have too.
  ColumnBuffers(const schema::DataType& type, RowFormat format);
  ~ColumnBuffers();
  ColumnBuffers(ColumnBuffers&&) noexcept;

  void Clear();
  void AppendNull();
  /// `row`'s `column`, which is of this column's type. CORRUPT_RECORD where a nested value is not sound, INVALID_TABLE where
  /// a DECIMAL has too many digits, a BINARY is not as long as its type says or a MAP has a null key, RECORD_TOO_LARGE where the column would take
  /// more than 2 GiB; the column is then of no use before the next Clear().
  arrow::Status Append(const RowView& row, size_t column);

  /// Places of a column's buffers and nodes, in Arrow's pre-order.
  struct Parts {
    std::vector<FieldNode> nodes;
    std::vector<ByteView> buffers;
  };
  /// Adds this column's; they refer to its memory.
  void AddParts(Parts* parts) const;
  /// Bytes in all buffers, without padding.
  size_t bytes() const;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

}  // namespace thalweg::format
