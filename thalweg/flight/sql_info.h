#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace thalweg::flight {

/// What Flight SQL's clients ask about a server before they speak to it, for the numbers in `wanted`; none: all. Numbers that are not known
/// are left out.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> SqlInfo(const std::set<uint32_t>& wanted,
                                                           const std::string& version);

/// The types of columns as ODBC and JDBC know them; of one of their numbers, or all.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> XdbcTypes(std::optional<int32_t> wanted);

}  // namespace thalweg::flight
