#pragma once

#include <string>
#include <string_view>

#include "arrow/status.h"
#include "thalweg/schema/data_type.h"
#include "thalweg/schema/schema.h"

namespace thalweg::schema {

/// The name as it is stored: lower case, with underscores ("LAST-VALUE" is "last_value").
std::string NormalAggName(std::string_view name);

/// INVALID_CONFIG where the function does not exist, has no such parameter, or cannot combine values of `type`.
arrow::Status CheckAggFunction(const AggFunction& function, const DataType& type);

}  // namespace thalweg::schema
