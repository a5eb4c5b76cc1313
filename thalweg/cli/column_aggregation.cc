#include "thalweg/cli/column_aggregation.h"

#include <optional>
#include <utility>
#include <vector>

#include "thalweg/base/error.h"
#include "thalweg/schema/agg_function.h"

namespace thalweg::cli {
namespace {

schema::AggFunction FunctionOf(std::string text) {
  schema::AggFunction function;
  if (const size_t open = text.find('('); open != std::string::npos && text.ends_with(')')) {
    function.parameters["delimiter"] = text.substr(open + 1, text.size() - open - 2);
    text.resize(open);
  }
  function.type = schema::NormalAggName(text);
  return function;
}

}  // namespace

arrow::Result<schema::Schema> WithAggregation(const schema::Schema& schema, std::span<const std::string> texts) {
  schema::Schema::Parts parts{.columns = schema.columns(),
                              .primary_key = schema.primary_key(),
                              .auto_increment_columns = schema.auto_increment_columns(),
                              .highest_field_id = schema.highest_field_id()};
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      return Error(ErrorCode::kInvalidConfig,
                   "'{}' is no aggregation: write COLUMN=FUNCTION, such as total=sum or names=listagg(;).", text);
    }
    const std::string name = text.substr(0, equals);
    const std::optional<size_t> index = schema.IndexOf(name);
    if (!index) return Error(ErrorCode::kInvalidConfig, "'{}': the table has no column '{}'.", text, name);
    schema::Column& column = parts.columns[*index];
    if (column.agg_function) return Error(ErrorCode::kInvalidConfig, "'{}': column '{}' has a function.", text, name);
    column.agg_function = FunctionOf(text.substr(equals + 1));
    const arrow::Status status = schema::CheckAggFunction(*column.agg_function, column.type);
    if (!status.ok()) return Error(CodeOf(status), "Column '{}': {}", name, status.message());
  }
  return schema::Schema::Make(std::move(parts));
}

}  // namespace thalweg::cli
