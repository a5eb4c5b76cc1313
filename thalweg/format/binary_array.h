#pragma once

#include <cstdint>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/datum.h"
#include "thalweg/format/row_format.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::format {

/// An ARRAY as rows hold it, a multiple of 8 bytes:
///
///   | element count n i32 | null bits, to a multiple of 4 bytes | n slots of 1, 2, 4 or 8 bytes, to a multiple of 8 |
///   values that no slot holds |
///
/// Slots hold what those of an aligned row do (slot_codec_internal.h); elements of a nested type stand behind them in the
/// row format `format`. A MAP is | size of the keys' array i32 | array of keys | array of values |.
/// Encode: INVALID_TABLE where a value is not of its type. Decode: CORRUPT_RECORD where the bytes are not sound.

arrow::Result<std::vector<uint8_t>> EncodeBinaryArray(const Datum::List& elements, const schema::DataType& type,
                                                      RowFormat format);
arrow::Result<Datum::List> DecodeBinaryArray(ByteView bytes, const schema::DataType& type, RowFormat format);

arrow::Result<std::vector<uint8_t>> EncodeBinaryMap(const MapValue& map, const schema::DataType& key,
                                                    const schema::DataType& value, RowFormat format);
arrow::Result<MapValue> DecodeBinaryMap(ByteView bytes, const schema::DataType& key, const schema::DataType& value,
                                        RowFormat format);

}  // namespace thalweg::format
