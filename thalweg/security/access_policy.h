#pragma once

#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "thalweg/security/acl.h"
#include "thalweg/security/deny_rule.h"
#include "thalweg/security/principal.h"

namespace thalweg::security {

/// The rights that have been granted, by resource; no resource without any. Shared between views, never changed.
using AclMap = std::map<Resource, std::set<AclEntry>>;
using AclMapPtr = std::shared_ptr<const AclMap>;

/// Who asks, and from where.
struct Asker {
  Principal principal = kAnonymous;
  std::string host;
};

/// What the configuration says about access. Rights are granted by ACLs, as in Fluss:
///  - a right on the cluster counts for every database and table, one on a database for its tables; the name "*" stands for
///    all resources of that very type;
///  - ALL is every operation; READ, WRITE, CREATE, DROP and ALTER include DESCRIBE;
///  - who is granted nothing may do nothing; super users may do everything.
/// The configuration's deny rules go before all of it, also for super users.
/// Thread safety: const calls.
struct AccessPolicy {
  std::set<Principal> super_users{};
  std::vector<DenyRule> deny{};
  bool ignore_case = false;  ///< of principals

  bool Denies(const Asker& asker, Operation operation, const Resource& resource) const;
  bool Allows(const AclMap& acls, const Asker& asker, Operation operation, const Resource& resource) const;
};

/// The one rule of every door: whether `asker` may do that under `policy`; without a policy everybody may do everything.
bool MayDo(const AccessPolicy* policy, const AclMap& acls, const Asker& asker, Operation operation,
           const Resource& resource);
/// AUTHORIZATION where not, saying what is missing.
arrow::Status Require(const AccessPolicy* policy, const AclMap& acls, const Asker& asker, Operation operation,
                      const Resource& resource);

/// "User:admin;User:bob", as super.users has it. INVALID_CONFIG.
arrow::Result<std::set<Principal>> ParsePrincipals(std::string_view text);

}  // namespace thalweg::security
