#include "thalweg/service/kv_tables.h"

#include <utility>

#include "thalweg/base/error.h"

namespace thalweg::service {

arrow::Result<std::shared_ptr<const tablet::KvTable>> KvTables::Get(const catalog::Table& table) {
  {
    std::lock_guard lock(mutex_);
    const auto found = known_.find(table.id);
    // The layout is as old as the options and schemas that it was made of.
    if (found != known_.end() && found->second.of == table.layout) return found->second.table;
  }
  ARROW_ASSIGN_OR_RAISE(auto made, tablet::KvTable::Make(*table.descriptor, table.schemas));
  std::lock_guard lock(mutex_);
  if (known_.size() >= kKept) known_.clear();
  known_[table.id] = {table.layout, made};
  return made;
}

arrow::Result<std::shared_ptr<const tablet::KvTable>> KvTableOf(KvTables& tables, const catalog::Catalog& catalog,
                                                                const TableBucket& bucket) {
  const auto table = catalog.view()->FindTable(bucket.table);
  if (!table || !table->descriptor->HasPrimaryKey()) return nullptr;
  auto made = tables.Get(*table);
  if (made.ok()) return made;
  return Error(CodeOf(made.status()), "The rows of {} cannot be read, and its changelog stays: {}", table->path,
               made.status().message());
}

}  // namespace thalweg::service
