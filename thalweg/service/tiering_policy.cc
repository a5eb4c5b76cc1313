#include "thalweg/service/tiering_policy.h"

#include "thalweg/catalog/table_layout.h"

namespace thalweg::service {

std::optional<tablet::TieringPolicy> TieringPolicyOf(const catalog::Catalog& catalog, const TableBucket& bucket) {
  const auto view = catalog.view();
  const auto table = view->FindTable(bucket.table);
  if (!table) return std::nullopt;
  const auto config = table->layout->Config();
  if (!config.ok()) return std::nullopt;
  tablet::TieringPolicy policy{.names = {.database = table->path.database, .table = table->path.table, .partition = {}},
                               .local_segments = (*config)->tiered_local_segments,
                               .ttl_ms = (*config)->log_ttl.count()};
  if (const auto local_ttl = (*config)->log_local_ttl; local_ttl && local_ttl->count() > 0) {
    policy.local_ttl_ms = local_ttl->count();
  }
  if (bucket.partition != kNoPartition) {
    const auto partition = view->FindPartition(bucket.partition);
    if (!partition) return std::nullopt;
    policy.names.partition = partition->name;
  }
  return policy;
}

}  // namespace thalweg::service
