#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/datum.h"
#include "thalweg/format/row_layout.h"

namespace thalweg::format {

/// One row of COMPACTED or INDEXED bytes, read in place:
///
///   RowView row;                                    // keep it: it allocates only for its first row
///   ARROW_RETURN_NOT_OK(row.Reset(layout, bytes));  // finds every value once
///   if (!row.IsNull(2)) total += row.Integer(2);
///
/// Invariants: after a Reset() that succeeded every value lies inside the bytes, so reading one cannot fail; only what
/// stands inside of ARRAY, MAP and ROW is not looked at (nested_view.h does). Bytes and layout must outlive their use.
/// After a Reset() that failed there is no row.
/// Thread safety: none while Reset() runs; reading is safe from several threads.
class RowView {
 public:
  RowView() = default;

  /// CORRUPT_RECORD where a value ends behind `row`. What follows the last value is ignored, as Fluss does.
  arrow::Status Reset(const RowLayout& layout, ByteView row);

  const RowLayout& layout() const { return *layout_; }
  /// The whole row as it was given.
  ByteView bytes() const { return row_; }
  size_t column_count() const { return fields_.size(); }
  const schema::DataType& type(size_t column) const { return layout_->type(column); }

  bool IsNull(size_t column) const { return fields_[column].begin == kNull; }

  // What follows is for columns of the types named, and not null.

  /// TINYINT to BIGINT, DATE (days from 1970), TIME (milliseconds of the day).
  int64_t Integer(size_t column) const { return fields_[column].number; }
  bool Boolean(size_t column) const { return fields_[column].number != 0; }
  /// FLOAT and DOUBLE.
  double Floating(size_t column) const;
  /// FLOAT (the lower 32) and DOUBLE as they are stored; NaNs keep their bits.
  uint64_t FloatingBits(size_t column) const { return static_cast<uint64_t>(fields_[column].number); }
  /// CHAR, STRING, BINARY, BYTES; without the zeros that INDEXED fills up CHAR and BINARY with. ARRAY, MAP, ROW: encoded.
  ByteView Bytes(size_t column) const { return {row_.data() + fields_[column].value, fields_[column].size}; }
  std::string_view Text(size_t column) const { return AsText(Bytes(column)); }
  /// DECIMAL, unscaled.
  Int128 Decimal(size_t column) const;
  /// Both TIMESTAMPs.
  TimestampValue Timestamp(size_t column) const {
    return {fields_[column].number, static_cast<int32_t>(fields_[column].nanos())};
  }

  /// The value as it lies in the row, of any type: what equals it byte for byte is the same value. COMPACTED: with its size
  /// in front.
  ByteView Encoded(size_t column) const {
    return {row_.data() + fields_[column].begin, fields_[column].end - fields_[column].begin};
  }

  /// A copy with memory of its own, for cold paths. CORRUPT_RECORD where a nested value is not sound.
  arrow::Result<Datum> ToDatum(size_t column) const;

 private:
  static constexpr uint32_t kNull = 0xFFFFFFFF;

  struct Field {
    uint32_t begin = kNull;  ///< of the value as it is encoded
    uint32_t end = 0;
    uint32_t value = 0;  ///< of the payload of values that are bytes
    uint32_t size = 0;   ///< of that payload; of a TIMESTAMP the nanoseconds
    int64_t number = 0;

    uint32_t nanos() const { return size; }
  };

  bool ScanCompacted();
  bool ScanIndexed();
  bool IsNullBit(size_t stored) const { return (row_[stored / 8] >> (stored % 8) & 1) != 0; }
  void Keep(int32_t column, const Field& field) {
    if (column >= 0) fields_[static_cast<size_t>(column)] = field;
  }

  const RowLayout* layout_ = nullptr;
  ByteView row_;
  std::vector<Field> fields_;
};

}  // namespace thalweg::format
