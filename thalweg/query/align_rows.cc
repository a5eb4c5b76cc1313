#include <algorithm>
#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/array/util.h"
#include "arrow/compute/cast.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "thalweg/base/error.h"
#include "thalweg/base/nearest_name.h"
#include "thalweg/query/align_rows_internal.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::query {
namespace {

arrow::Result<std::shared_ptr<arrow::Array>> CastTo(const std::shared_ptr<arrow::Array>& array,
                                                    const schema::Column& column, const schema::TablePath& path) {
  const auto type = schema::ToArrowType(column.type);
  auto cast = array;
  if (!array->type()->Equals(type)) {
    auto made = arrow::compute::Cast(*array, type, arrow::compute::CastOptions::Safe());
    if (!made.ok()) {
      return Error(ErrorCode::kInvalidTable,
                   "Column {} of {} is {}; what was given is {}, and does not become that: {}", column.name, path,
                   column.type, array->type()->ToString(), made.status().message());
    }
    cast = std::move(*made);
  }
  // Memory of somebody else, and text that may be none.
  const arrow::Status sound = cast->ValidateFull();
  if (sound.ok()) return cast;
  return Error(ErrorCode::kInvalidTable, "The values given for column {} of {} are not sound: {}", column.name, path,
               sound.message());
}

arrow::Status UnknownColumn(const std::string& name, const schema::Schema& schema, const schema::TablePath& path) {
  std::vector<std::string> names;
  for (const auto& column : schema.columns()) names.push_back(column.name);
  const auto nearest = NearestName(name, names);
  return Error(ErrorCode::kInvalidTable, "{} has no column {}.{}", path, name,
               nearest.empty() ? std::string() : fmt::format(" Did you mean {}?", nearest));
}

}  // namespace

arrow::Result<AlignedRows> AlignRows(const arrow::RecordBatch& rows, const schema::Schema& schema,
                                     const schema::TablePath& path) {
  arrow::ArrayVector columns(schema.column_count());
  AlignedRows aligned;
  for (int i = 0; i < rows.num_columns(); ++i) {
    const auto& name = rows.column_name(i);
    const auto at = schema.IndexOf(name);
    if (!at) return UnknownColumn(name, schema, path);
    if (columns[*at]) return Error(ErrorCode::kInvalidTable, "Column {} of {} is given twice.", name, path);
    ARROW_ASSIGN_OR_RAISE(columns[*at], CastTo(rows.column(i), schema.columns()[*at], path));
    aligned.given.push_back(*at);
  }
  std::ranges::sort(aligned.given);
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i]) continue;
    ARROW_ASSIGN_OR_RAISE(columns[i],
                          arrow::MakeArrayOfNull(schema::ToArrowType(schema.columns()[i].type), rows.num_rows()));
  }
  aligned.rows = arrow::RecordBatch::Make(schema::ToArrowSchema(schema), rows.num_rows(), std::move(columns));
  return aligned;
}

arrow::Status CheckNoNulls(const arrow::RecordBatch& rows, const std::vector<size_t>& columns,
                           const schema::Schema& schema, const schema::TablePath& path) {
  for (const size_t column : columns) {
    if (rows.column(static_cast<int>(column))->null_count() == 0) continue;
    return Error(ErrorCode::kInvalidTable, "Column {} of {} takes no nulls: give every row a value.",
                 schema.columns()[column].name, path);
  }
  return arrow::Status::OK();
}

}  // namespace thalweg::query
