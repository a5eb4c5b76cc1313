#include "thalweg/tablet/builder_cache.h"

#include <algorithm>

namespace thalweg::tablet {

arrow::Result<format::ChangelogBuilder*> BuilderCache::For(const std::shared_ptr<const KvTable>& table) {
  const auto known = std::ranges::find(entries_, table, &Entry::first);
  if (known != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, known);
  } else {
    ARROW_ASSIGN_OR_RAISE(auto builder, table->MakeBuilder());
    entries_.emplace_front(table, std::move(builder));
    if (entries_.size() > kKept) entries_.pop_back();
  }
  return entries_.front().second.get();
}

void BuilderCache::Return(const format::ChangelogBuilder* builder) {
  if (builder->estimated_bytes() <= kBytesMax) return;
  std::erase_if(entries_, [&](const Entry& entry) { return entry.second.get() == builder; });
}

}  // namespace thalweg::tablet
