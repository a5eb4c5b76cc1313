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

/// The smaller of the two row formats: | null bits, ⌈n / 8⌉ bytes, column i at bit i | values of the columns that are not
/// null, one behind the other |.
///
///   BOOLEAN, TINYINT 1 byte · SMALLINT 2 · INT, DATE, TIME varint of the 32 bits · BIGINT varint of the 64 bits · FLOAT 4 ·
///   DOUBLE 8 · CHAR, STRING, BINARY, BYTES varint size, bytes · DECIMAL up to 18 digits as BIGINT, above as BYTES (big-
///   endian) · TIMESTAMP up to 3 digits as BIGINT, above BIGINT and then the nanoseconds as INT · ARRAY, MAP, ROW varint
///   size, bytes (binary_array.h; rows inside are compacted rows)
///
/// Varints are unsigned LEB128 without zigzag: a negative INT takes 5 bytes, a negative BIGINT 10.
arrow::Result<std::vector<uint8_t>> EncodeCompactedRow(std::span<const Datum> values,
                                                       std::span<const schema::DataType> types);

/// CORRUPT_RECORD where a value ends behind the row. What follows the last value is ignored, as Fluss does.
arrow::Result<std::vector<Datum>> DecodeCompactedRow(ByteView bytes, std::span<const schema::DataType> types);

/// One value that is not null, as it stands in a compacted row: keys are made of these.
arrow::Status AppendCompactedValue(const Datum& value, const schema::DataType& type, std::vector<uint8_t>* out);

}  // namespace thalweg::format
