#include "thalweg/cli/column_choice.h"

#include <algorithm>

#include "fmt/ranges.h"
#include "thalweg/base/error.h"

namespace thalweg::cli {

arrow::Result<std::vector<int32_t>> ChosenColumns(const std::vector<std::string>& names,
                                                  const client::TableInfo& table) {
  std::vector<int32_t> positions;
  for (const auto& name : names) {
    const auto index = table.descriptor.schema.IndexOf(name);
    if (!index) {
      std::vector<std::string> known;
      for (const auto& column : table.descriptor.schema.columns()) known.push_back(column.name);
      return Error(ErrorCode::kInvalidColumnProjection, "{} has no column '{}'; it has {}.", table.path, name,
                   fmt::join(known, ", "));
    }
    if (std::ranges::find(positions, static_cast<int32_t>(*index)) != positions.end()) {
      return Error(ErrorCode::kInvalidColumnProjection, "--columns names '{}' twice.", name);
    }
    positions.push_back(static_cast<int32_t>(*index));
  }
  return positions;
}

}  // namespace thalweg::cli
