#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/datum.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::format {

/// How rows are written, and with them the rows inside their columns.
enum class RowFormat : uint8_t { kCompacted, kIndexed };

/// A row of `types`, one value each. INVALID_TABLE where a value is not of its type.
arrow::Result<std::vector<uint8_t>> EncodeRow(RowFormat format, std::span<const Datum> values,
                                              std::span<const schema::DataType> types);

/// The values of a row; `bytes` is all of it. CORRUPT_RECORD where they do not fit `types`.
arrow::Result<std::vector<Datum>> DecodeRow(RowFormat format, ByteView bytes, std::span<const schema::DataType> types);

/// The types of a ROW's fields, or of the element of an ARRAY, or of key and value of a MAP.
std::vector<schema::DataType> ChildTypes(const schema::DataType& type);

/// A value of a nested type on its own, without the length that its container writes.
arrow::Result<std::vector<uint8_t>> EncodeNested(RowFormat format, const Datum& value, const schema::DataType& type);
arrow::Result<Datum> DecodeNested(RowFormat format, ByteView bytes, const schema::DataType& type);

}  // namespace thalweg::format
