#include <set>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "thalweg/catalog/records_internal.h"

namespace thalweg::catalog::records {
namespace {

using Json = nlohmann::json;

arrow::Result<security::AclEntry> DecodeEntry(std::string_view key, const Json& json) {
  const auto text = [&](const char* name) { return json.contains(name) && json[name].is_string(); };
  const auto number = [&](const char* name) { return json.contains(name) && json[name].is_number_integer(); };
  if (!json.is_object() || !text("principal_type") || !text("principal_name") || !text("host") ||
      !number("operation") || !number("permission")) {
    return Damaged(key, "an entry lacks a member");
  }
  const auto operation = security::OperationOf(json["operation"].get<int32_t>());
  const auto permission = security::PermissionOf(json["permission"].get<int32_t>());
  // Left out, it would vanish from the store with the next change of its resource.
  if (!operation.ok() || !permission.ok()) return Damaged(key, "an entry has an unknown operation or permission");
  return security::AclEntry{.principal = {json["principal_type"], json["principal_name"]},
                            .host = json["host"],
                            .operation = *operation,
                            .permission = *permission};
}

}  // namespace

std::string AclKey(const security::Resource& resource) {
  return fmt::format("{}{}/{}", kAcls, static_cast<int>(resource.type), resource.name);
}

std::string EncodeAcl(const std::set<security::AclEntry>& entries) {
  Json list = Json::array();
  for (const auto& entry : entries) {
    list.push_back({{"principal_type", entry.principal.type},
                    {"principal_name", entry.principal.name},
                    {"host", entry.host},
                    {"operation", static_cast<int>(entry.operation)},
                    {"permission", static_cast<int>(entry.permission)}});
  }
  return Json{{"entries", std::move(list)}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

arrow::Result<std::pair<security::Resource, std::set<security::AclEntry>>> DecodeAcl(std::string_view key,
                                                                                     const std::string& value) {
  const std::string_view rest = key.substr(std::string_view(kAcls).size());
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return Damaged(key, "the key has no name");
  ARROW_ASSIGN_OR_RAISE(const int64_t number, DecodeNumber(key, std::string(rest.substr(0, slash))));
  const auto type = security::ResourceTypeOf(static_cast<int32_t>(number));
  if (!type.ok()) return Damaged(key, type.status().message());
  const Json json = Json::parse(value, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("entries") || !json["entries"].is_array()) {
    return Damaged(key, "the list 'entries' is missing");
  }
  std::set<security::AclEntry> entries;
  for (const Json& item : json["entries"]) {
    ARROW_ASSIGN_OR_RAISE(auto entry, DecodeEntry(key, item));
    entries.insert(std::move(entry));
  }
  return std::pair{security::Resource{*type, std::string(rest.substr(slash + 1))}, std::move(entries)};
}

}  // namespace thalweg::catalog::records
