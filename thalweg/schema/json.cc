#include "nlohmann/json.hpp"

#include <limits>

#include "thalweg/base/error.h"
#include "thalweg/schema/json_internal.h"

namespace thalweg::schema::json {
namespace {

arrow::Status Wrong(std::string_view name, std::string_view expected) {
  return Error(ErrorCode::kInvalidTable, "The member '{}' must be {}.", name, expected);
}

arrow::Status Missing(std::string_view name) {
  return Error(ErrorCode::kInvalidTable, "The required member '{}' is missing.", name);
}

}  // namespace

arrow::Result<Json> Parse(std::string_view text, std::string_view what) {
  if (text.size() > kDocumentBytesMax) {
    return Error(ErrorCode::kInvalidTable, "The {} has {} bytes, and {} are allowed.", what, text.size(),
                 kDocumentBytesMax);
  }
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) {
    return Error(ErrorCode::kInvalidTable, "The {} is not a JSON object.", what);
  }
  return json;
}

std::string Print(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

const Json* Find(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(std::string(name));
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

arrow::Result<std::optional<std::string>> OptionalText(const Json& object, std::string_view name) {
  const Json* member = Find(object, name);
  if (member == nullptr) return std::optional<std::string>();
  if (!member->is_string()) return Wrong(name, "a string");
  return std::optional(member->get<std::string>());
}

arrow::Result<std::string> RequiredText(const Json& object, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(std::optional<std::string> text, OptionalText(object, name));
  if (!text) return Missing(name);
  return *std::move(text);
}

arrow::Result<std::optional<int32_t>> OptionalInt(const Json& object, std::string_view name) {
  const Json* member = Find(object, name);
  if (member == nullptr) return std::optional<int32_t>();
  constexpr std::string_view kExpected = "an integer of 32 bits";
  if (!member->is_number_integer()) return Wrong(name, kExpected);
  if (member->is_number_unsigned() && member->get<uint64_t>() > std::numeric_limits<int32_t>::max()) {
    return Wrong(name, kExpected);
  }
  const auto value = member->get<int64_t>();
  if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
    return Wrong(name, kExpected);
  }
  return std::optional(static_cast<int32_t>(value));
}

arrow::Result<int32_t> RequiredInt(const Json& object, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(const std::optional<int32_t> value, OptionalInt(object, name));
  if (!value) return Missing(name);
  return *value;
}

arrow::Result<std::vector<std::string>> TextArray(const Json& object, std::string_view name) {
  std::vector<std::string> texts;
  const Json* member = Find(object, name);
  if (member == nullptr) return texts;
  if (!member->is_array()) return Wrong(name, "an array of strings");
  for (const Json& element : *member) {
    if (!element.is_string()) return Wrong(name, "an array of strings");
    texts.push_back(element.get<std::string>());
  }
  return texts;
}

arrow::Result<std::map<std::string, std::string>> TextMap(const Json& object, std::string_view name) {
  std::map<std::string, std::string> texts;
  const Json* member = Find(object, name);
  if (member == nullptr) return texts;
  if (!member->is_object()) return Wrong(name, "an object of strings");
  for (const auto& [key, value] : member->items()) {
    if (value.is_string()) {
      texts[key] = value.get<std::string>();
    } else if (value.is_number() || value.is_boolean()) {
      texts[key] = value.dump();
    } else {
      return Wrong(name, "an object of strings");
    }
  }
  return texts;
}

}  // namespace thalweg::schema::json
