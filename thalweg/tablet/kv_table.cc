#include "thalweg/tablet/kv_table.h"

#include <map>

namespace thalweg::tablet {

arrow::Result<std::shared_ptr<const KvTable>> KvTable::Make(
    const schema::TableDescriptor& descriptor, std::vector<std::shared_ptr<const schema::Schema>> schemas) {
  ARROW_ASSIGN_OR_RAISE(auto config, schema::TableConfig::Make(descriptor.properties));
  ARROW_ASSIGN_OR_RAISE(auto keys, format::KeyCodec::ForPrimaryKey(descriptor, config));
  ARROW_ASSIGN_OR_RAISE(auto prefixes, format::KeyCodec::ForPrefix(descriptor, config));
  auto table = std::shared_ptr<KvTable>(new KvTable(std::move(keys), std::move(prefixes)));
  table->config_ = std::move(config);
  table->schemas_ = std::move(schemas);
  std::map<SchemaId, schema::Schema> versions;
  for (const auto& schema : table->schemas_) {
    versions.emplace(SchemaId(static_cast<int16_t>(versions.size() + 1)), *schema);
  }
  const auto row_format = table->config_.kv_format == schema::KvFormat::kIndexed ? format::RowFormat::kIndexed
                                                                                 : format::RowFormat::kCompacted;
  table->rows_ = std::make_shared<const kv::RowSchemas>(row_format, std::move(versions));
  return table;
}

const schema::Schema* KvTable::FindSchema(SchemaId id) const {
  if (id.value < 1 || id > latest()) return nullptr;
  return schemas_[static_cast<size_t>(id.value - 1)].get();
}

std::optional<int32_t> KvTable::numbered_column() const {
  const auto column = rows_->auto_increment_column();
  if (!column) return std::nullopt;
  return schema().columns()[*column].id;
}

arrow::Result<std::unique_ptr<kv::RowMerger>> KvTable::MakeMerger(const kv::WriteMode& mode,
                                                                  kv::IdSource* numbers) const {
  return kv::RowMerger::Make(rows_, kv::MergeRules::Of(config_), mode, numbers);
}

arrow::Result<std::unique_ptr<format::ChangelogBuilder>> KvTable::MakeBuilder() const {
  return format::ChangelogBuilder::Make(schema(), format::ChangelogBuilder::OptionsOf(config_, latest()));
}

format::ChangelogReader KvTable::MakeReader() const {
  return {{.log_format = config_.log_format, .row_format = rows_->format()}, keys_};
}

}  // namespace thalweg::tablet
