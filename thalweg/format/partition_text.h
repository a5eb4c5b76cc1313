#pragma once

#include <string>

#include "arrow/result.h"
#include "thalweg/format/datum.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::format {

/// The value of a partition key column as the name of its partition has it: what Fluss's own clients make of it, so that
/// rows of the same value meet. PARTITION_SPEC_INVALID for null, and for types that have no agreed text.
arrow::Result<std::string> PartitionText(const Datum& value, const schema::DataType& type);

}  // namespace thalweg::format
