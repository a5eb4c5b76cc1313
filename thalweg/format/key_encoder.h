#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "arrow/result.h"
#include "thalweg/format/datum.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::format {

/// How key columns become the bytes of a key. Key columns are never null.
enum class KeyFormat : uint8_t {
  kCompacted,  ///< the columns as in a compacted row, without its null bits
  kPaimon,     ///< an aligned row
  kIceberg,    ///< one column: whole numbers, DATE as i64; TIME and TIMESTAMP as microseconds; the rest as its bytes
};

/// INVALID_TABLE where a value is null or not of its type, or the format has no bytes for the type.
arrow::Result<std::vector<uint8_t>> EncodeKey(KeyFormat format, std::span<const Datum> values,
                                              std::span<const schema::DataType> types);

}  // namespace thalweg::format
