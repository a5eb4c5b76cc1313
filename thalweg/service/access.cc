#include "thalweg/service/access.h"

#include "thalweg/catalog/catalog.h"
#include "thalweg/security/access_policy.h"
#include "thalweg/service/services.h"
#include "thalweg/service/table_access.h"

namespace thalweg::service {

bool MayDo(const Call& call, security::Operation operation, const security::Resource& resource) {
  return security::MayDo(call.services.policy, call.services.catalog.view()->acls(), call.connection.asker, operation,
                         resource);
}

arrow::Status Require(const Call& call, security::Operation operation, const security::Resource& resource) {
  return security::Require(call.services.policy, call.services.catalog.view()->acls(), call.connection.asker, operation,
                           resource);
}

arrow::Status RequireOnTable(const Call& call, security::Operation operation, TableId id) {
  ARROW_ASSIGN_OR_RAISE(const auto access, TableAccess::Find(call.services, id));
  return Require(call, operation, ResourceOf(access.table()));
}

}  // namespace thalweg::service
