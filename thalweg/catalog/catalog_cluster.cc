#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/catalog/catalog_turn_internal.h"
#include "thalweg/catalog/records_internal.h"

namespace thalweg::catalog {

runtime::Task<arrow::Result<ClusterPtr>> Catalog::ChangeCluster(ClusterChange change, runtime::Executor& home) {
  co_return co_await InTurn(ChangeClusterNow(std::move(change)), home);
}

runtime::Task<arrow::Result<ClusterPtr>> Catalog::ChangeClusterNow(ClusterChange change) {
  const CatalogViewPtr current = view();
  auto next = std::make_shared<Cluster>(*current->cluster());
  TW_CO_RETURN_NOT_OK(change(*next));
  if (next->SameSettings(*current->cluster())) co_return current->cluster();
  MetaStore::Transaction transaction;
  transaction.compares.push_back({records::kCluster, next->revision});
  transaction.puts.emplace_back(records::kCluster, records::EncodeCluster(*next));
  TW_CO_RETURN_NOT_OK(co_await Apply(std::move(transaction), [&](int64_t revision) {
    next->revision = revision;
    return current->WithCluster(next);
  }));
  co_return ClusterPtr(next);
}

schema::TableRules Catalog::RulesOf(const CatalogView& view) const {
  schema::TableRules rules = options_.rules;
  const auto& configs = view.cluster()->configs;
  // Every tag that there is says that the server is or will be away.
  if (view.cluster()->server_tags.contains(kOnlyServer)) rules.tablet_server_count = 0;
  if (const auto format = configs.find(kLakeFormatConfig); format != configs.end()) rules.lake_format = format->second;
  return rules;
}

}  // namespace thalweg::catalog
