#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/format/predicate.h"
#include "thalweg/schema/schema.h"

namespace thalweg::query {

/// What one leaf of a predicate says of the rows of one array, which is of its column's type: writes 1 or 0 for each row over
/// `mask`. Rows that are null are looked at too, and mean nothing.
using LeafTest = std::function<void(const arrow::Array& array, uint8_t* mask)>;

/// The test of a leaf that is no null test. INVALID_SCAN_REQUEST: a literal that is not of the column's type, too many or too few
/// of them, a comparison that the type does not have.
arrow::Result<LeafTest> MakeLeafTest(const format::Predicate& leaf, const schema::Column& column);

}  // namespace thalweg::query
