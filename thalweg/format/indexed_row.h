#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/datum.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::format {

/// The row format whose values have fixed sizes where their types do:
///
///   | null bits, ⌈n / 8⌉ bytes, column i at bit i | i32 for each column of variable size | values that are not null |
///
/// The i32s are filled from the front with the sizes of the variable values that are not null; the rest is 0.
///   BOOLEAN, TINYINT 1 byte · SMALLINT 2 · INT, DATE, TIME, FLOAT 4 · BIGINT, DOUBLE 8 · CHAR(n), BINARY(n) n bytes filled
///   up with 0 · DECIMAL up to 18 digits 8 · TIMESTAMP 8, above 3 digits and 4 more for the nanoseconds · variable: STRING,
///   BYTES, DECIMAL above 18 digits (big-endian), ARRAY, MAP, ROW (binary_array.h; rows inside are indexed rows)
arrow::Result<std::vector<uint8_t>> EncodeIndexedRow(std::span<const Datum> values,
                                                     std::span<const schema::DataType> types);

/// CORRUPT_RECORD where a value ends behind the row. The zeros that fill up CHAR and BINARY are not part of the value.
arrow::Result<std::vector<Datum>> DecodeIndexedRow(ByteView bytes, std::span<const schema::DataType> types);

}  // namespace thalweg::format
