#include "thalweg/catalog/table_layout.h"

#include "arrow/type.h"
#include "thalweg/base/error.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::catalog {

arrow::Result<const schema::TableConfig*> TableLayout::Config() const {
  return config_.Get([this] { return schema::TableConfig::Make(descriptor_->properties); });
}

arrow::Result<const std::vector<format::ColumnShape>*> TableLayout::ColumnsOf(SchemaId id) const {
  if (id.value < 1 || static_cast<size_t>(id.value) > schemas_.size()) {
    return Error(ErrorCode::kSchemaNotExist, "There is no schema version {}; the latest is {}.", id, schemas_.size());
  }
  const auto index = static_cast<size_t>(id.value) - 1;
  return columns_[index].Get([&] { return format::ColumnShape::Of(*schema::ToArrowSchema(*schemas_[index])); });
}

}  // namespace thalweg::catalog
