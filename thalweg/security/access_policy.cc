#include "thalweg/security/access_policy.h"

#include <algorithm>
#include <array>

#include "thalweg/base/error.h"

namespace thalweg::security {
namespace {

bool Includes(Operation granted, Operation wanted) {
  if (granted == wanted || granted == Operation::kAll) return true;
  // A grant of one operation lets its holder see the resource.
  return wanted == Operation::kDescribe && granted >= Operation::kRead && granted <= Operation::kAlter;
}

}  // namespace

bool AccessPolicy::Denies(const Asker& asker, Operation operation, const Resource& resource) const {
  return std::ranges::any_of(deny, [&](const DenyRule& rule) {
    return rule.Denies(asker.principal, ignore_case, asker.host, operation, resource);
  });
}

bool AccessPolicy::Allows(const AclMap& acls, const Asker& asker, Operation operation, const Resource& resource) const {
  if (Denies(asker, operation, resource)) return false;
  const auto is_asker = [&](const Principal& one) { return SamePrincipal(one, asker.principal, ignore_case); };
  if (std::ranges::any_of(super_users, is_asker)) return true;
  const auto grants = [&](const AclEntry& entry) {
    return entry.permission == Permission::kAllow && Includes(entry.operation, operation) &&
           (entry.host == kWildcard || entry.host == asker.host) &&
           (entry.principal == kEverybody || is_asker(entry.principal));
  };
  const auto granted_on = [&](const Resource& where) {
    const auto found = acls.find(where);
    return found != acls.end() && std::ranges::any_of(found->second, grants);
  };
  if (granted_on(resource) || granted_on({resource.type, kWildcard})) return true;
  if (resource.type != ResourceType::kTable && resource.type != ResourceType::kDatabase) return false;
  return granted_on(resource.ToDatabase()) || granted_on(Resource::Cluster());
}

bool MayDo(const AccessPolicy* policy, const AclMap& acls, const Asker& asker, Operation operation,
           const Resource& resource) {
  return !policy || policy->Allows(acls, asker, operation, resource);
}

arrow::Status Require(const AccessPolicy* policy, const AclMap& acls, const Asker& asker, Operation operation,
                      const Resource& resource) {
  if (MayDo(policy, acls, asker, operation, resource)) return arrow::Status::OK();
  return Error(ErrorCode::kAuthorization, "{}, from {}, has no right to {} {}.", asker.principal.ToString(), asker.host,
               OperationName(operation), resource.ToString());
}

arrow::Result<std::set<Principal>> ParsePrincipals(std::string_view text) {
  std::set<Principal> principals;
  for (size_t from = 0; from <= text.size();) {
    const size_t to = std::min(text.find(';', from), text.size());
    std::string_view part = text.substr(from, to - from);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    from = to + 1;
    if (part.empty()) continue;
    const size_t colon = part.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == part.size()) {
      return Error(ErrorCode::kInvalidConfig,
                   "\"{}\" is not a principal: write TYPE:NAME;TYPE:NAME, such as User:admin.", part);
    }
    principals.insert({std::string(part.substr(0, colon)), std::string(part.substr(colon + 1))});
  }
  return principals;
}

}  // namespace thalweg::security
