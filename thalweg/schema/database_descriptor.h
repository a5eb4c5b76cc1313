#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "arrow/result.h"

namespace thalweg::schema {

/// What a client says of a database when it creates one (`database_json`).
struct DatabaseDescriptor {
  std::optional<std::string> comment{};
  std::map<std::string, std::string> custom_properties{};

  /// INVALID_DATABASE where it is no such document.
  static arrow::Result<DatabaseDescriptor> FromJson(std::string_view json);
  std::string ToJson() const;

  bool operator==(const DatabaseDescriptor&) const = default;
};

}  // namespace thalweg::schema
