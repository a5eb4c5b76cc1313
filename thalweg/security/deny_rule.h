#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "thalweg/security/acl.h"
#include "thalweg/security/principal.h"

namespace thalweg::security {

/// What somebody may not do, whatever ACLs say and whoever it is. Written
///
///   PRINCIPAL OPERATION[,OPERATION…] on RESOURCE [from HOST]
///
/// with PRINCIPAL as TYPE:NAME, TYPE:* or *; OPERATION one of READ, WRITE, CREATE, DROP, ALTER, DESCRIBE, ALL; RESOURCE one of
/// "cluster", "database NAME", "table DATABASE.TABLE", "table DATABASE.*", with * for any name. A rule about the cluster
/// covers all databases and tables, one about a database its tables.
struct DenyRule {
  Principal principal = kEverybody;
  std::vector<Operation> operations{Operation::kAll};
  Resource resource;
  std::string host = kWildcard;

  /// INVALID_CONFIG, quoting the rule.
  static arrow::Result<DenyRule> Parse(std::string_view text);

  bool Denies(const Principal& who, bool ignore_case, std::string_view from, Operation operation,
              const Resource& what) const;
  /// Whether `what` is the resource of the rule, or in it.
  bool Covers(const Resource& what) const;
};

/// Rules with semicolons or line breaks between them.
arrow::Result<std::vector<DenyRule>> ParseDenyRules(std::string_view text);

}  // namespace thalweg::security
