#include "thalweg/schema/database_descriptor.h"

#include "nlohmann/json.hpp"
#include "thalweg/base/error.h"
#include "thalweg/schema/json_internal.h"

namespace thalweg::schema {
namespace {

arrow::Result<DatabaseDescriptor> Read(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const json::Json document, json::Parse(text, "database descriptor"));
  DatabaseDescriptor descriptor;
  ARROW_ASSIGN_OR_RAISE(descriptor.comment, json::OptionalText(document, "comment"));
  ARROW_ASSIGN_OR_RAISE(descriptor.custom_properties, json::TextMap(document, "custom_properties"));
  return descriptor;
}

}  // namespace

arrow::Result<DatabaseDescriptor> DatabaseDescriptor::FromJson(std::string_view text) {
  auto descriptor = Read(text);
  if (!descriptor.ok()) return MakeError(ErrorCode::kInvalidDatabase, descriptor.status().message());
  return descriptor;
}

std::string DatabaseDescriptor::ToJson() const {
  json::Json json = {{"version", 1}};
  if (comment) json["comment"] = *comment;
  json["custom_properties"] = custom_properties;
  if (custom_properties.empty()) json["custom_properties"] = json::Json::object();
  return json::Print(json);
}

}  // namespace thalweg::schema
