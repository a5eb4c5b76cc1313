#include "thalweg/service/access.h"

#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/security/access_policy.h"
#include "thalweg/service/services.h"
#include "thalweg/service/table_access.h"

namespace thalweg::service {

bool MayDo(const Call& call, security::Operation operation, const security::Resource& resource) {
  const auto* policy = call.services.policy;
  return !policy || policy->Allows(call.services.catalog.view()->acls(), call.connection.asker, operation, resource);
}

arrow::Status Require(const Call& call, security::Operation operation, const security::Resource& resource) {
  if (MayDo(call, operation, resource)) return arrow::Status::OK();
  const auto& asker = call.connection.asker;
  return Error(ErrorCode::kAuthorization, "{}, from {}, has no right to {} {}.", asker.principal.ToString(), asker.host,
               security::OperationName(operation), resource.ToString());
}

arrow::Status RequireOnTable(const Call& call, security::Operation operation, TableId id) {
  ARROW_ASSIGN_OR_RAISE(const auto access, TableAccess::Find(call.services, id));
  return Require(call, operation, ResourceOf(access.table()));
}

}  // namespace thalweg::service
