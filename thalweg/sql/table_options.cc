#include "thalweg/schema/table_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/base/nearest_name.h"
#include "thalweg/schema/agg_function.h"
#include "thalweg/sql/table_options_internal.h"

namespace thalweg::sql {
namespace {

constexpr std::array<std::string_view, 5> kKeptPrefixes = {"client.", "scan.", "lookup.", "sink.", "custom."};
constexpr std::string_view kFields = "fields.";
constexpr std::array<std::string_view, 3> kOnlyAtFirst = {"bucket.num", "bucket.key", "auto-increment.fields"};

bool IsKept(std::string_view key) {
  return std::ranges::any_of(kKeptPrefixes, [&](std::string_view prefix) { return key.starts_with(prefix); });
}

arrow::Status NotKnown(std::string_view key) {
  std::vector<std::string> known(kOnlyAtFirst.begin(), kOnlyAtFirst.end());
  for (const auto& option : schema::TableOptions()) known.emplace_back(option.key);
  const std::string_view nearest = NearestName(key, known);
  return Error(ErrorCode::kInvalidConfig,
               "'{}' is no option of a table{} `thalweg table options` lists them; a property of your own is called "
               "custom.NAME.",
               key, nearest.empty() ? "." : fmt::format("; did you mean '{}'?", nearest));
}

std::vector<std::string> SplitNames(std::string_view text) {
  std::vector<std::string> names;
  while (true) {
    const size_t comma = text.find(',');
    std::string_view name = text.substr(0, comma);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    names.emplace_back(name);
    if (comma == std::string_view::npos) return names;
    text.remove_prefix(comma + 1);
  }
}

arrow::Status ApplyOne(const std::string& key, const std::string& value, CreateTable* create) {
  auto& descriptor = create->descriptor;
  if (key == "bucket.num") {
    int32_t count = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
    if (error != std::errc() || end != value.data() + value.size() || count < 1) {
      return Error(ErrorCode::kInvalidConfig, "The option 'bucket.num' is a number of buckets from 1 on, not '{}'.",
                   value);
    }
    descriptor.bucket_count = count;
  } else if (key == "bucket.key") {
    descriptor.bucket_keys = SplitNames(value);
  } else if (key == "auto-increment.fields") {
    create->auto_increment_columns = SplitNames(value);
  } else if (schema::IsTableKey(key)) {
    const schema::TableOption* option = schema::FindTableOption(key);
    if (option == nullptr) return NotKnown(key);
    ARROW_RETURN_NOT_OK(schema::CheckOptionValue(*option, value));
    descriptor.properties[key] = value;
  } else if (IsKept(key)) {
    descriptor.custom_properties[key] = value;
  } else {
    return NotKnown(key);
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Status ApplyTableOptions(const std::map<std::string, std::string>& options, CreateTable* create) {
  // Functions first: their parameters are named after them.
  std::map<std::string, std::string> parameters;  // by what its key begins with
  for (const auto& [key, value] : options) {
    if (!key.starts_with(kFields) || !key.ends_with(".agg")) continue;
    const std::string column = key.substr(kFields.size(), key.size() - kFields.size() - 4);
    schema::AggFunction function{.type = schema::NormalAggName(value)};
    const std::string prefix = std::string(kFields) + column + "." + value + ".";
    for (const auto& [other, parameter] : options) {
      if (!other.starts_with(prefix)) continue;
      function.parameters[other.substr(prefix.size())] = parameter;
      parameters[other] = parameter;
    }
    create->agg_functions[column] = std::move(function);
  }
  for (const auto& [key, value] : options) {
    if (key.starts_with(kFields) && (key.ends_with(".agg") || parameters.contains(key))) continue;
    ARROW_RETURN_NOT_OK(ApplyOne(key, value, create));
  }
  return arrow::Status::OK();
}

arrow::Status CheckTableOptionChanges(const std::vector<schema::OptionChange>& changes) {
  for (const auto& change : changes) {
    if (std::ranges::find(kOnlyAtFirst, change.key) != kOnlyAtFirst.end() || change.key.starts_with(kFields)) {
      return Error(ErrorCode::kInvalidConfig, "'{}' is given when a table is created, and stays as it is.", change.key);
    }
    const schema::TableOption* option = schema::FindTableOption(change.key);
    if (option != nullptr) {
      if (change.value) ARROW_RETURN_NOT_OK(schema::CheckOptionValue(*option, *change.value));
    } else if (schema::IsTableKey(change.key) || !IsKept(change.key)) {
      return NotKnown(change.key);
    }
  }
  return arrow::Status::OK();
}

}  // namespace thalweg::sql
