#pragma once

#include <memory>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/schema/data_type.h"

/// Values that DuckDB made, as tables have them.
namespace thalweg::sql {

/// The type of a column that is to hold what a query gives. INVALID_TABLE for types that tables do not have.
arrow::Result<schema::DataType> ToTableType(const arrow::DataType& type);

/// Values of a query for a column of `type`, as ToArrowType has them. INVALID_TABLE for a BINARY of another length. Parts of a second
/// beyond the column's precision are cut.
arrow::Result<std::shared_ptr<arrow::Array>> ToTableArray(const arrow::Array& array, const schema::DataType& type);

}  // namespace thalweg::sql
