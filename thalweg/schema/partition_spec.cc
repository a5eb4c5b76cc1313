#include "thalweg/schema/partition_spec.h"

#include <algorithm>
#include <optional>

#include "fmt/ranges.h"
#include "thalweg/base/error.h"
#include "thalweg/schema/table_path.h"

namespace thalweg::schema {
namespace {

std::string SpecText(const PartitionSpec& spec) {
  std::string text;
  for (const auto& [key, value] : spec) text += fmt::format("{}{}={}", text.empty() ? "" : ", ", key, value);
  return text;
}

}  // namespace

bool IsPartitionKeyKind(TypeKind kind) {
  // A decimal has no agreed text, a nested value none at all.
  return kind != TypeKind::kDecimal && kind < TypeKind::kArray;
}

arrow::Result<std::vector<std::string>> ResolvePartition(const std::vector<std::string>& partition_keys,
                                                         const PartitionSpec& spec, PartitionUse use) {
  if (spec.size() != partition_keys.size()) {
    return Error(ErrorCode::kPartitionSpecInvalid, "The partition ({}) must have a value for each of the keys [{}].",
                 SpecText(spec), fmt::join(partition_keys, ", "));
  }
  std::vector<std::string> values;
  for (const std::string& key : partition_keys) {
    const auto it = std::ranges::find(spec, key, &PartitionSpec::value_type::first);
    if (it == spec.end()) {
      return Error(ErrorCode::kPartitionSpecInvalid, "The partition ({}) has no value for the key '{}'.",
                   SpecText(spec), key);
    }
    const std::string problem = use == PartitionUse::kCreate ? NewNameProblem(it->second) : NameProblem(it->second);
    if (!problem.empty()) {
      return Error(ErrorCode::kPartitionSpecInvalid, "The value '{}' of the partition key '{}' is invalid: {}.",
                   it->second, key, problem);
    }
    values.push_back(it->second);
  }
  return values;
}

std::string PartitionName(const std::vector<std::string>& values) {
  return fmt::format("{}", fmt::join(values, std::string_view(&kPartitionValueSeparator, 1)));
}

arrow::Result<std::vector<std::string>> SplitPartitionName(const std::vector<std::string>& partition_keys,
                                                           std::string_view name) {
  std::vector<std::string> values;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find(kPartitionValueSeparator, begin), name.size());
    values.emplace_back(name.substr(begin, end - begin));
    begin = end + 1;
  }
  if (values.size() != partition_keys.size()) {
    return Error(ErrorCode::kPartitionSpecInvalid,
                 "The partition name '{}' must have a value for each of the keys [{}].", name,
                 fmt::join(partition_keys, ", "));
  }
  return values;
}

arrow::Result<bool> MatchesPartially(const std::vector<std::string>& partition_keys,
                                     const std::vector<std::string>& values, const PartitionSpec& partial) {
  bool matches = true;
  for (const auto& [key, value] : partial) {
    const auto it = std::ranges::find(partition_keys, key);
    if (it == partition_keys.end()) {
      return Error(ErrorCode::kPartitionSpecInvalid, "'{}' is not one of the partition keys [{}].", key,
                   fmt::join(partition_keys, ", "));
    }
    if (values[static_cast<size_t>(it - partition_keys.begin())] != value) matches = false;
  }
  return matches;
}

}  // namespace thalweg::schema
