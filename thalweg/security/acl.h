#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "thalweg/security/principal.h"

namespace thalweg::security {

/// What rights are about, with the numbers of the protocol. kAny: in a filter, all of them.
enum class ResourceType : uint8_t { kAny = 1, kCluster, kDatabase, kTable };

/// What one may do. kAny: in a filter, all of them; kAll: in a rule, all of them.
enum class Operation : uint8_t { kAny = 1, kAll, kRead, kWrite, kCreate, kDrop, kAlter, kDescribe };

/// Rules that travel only allow. Denying is the configuration's (deny_rule.h).
enum class Permission : uint8_t { kAny = 1, kAllow };

std::string_view ResourceTypeName(ResourceType type);
std::string_view OperationName(Operation operation);
/// UNKNOWN_SERVER_ERROR for a number that is none, as the Fluss server answers it.
arrow::Result<ResourceType> ResourceTypeOf(int32_t number);
arrow::Result<Operation> OperationOf(int32_t number);
arrow::Result<Permission> PermissionOf(int32_t number);

inline constexpr const char* kClusterName = "fluss-cluster";
/// As a resource's name or a host: all of them.
inline constexpr const char* kWildcard = "*";

struct Resource {
  ResourceType type = ResourceType::kAny;
  std::string name;

  static Resource Cluster() { return {ResourceType::kCluster, kClusterName}; }
  static Resource Database(std::string name) { return {ResourceType::kDatabase, std::move(name)}; }
  static Resource Table(const std::string& database, const std::string& table) {
    return {ResourceType::kTable, database + "." + table};
  }
  /// Of a table: its database. Of anything else: itself.
  Resource ToDatabase() const;
  /// "table sales.orders".
  std::string ToString() const;
  friend auto operator<=>(const Resource&, const Resource&) = default;
};

/// One right: `principal`, coming from `host`, may do `operation`.
struct AclEntry {
  Principal principal;
  std::string host = kWildcard;
  Operation operation = Operation::kAll;
  Permission permission = Permission::kAllow;
  friend auto operator<=>(const AclEntry&, const AclEntry&) = default;
};

struct AclBinding {
  Resource resource;
  AclEntry entry;
  friend auto operator<=>(const AclBinding&, const AclBinding&) = default;
};

/// What is absent, or kAny, matches everything. A name under kAny matches everything too.
struct AclFilter {
  ResourceType resource_type = ResourceType::kAny;
  std::optional<std::string> resource_name{};
  std::optional<Principal> principal{};
  std::optional<std::string> host{};
  Operation operation = Operation::kAny;
  Permission permission = Permission::kAny;

  bool Matches(const Resource& resource) const;
  bool Matches(const AclEntry& entry) const;
};

}  // namespace thalweg::security
