#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/client/admin.h"

namespace thalweg::cli {

/// Positions in the table's schema of the columns that --columns names, in their order. INVALID_COLUMN_PROJECTION for one that is not there
/// or comes twice.
arrow::Result<std::vector<int32_t>> ChosenColumns(const std::vector<std::string>& names,
                                                  const client::TableInfo& table);

}  // namespace thalweg::cli
