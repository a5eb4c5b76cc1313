#include "thalweg/schema/statistics_columns.h"

#include <algorithm>

#include "thalweg/base/error.h"
#include "thalweg/schema/table_options.h"

namespace thalweg::schema {
namespace {

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace

bool HasStatistics(TypeKind kind) {
  return kind < TypeKind::kArray && kind != TypeKind::kBinary && kind != TypeKind::kBytes;
}

arrow::Result<std::vector<size_t>> StatisticsColumns(const Schema& schema, std::string_view option) {
  if (schema.HasPrimaryKey()) {
    return Error(ErrorCode::kInvalidConfig, "'{}' needs a table without a primary key: remove it.", kStatisticsColumns);
  }
  std::vector<size_t> indexes;
  if (Trim(option) == "*") {
    for (size_t i = 0; i < schema.column_count(); ++i) {
      if (HasStatistics(schema.columns()[i].type.kind)) indexes.push_back(i);
    }
    return indexes;
  }
  for (size_t begin = 0; begin <= option.size();) {
    const size_t end = std::min(option.find(',', begin), option.size());
    const std::string_view name = Trim(option.substr(begin, end - begin));
    begin = end + 1;
    if (name.empty()) continue;
    const std::optional<size_t> index = schema.IndexOf(name);
    if (!index) {
      return Error(ErrorCode::kInvalidConfig, "'{}' names '{}', which is not a column of the table.",
                   kStatisticsColumns, name);
    }
    if (!HasStatistics(schema.columns()[*index].type.kind)) {
      return Error(ErrorCode::kInvalidConfig,
                   "'{}' names '{}' of type {}: BINARY, BYTES, ARRAY, MAP and ROW have none.", kStatisticsColumns, name,
                   schema.columns()[*index].type);
    }
    indexes.push_back(*index);
  }
  if (indexes.empty()) {
    return Error(ErrorCode::kInvalidConfig, "'{}' names no column: write '*' for all, or remove it.",
                 kStatisticsColumns);
  }
  std::ranges::sort(indexes);
  const auto repeated = std::ranges::unique(indexes);
  indexes.erase(repeated.begin(), repeated.end());
  return indexes;
}

}  // namespace thalweg::schema
