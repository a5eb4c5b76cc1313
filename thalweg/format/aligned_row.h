#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/datum.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::format {

/// Bytes of header and null bits in front of the slots.
inline constexpr size_t AlignedRowBitsBytes(size_t column_count) { return (column_count + 8 + 63) / 64 * 8; }

/// A row with a slot of 8 bytes for each column, as batch statistics and Paimon's keys hold it:
///
///   | header u8 = 0 | null bits, column i at bit 8 + i, to a multiple of 8 bytes | slots | values that no slot holds |
///
/// What slots hold is told in slot_codec_internal.h.
/// The view refers to the bytes and never leaves them, whatever they say. Nested types are not supported.
class AlignedRowView {
 public:
  /// CORRUPT_RECORD where `bytes` does not even hold the slots.
  static arrow::Result<AlignedRowView> Make(ByteView bytes, size_t column_count);

  bool IsNull(size_t column) const;
  /// CORRUPT_RECORD where the slot points outside the row, INVALID_TABLE for a nested type.
  arrow::Result<Datum> Get(size_t column, const schema::DataType& type) const;

 private:
  ByteView bytes_;
  size_t column_count_ = 0;
};

/// INVALID_TABLE for a nested type, or a value that is not of its column's type.
arrow::Result<std::vector<uint8_t>> EncodeAlignedRow(std::span<const Datum> values,
                                                     std::span<const schema::DataType> types);

}  // namespace thalweg::format
