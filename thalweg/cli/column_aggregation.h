#pragma once

#include <span>
#include <string>

#include "arrow/result.h"
#include "thalweg/schema/schema.h"

namespace thalweg::cli {

/// `schema` with the functions that `texts` name, each "COLUMN=FUNCTION" or "COLUMN=FUNCTION(DELIMITER)". INVALID_CONFIG where
/// one is not of that form, its column does not exist or is named twice, or cannot be combined so.
arrow::Result<schema::Schema> WithAggregation(const schema::Schema& schema, std::span<const std::string> texts);

}  // namespace thalweg::cli
