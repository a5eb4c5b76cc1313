#pragma once

#include <cstdint>

#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "thalweg/format/datum.h"

namespace thalweg::format {

/// The value at `row` of an array whose type ToArrowType gave.
Datum DatumAt(const arrow::Array& array, int64_t row);

/// The other way: appends `value` to a builder for such a type. CORRUPT_RECORD where it is of another kind.
arrow::Status AppendDatum(const Datum& value, arrow::ArrayBuilder& builder);

}  // namespace thalweg::format
