#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/datum.h"
#include "thalweg/format/row_layout.h"
#include "thalweg/format/row_view.h"

namespace thalweg::format {

/// Writes rows of one layout, column after column, into memory that it keeps:
///
///   writer.Start();
///   writer.Copy(old_row, 0);          // as it lies there
///   writer.Integer(total);
///   writer.Null();
///   const ByteView row = writer.Finish();  // until the next Start()
///
/// Each call writes the next column and must fit its type: anything else is a mistake of the caller's and is checked.
/// Thread safety: none.
class RowWriter {
 public:
  /// `layout` must be an identity (RowLayout::identity) and outlive the writer.
  explicit RowWriter(const RowLayout* layout);

  const RowLayout& layout() const { return *layout_; }
  /// The column that the next call writes.
  size_t column() const { return column_; }

  void Start();
  void Null();
  /// The value, or the null, of `row`'s `column`, which is of the same format and type.
  void Copy(const RowView& row, size_t column);
  /// BOOLEAN, TINYINT to BIGINT, DATE, TIME: the lower bits that the type has.
  void Integer(int64_t value);
  /// FLOAT, DOUBLE.
  void Floating(double value);
  /// CHAR, STRING, BINARY, BYTES; ARRAY, MAP, ROW encoded. INVALID_TABLE where it is longer than an INDEXED CHAR or BINARY.
  arrow::Status Bytes(ByteView value);
  void Decimal(Int128 unscaled);
  void Timestamp(TimestampValue value);
  /// Any value, for cold paths. INVALID_TABLE where it is not of the column's type.
  arrow::Status Value(const Datum& value);
  /// The row, once every column has been written.
  ByteView Finish();

 private:
  const RowLayout::Stored& Next();
  void AppendFixed(uint64_t value, size_t bytes);
  void AppendVarint(uint64_t value);
  void AppendSized(FieldEncoding encoding, ByteView value);

  const RowLayout* layout_;
  size_t column_ = 0;
  size_t size_at_ = 0;  ///< of INDEXED: where the next size goes
  std::vector<uint8_t> row_;
};

}  // namespace thalweg::format
