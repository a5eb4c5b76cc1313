#include "thalweg/security/acl.h"

#include <algorithm>
#include <array>

#include "thalweg/base/error.h"

namespace thalweg::security {
namespace {

constexpr std::array<std::string_view, 4> kTypeNames = {"any", "cluster", "database", "table"};
constexpr std::array<std::string_view, 8> kOperationNames = {"ANY",    "ALL",  "READ",  "WRITE",
                                                             "CREATE", "DROP", "ALTER", "DESCRIBE"};

template <typename Enum>
arrow::Result<Enum> EnumOf(int32_t number, size_t count, std::string_view what) {
  // -1 is what a Fluss server answers: it does not translate the failure.
  if (number < 1 || static_cast<size_t>(number) > count) {
    return Error(ErrorCode::kUnknownServerError, "{} is no {}: they go from 1 to {}.", number, what, count);
  }
  return static_cast<Enum>(number);
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool SamePrincipal(const Principal& a, const Principal& b, bool ignore_case) {
  if (!ignore_case) return a == b;
  return std::ranges::equal(a.type, b.type, {}, Lower, Lower) && std::ranges::equal(a.name, b.name, {}, Lower, Lower);
}

std::string_view ResourceTypeName(ResourceType type) { return kTypeNames.at(static_cast<size_t>(type) - 1); }
std::string_view OperationName(Operation operation) { return kOperationNames.at(static_cast<size_t>(operation) - 1); }

arrow::Result<ResourceType> ResourceTypeOf(int32_t number) {
  return EnumOf<ResourceType>(number, kTypeNames.size(), "resource type");
}
arrow::Result<Operation> OperationOf(int32_t number) {
  return EnumOf<Operation>(number, kOperationNames.size(), "operation");
}
arrow::Result<Permission> PermissionOf(int32_t number) { return EnumOf<Permission>(number, 2, "permission"); }

Resource Resource::ToDatabase() const {
  return type == ResourceType::kTable ? Database(name.substr(0, name.find('.'))) : *this;
}

std::string Resource::ToString() const {
  return type == ResourceType::kCluster && name == kClusterName ? "the cluster"
                                                                : fmt::format("{} {}", ResourceTypeName(type), name);
}

bool AclFilter::Matches(const Resource& resource) const {
  if (resource_type == ResourceType::kAny) return true;
  return resource_type == resource.type && (!resource_name || *resource_name == resource.name);
}

bool AclFilter::Matches(const AclEntry& entry) const {
  return (!principal || *principal == entry.principal) && (!host || *host == entry.host) &&
         (operation == Operation::kAny || operation == entry.operation) &&
         (permission == Permission::kAny || permission == entry.permission);
}

}  // namespace thalweg::security
