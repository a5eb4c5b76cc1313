#include "thalweg/cli/answer_rows.h"

#include <utility>

#include "arrow/array/array_base.h"
#include "arrow/array/builder_binary.h"
#include "arrow/record_batch.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "thalweg/schema/arrow_mapping.h"
#include "thalweg/sql/table_values.h"

namespace thalweg::cli {
namespace {

arrow::Result<std::shared_ptr<arrow::Array>> ToText(const arrow::Array& array) {
  arrow::StringBuilder builder;
  for (int64_t row = 0; row < array.length(); ++row) {
    if (array.IsNull(row)) {
      ARROW_RETURN_NOT_OK(builder.AppendNull());
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const auto value, array.GetScalar(row));
    ARROW_RETURN_NOT_OK(builder.Append(value->ToString()));
  }
  return builder.Finish();
}

}  // namespace

AnswerRows::AnswerRows(const arrow::Schema& schema) {
  for (const auto& field : schema.fields()) {
    auto type = sql::ToTableType(*field->type());
    as_text_.push_back(!type.ok());
    columns_.push_back(
        {.name = field->name(), .type = type.ok() ? *std::move(type) : schema::MakeType(schema::TypeKind::kString)});
  }
}

arrow::Result<std::shared_ptr<arrow::RecordBatch>> AnswerRows::Convert(const arrow::RecordBatch& rows) const {
  arrow::ArrayVector arrays;
  arrow::FieldVector fields;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const auto& given = *rows.column(static_cast<int>(i));
    ARROW_ASSIGN_OR_RAISE(auto array, as_text_[i] ? ToText(given) : sql::ToTableArray(given, columns_[i].type));
    fields.push_back(arrow::field(columns_[i].name, array->type()));
    arrays.push_back(std::move(array));
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), rows.num_rows(), std::move(arrays));
}

}  // namespace thalweg::cli
