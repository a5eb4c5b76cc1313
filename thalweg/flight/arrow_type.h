#pragma once

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::flight {

/// The type of a column that holds what a field of a client's Arrow schema does: the other way of schema::ToArrowType, and
/// for what that does not give the nearest type that loses nothing. INVALID_TABLE, naming the field, where there is none.
arrow::Result<schema::DataType> FromArrowField(const arrow::Field& field);

}  // namespace thalweg::flight
