#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/schema/data_type.h"
#include "thalweg/schema/schema.h"
#include "thalweg/schema/table_path.h"

namespace thalweg::query {

/// Rows that a user gave, as a table has them.
struct AlignedRows {
  std::shared_ptr<arrow::RecordBatch> rows;  ///< all columns of the table, those that were not given null
  std::vector<size_t> given;                 ///< positions of the others, ascending
};

/// Finds the columns of `rows` by name among those of `schema` and casts them where that loses nothing. INVALID_TABLE, naming the
/// column: one that the table does not have, or that comes twice; a type that cannot be cast; a value that would change.
arrow::Result<AlignedRows> AlignRows(const arrow::RecordBatch& rows, const schema::Schema& schema,
                                     const schema::TablePath& path);

/// INVALID_TABLE, naming the column, where one of these has a null.
arrow::Status CheckNoNulls(const arrow::RecordBatch& rows, const std::vector<size_t>& columns,
                           const schema::Schema& schema, const schema::TablePath& path);

}  // namespace thalweg::query
