#include <utility>

#include "arrow/array/array_base.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/format/value_batch.h"
#include "thalweg/query/value_decoder_internal.h"

namespace thalweg::query {

ValueDecoder::ValueDecoder(const Environment& environment, catalog::TablePtr table)
    : environment_(environment), table_(std::move(table)) {}

arrow::Result<std::unique_ptr<ValueDecoder>> ValueDecoder::Make(const Environment& environment, catalog::TablePtr table,
                                                                const std::vector<int>& columns) {
  std::unique_ptr<ValueDecoder> made(new ValueDecoder(environment, std::move(table)));
  ARROW_ASSIGN_OR_RAISE(const auto* config, made->table_->layout->Config());
  if (config->kv_format == schema::KvFormat::kIndexed) made->format_ = format::RowFormat::kIndexed;
  if (columns.empty()) return made;
  schema::Schema::Parts parts;
  std::vector<schema::DataType> types;
  for (const int column : columns) {
    parts.columns.push_back(made->table_->schema().columns()[static_cast<size_t>(column)]);
    types.push_back(parts.columns.back().type);
  }
  ARROW_ASSIGN_OR_RAISE(made->read_as_, schema::Schema::Make(std::move(parts)));
  made->columns_.emplace(std::move(types), made->format_);
  return made;
}

arrow::Result<const format::RowLayout*> ValueDecoder::LayoutOf(SchemaId id) {
  auto found = layouts_.find(id);
  if (found == layouts_.end()) {
    auto stored = table_->FindSchema(id);
    if (!stored) {
      // The table has got a new version since it was found.
      const auto latest = environment_.catalog.view()->FindTable(table_->id);
      if (latest) stored = latest->FindSchema(id);
    }
    if (!stored) {
      return Error(ErrorCode::kSchemaNotExist, "{} has no schema version {}, which a row names.", table_->path, id);
    }
    found = layouts_.emplace(id, format::RowLayout(format_, *stored, read_as_)).first;
  }
  return &found->second;
}

arrow::Status ValueDecoder::Append(ByteView value) {
  ++rows_;
  if (!columns_) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto stored, format::ParseStoredValue(value));
  if (stored.schema_id != last_id_) {
    ARROW_ASSIGN_OR_RAISE(last_, LayoutOf(stored.schema_id));
    last_id_ = stored.schema_id;
  }
  ARROW_RETURN_NOT_OK(view_.Reset(*last_, stored.row));
  return columns_->Append(view_);
}

void ValueDecoder::AppendNulls() {
  ++rows_;
  if (columns_) columns_->AppendNulls();
}

arrow::Result<arrow::ArrayVector> ValueDecoder::Finish() {
  rows_ = 0;
  if (!columns_) return arrow::ArrayVector();
  return columns_->Finish();
}

}  // namespace thalweg::query
