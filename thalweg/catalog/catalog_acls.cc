#include <numeric>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/catalog/catalog_turn_internal.h"
#include "thalweg/catalog/records_internal.h"

namespace thalweg::catalog {
namespace {

size_t CountOf(const security::AclMap& acls) {
  return std::accumulate(acls.begin(), acls.end(), size_t{0},
                         [](size_t sum, const auto& resource) { return sum + resource.second.size(); });
}

}  // namespace

runtime::Task<arrow::Status> Catalog::LoadAcls(CatalogView& view) {
  TW_CO_ASSIGN_OR_RETURN(const std::vector<MetaStore::Entry> found, co_await store_.List(records::kAcls));
  security::AclMap acls;
  acl_revisions_.clear();
  for (const MetaStore::Entry& entry : found) {
    TW_CO_ASSIGN_OR_RETURN(auto decoded, records::DecodeAcl(entry.key, entry.value));
    acl_revisions_[decoded.first] = entry.revision;
    acls.insert(std::move(decoded));
  }
  view = view.WithAcls(std::move(acls));
  co_return arrow::Status::OK();
}

runtime::Task<arrow::Status> Catalog::ApplyAcls(security::AclMap acls, std::set<security::Resource> changed) {
  MetaStore::Transaction transaction;
  for (const security::Resource& resource : changed) {
    const std::string key = records::AclKey(resource);
    const auto revision = acl_revisions_.find(resource);
    transaction.compares.push_back({key, revision == acl_revisions_.end() ? MetaStore::kAbsent : revision->second});
    const auto entries = acls.find(resource);
    if (entries == acls.end()) {
      transaction.removals.push_back(key);
    } else {
      transaction.puts.emplace_back(key, records::EncodeAcl(entries->second));
    }
  }
  const CatalogViewPtr current = view();
  co_return co_await Apply(std::move(transaction), [&](int64_t revision) {
    for (const security::Resource& resource : changed) {
      if (acls.contains(resource)) {
        acl_revisions_[resource] = revision;
      } else {
        acl_revisions_.erase(resource);
      }
    }
    return current->WithAcls(std::move(acls));
  });
}

runtime::Task<arrow::Result<bool>> Catalog::AddAcls(std::vector<security::AclBinding> bindings,
                                                    runtime::Executor& home) {
  co_return co_await InTurn(AddAclsNow(std::move(bindings)), home);
}

runtime::Task<arrow::Result<bool>> Catalog::AddAclsNow(std::vector<security::AclBinding> bindings) {
  security::AclMap acls = view()->acls();
  std::set<security::Resource> changed;
  for (security::AclBinding& binding : bindings) {
    if (acls[binding.resource].insert(std::move(binding.entry)).second) changed.insert(binding.resource);
  }
  if (changed.empty()) co_return false;
  if (const size_t count = CountOf(acls); count > kAclEntriesMax) {
    co_return Error(
        ErrorCode::kInvalidConfig,
        "That would make {} rights, and {} can be granted. Grant on databases, or to everybody, or drop some.", count,
        kAclEntriesMax);
  }
  TW_CO_RETURN_NOT_OK(co_await ApplyAcls(std::move(acls), std::move(changed)));
  co_return true;
}

runtime::Task<arrow::Result<Catalog::DroppedAcls>> Catalog::DropAcls(std::vector<security::AclFilter> filters,
                                                                     PermitAcls permit, runtime::Executor& home) {
  co_return co_await InTurn(DropAclsNow(std::move(filters), std::move(permit)), home);
}

runtime::Task<arrow::Result<Catalog::DroppedAcls>> Catalog::DropAclsNow(std::vector<security::AclFilter> filters,
                                                                        PermitAcls permit) {
  const CatalogViewPtr current = view();
  DroppedAcls dropped(filters.size());
  security::AclMap acls = current->acls();
  std::set<security::Resource> changed;
  for (const auto& [resource, entries] : current->acls()) {
    bool named = false;
    for (size_t i = 0; i < filters.size(); ++i) {
      if (!filters[i].Matches(resource)) continue;
      if (!std::exchange(named, true)) TW_CO_RETURN_NOT_OK(permit(resource));
      for (const security::AclEntry& entry : entries) {
        if (!filters[i].Matches(entry) || acls[resource].erase(entry) == 0) continue;
        dropped[i].push_back({resource, entry});
        changed.insert(resource);
      }
    }
    if (acls[resource].empty()) acls.erase(resource);
  }
  if (!changed.empty()) TW_CO_RETURN_NOT_OK(co_await ApplyAcls(std::move(acls), std::move(changed)));
  co_return dropped;
}

}  // namespace thalweg::catalog
