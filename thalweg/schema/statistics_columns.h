#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "thalweg/schema/schema.h"

namespace thalweg::schema {

/// Whether batches can carry the least and the greatest value of a column of this kind.
bool HasStatistics(TypeKind kind);

/// Positions, ascending, of the columns that the table option "table.statistics.columns" selects: those that it names,
/// or for
/// "*" all that HasStatistics. INVALID_CONFIG where the table has a primary key, or a name is unknown or of another
/// kind.
arrow::Result<std::vector<size_t>> StatisticsColumns(const Schema& schema, std::string_view option);

}  // namespace thalweg::schema
