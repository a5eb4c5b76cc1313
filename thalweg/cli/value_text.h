#pragma once

#include <string_view>

#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "nlohmann/json_fwd.hpp"
#include "thalweg/schema/data_type.h"

/// Text and JSON as values of a column: the reverse of cell_text.h, and a little more forgiving. `builder` is for
/// ToArrowType(type). Errors: INVALID_TARGET_COLUMN, a message that stands behind "row 7, column price: ".
namespace thalweg::cli {

/// The value that `text` spells. Timestamps take a T or a blank between date and time; with a zone only where the column is
/// TIMESTAMP_LTZ, which without one means UTC. Nested values as JSON.
arrow::Status AppendText(std::string_view text, const schema::DataType& type, arrow::ArrayBuilder& builder);

/// A JSON value: text as AppendText takes it, numbers for number columns where they fit exactly, null where the type may be
/// null, objects and lists for nested types. A field that a ROW lacks is null.
arrow::Status AppendJsonValue(const nlohmann::ordered_json& value, const schema::DataType& type,
                              arrow::ArrayBuilder& builder);

/// Null; refused where the type is NOT NULL.
arrow::Status AppendNullValue(const schema::DataType& type, arrow::ArrayBuilder& builder);

}  // namespace thalweg::cli
