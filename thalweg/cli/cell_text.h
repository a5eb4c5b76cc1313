#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "arrow/type_fwd.h"
#include "thalweg/schema/data_type.h"

/// Values as text. `array` is of ToArrowType(type). What is written here, value_text.h reads back.
///
/// DATE 2026-11-22 · TIME 09:30:00.250 · TIMESTAMP 2026-11-22 09:30:00.250 · TIMESTAMP_LTZ the same, in UTC, with Z ·
/// BINARY, BYTES base64 · DECIMAL all its digits
namespace thalweg::cli {

/// One value as JSON: numbers and booleans bare, DECIMAL as text so that no reader rounds it, MAP as an object, ROW by its
/// fields' names. A FLOAT or DOUBLE that JSON has no number for is text too.
void AppendJson(const arrow::Array& array, int64_t row, const schema::DataType& type, std::string* to);
/// Text in double quotes, escaped.
void AppendJsonText(std::string_view text, std::string* to);

/// One value as it stands in a cell: text bare, null as nothing, nested values as JSON.
std::string CellText(const arrow::Array& array, int64_t row, const schema::DataType& type);

/// Milliseconds since 1970 as "2026-11-22 09:30:00Z".
std::string InstantText(int64_t ms);

}  // namespace thalweg::cli
