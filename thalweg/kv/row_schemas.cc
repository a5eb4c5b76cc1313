#include "thalweg/kv/row_schemas.h"

#include <utility>

namespace thalweg::kv {

RowSchemas::RowSchemas(format::RowFormat format, std::map<SchemaId, schema::Schema> versions)
    : versions_(std::move(versions)), latest_layout_(format, latest()) {
  for (const auto& [id, schema] : versions_) layouts_.emplace(id, format::RowLayout(format, schema, latest()));
  const auto& generated = latest().auto_increment_columns();
  if (!generated.empty()) auto_increment_column_ = latest().IndexOf(generated.front());
}

const format::RowLayout* RowSchemas::LayoutOf(SchemaId id) const {
  const auto found = layouts_.find(id);
  return found == layouts_.end() ? nullptr : &found->second;
}

}  // namespace thalweg::kv
