#pragma once

#include <cstddef>

#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "thalweg/format/row_view.h"

namespace thalweg::format {

/// Appends the value of `row`'s `column` to `builder`, which is for the Arrow type of that column (schema::ToArrowType).
/// CHAR and BINARY of INDEXED rows come as RowView gives them, BINARY filled up with zeros to its length again.
/// CORRUPT_RECORD where a nested value is not sound.
arrow::Status AppendColumn(const RowView& row, size_t column, arrow::ArrayBuilder& builder);

}  // namespace thalweg::format
