#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::schema {

/// Key and value pairs in any order, as clients send them. Values are text whatever the type of the column.
using PartitionSpec = std::vector<std::pair<std::string, std::string>>;

inline constexpr char kPartitionValueSeparator = '$';

/// Whether a column of this kind can be a partition key.
bool IsPartitionKeyKind(TypeKind kind);

enum class PartitionUse {
  kCreate,
  /// Drop, or anything else that names a partition there may be.
  kRefer,
};

/// The values of a whole spec in the order of the table's partition keys. PARTITION_SPEC_INVALID where the spec names
/// other keys than the table has, or where a value cannot be a name; kCreate also refuses values that are kept for the
/// server.
arrow::Result<std::vector<std::string>> ResolvePartition(const std::vector<std::string>& partition_keys,
                                                         const PartitionSpec& spec, PartitionUse use);

/// "2026$eu" for the values 2026 and eu.
std::string PartitionName(const std::vector<std::string>& values);

/// The values in a name; PARTITION_SPEC_INVALID where there are not as many as keys.
arrow::Result<std::vector<std::string>> SplitPartitionName(const std::vector<std::string>& partition_keys,
                                                           std::string_view name);

/// Whether a partition with these values has all values that `partial` asks for. PARTITION_SPEC_INVALID where `partial`
/// asks for a key that the table does not have.
arrow::Result<bool> MatchesPartially(const std::vector<std::string>& partition_keys,
                                     const std::vector<std::string>& values, const PartitionSpec& partial);

}  // namespace thalweg::schema
