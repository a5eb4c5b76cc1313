#pragma once

#include <memory>
#include <string>

#include "arrow/type_fwd.h"
#include "thalweg/schema/data_type.h"
#include "thalweg/schema/schema.h"

/// The Arrow types in which clients send and expect the columns of a table. Both sides derive them from the table's
/// schema, since record batches travel without one: a difference here is a misread column.
namespace thalweg::schema {

/// Timestamps have no time zone, TIMESTAMP_LTZ neither; the unit of TIME and TIMESTAMP follows from the precision; the
/// child of a list is named `element`; the key of a map is never null.
std::shared_ptr<arrow::DataType> ToArrowType(const DataType& type);
std::shared_ptr<arrow::Field> ToArrowField(std::string name, const DataType& type);
/// The top-level columns, in order, without metadata.
std::shared_ptr<arrow::Schema> ToArrowSchema(const Schema& schema);

}  // namespace thalweg::schema
