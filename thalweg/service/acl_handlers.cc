#include <utility>
#include <vector>

#include "proto/fluss_admin.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/service/access.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/services.h"

namespace thalweg::service {
namespace {

// Longer than any name that a resource, a user or a host can have.
constexpr size_t kNameBytesMax = 1024;

arrow::Result<security::AclBinding> BindingOf(const pb::PbAclInfo& acl) {
  security::AclBinding binding;
  ARROW_ASSIGN_OR_RAISE(binding.resource.type, security::ResourceTypeOf(acl.resource_type()));
  ARROW_ASSIGN_OR_RAISE(binding.entry.operation, security::OperationOf(acl.operation_type()));
  ARROW_ASSIGN_OR_RAISE(binding.entry.permission, security::PermissionOf(acl.permission_type()));
  binding.resource.name = acl.resource_name();
  binding.entry.principal = {acl.principal_type(), acl.principal_name()};
  binding.entry.host = acl.host();
  for (const auto* name : {&acl.resource_name(), &acl.principal_type(), &acl.principal_name(), &acl.host()}) {
    if (name->size() > kNameBytesMax) {
      return Error(ErrorCode::kInvalidConfig, "A name of {} bytes is longer than {}.", name->size(), kNameBytesMax);
    }
  }
  return binding;
}

arrow::Result<security::AclFilter> FilterOf(const pb::PbAclFilter& from) {
  security::AclFilter filter;
  ARROW_ASSIGN_OR_RAISE(filter.resource_type, security::ResourceTypeOf(from.resource_type()));
  ARROW_ASSIGN_OR_RAISE(filter.operation, security::OperationOf(from.operation_type()));
  ARROW_ASSIGN_OR_RAISE(filter.permission, security::PermissionOf(from.permission_type()));
  if (from.has_resource_name()) filter.resource_name = from.resource_name();
  if (from.has_principal_name() && from.has_principal_type()) {
    filter.principal = security::Principal{from.principal_type(), from.principal_name()};
  }
  if (from.has_host()) filter.host = from.host();
  return filter;
}

void Fill(const security::Resource& resource, const security::AclEntry& entry, pb::PbAclInfo* to) {
  to->set_resource_name(resource.name);
  to->set_resource_type(static_cast<int32_t>(resource.type));
  to->set_principal_name(entry.principal.name);
  to->set_principal_type(entry.principal.type);
  to->set_host(entry.host);
  to->set_operation_type(static_cast<int32_t>(entry.operation));
  to->set_permission_type(static_cast<int32_t>(entry.permission));
}

arrow::Status CheckEnabled(const Call& call) {
  if (call.services.policy) return arrow::Status::OK();
  return Error(ErrorCode::kSecurityDisabled, "Access is not restricted here: set authorizer.enabled to true first.");
}

/// Rights are given out by whoever has all of them; those on a table by whoever has all on its database.
arrow::Status RequireToChange(const Call& call, const security::Resource& resource) {
  return Require(call, security::Operation::kAll, resource.ToDatabase());
}

}  // namespace

runtime::Task<arrow::Result<Reply>> HandleCreateAcls(Call call) {
  TW_CO_RETURN_NOT_OK(CheckEnabled(call));
  pb::CreateAclsRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  std::vector<security::AclBinding> bindings;
  for (const auto& acl : request.acl()) {
    TW_CO_ASSIGN_OR_RETURN(auto binding, BindingOf(acl));
    TW_CO_RETURN_NOT_OK(RequireToChange(call, binding.resource));
    bindings.push_back(std::move(binding));
  }
  const auto added = co_await call.services.catalog.AddAcls(std::move(bindings), call.home);
  TW_CO_RETURN_NOT_OK(added.status());
  pb::CreateAclsResponse response;
  for (const auto& acl : request.acl()) *response.add_aclres()->mutable_acl() = acl;
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleListAcls(Call call) {
  TW_CO_RETURN_NOT_OK(CheckEnabled(call));
  pb::ListAclsRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  TW_CO_ASSIGN_OR_RETURN(const auto filter, FilterOf(request.acl_filter()));
  pb::ListAclsResponse response;
  const auto view = call.services.catalog.view();
  for (const auto& [resource, entries] : view->acls()) {
    if (!filter.Matches(resource) || !MayDo(call, security::Operation::kDescribe, resource)) continue;
    for (const auto& entry : entries) {
      if (filter.Matches(entry)) Fill(resource, entry, response.add_acl());
    }
  }
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleDropAcls(Call call) {
  TW_CO_RETURN_NOT_OK(CheckEnabled(call));
  pb::DropAclsRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  std::vector<security::AclFilter> filters;
  for (const auto& from : request.acl_filter()) {
    TW_CO_ASSIGN_OR_RETURN(auto filter, FilterOf(from));
    filters.push_back(std::move(filter));
  }
  const auto dropped = co_await call.services.catalog.DropAcls(
      std::move(filters), [&call](const security::Resource& resource) { return RequireToChange(call, resource); },
      call.home);
  TW_CO_RETURN_NOT_OK(dropped.status());
  pb::DropAclsResponse response;
  for (const auto& bindings : *dropped) {
    auto* result = response.add_filter_results();
    for (const auto& [resource, entry] : bindings) Fill(resource, entry, result->add_matching_acls()->mutable_acl());
  }
  co_return MessageReply(call, response);
}

}  // namespace thalweg::service
