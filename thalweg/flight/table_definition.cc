#include "thalweg/flight/table_definition.h"

#include <string>
#include <utility>

#include "arrow/buffer.h"
#include "arrow/io/memory.h"
#include "arrow/ipc/dictionary.h"
#include "arrow/ipc/reader.h"
#include "arrow/ipc/writer.h"
#include "arrow/type.h"
#include "proto/thalweg/flight/v1/flight.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/flight/arrow_type.h"
#include "thalweg/schema/type_text.h"

namespace thalweg::flight {
namespace {

arrow::Result<std::shared_ptr<arrow::Schema>> ReadArrowSchema(const std::string& bytes) {
  arrow::io::BufferReader reader(std::make_shared<arrow::Buffer>(bytes));
  arrow::ipc::DictionaryMemo memo;
  auto schema = arrow::ipc::ReadSchema(&reader, &memo);
  if (schema.ok()) return schema;
  return Error(ErrorCode::kInvalidTable,
               "arrow_schema is no encapsulated schema message, as `schema.serialize()` of pyarrow makes it.");
}

/// A type that stands for itself, or says which column has it wrong.
arrow::Result<schema::DataType> TypeOf(const v1::TableDefinition::Column& column) {
  auto type = schema::DataTypeFromText(column.type());
  if (type.ok()) return type;
  return Error(CodeOf(type.status()), "Column \"{}\": {}", column.name(), type.status().message());
}

arrow::Result<std::vector<schema::Column>> ColumnsOf(const v1::TableDefinition& definition) {
  std::vector<schema::Column> columns;
  if (definition.columns().empty() == definition.arrow_schema().empty()) {
    return Error(ErrorCode::kInvalidTable,
                 "A new table needs columns: give `columns` or `arrow_schema`, and not both.");
  }
  for (const auto& column : definition.columns()) {
    ARROW_ASSIGN_OR_RAISE(auto type, TypeOf(column));
    auto& made = columns.emplace_back(schema::Column{.name = column.name(), .type = std::move(type)});
    if (!column.comment().empty()) made.comment = column.comment();
  }
  if (!columns.empty()) return columns;
  ARROW_ASSIGN_OR_RAISE(const auto schema, ReadArrowSchema(definition.arrow_schema()));
  for (const auto& field : schema->fields()) {
    ARROW_ASSIGN_OR_RAISE(auto type, FromArrowField(*field));
    columns.push_back({.name = field->name(), .type = std::move(type)});
  }
  return columns;
}

}  // namespace

schema::TablePath PathOf(const v1::TableName& name) {
  return {name.database().empty() ? catalog::kDefaultDatabase : name.database(), name.table()};
}

arrow::Result<schema::TableDescriptor> DescriptorOf(const v1::TableDefinition& definition) {
  schema::Schema::Parts parts;
  ARROW_ASSIGN_OR_RAISE(parts.columns, ColumnsOf(definition));
  parts.primary_key.assign(definition.primary_key().begin(), definition.primary_key().end());
  schema::TableDescriptor descriptor;
  ARROW_ASSIGN_OR_RAISE(descriptor.schema, schema::Schema::Make(std::move(parts)));
  descriptor.partition_keys.assign(definition.partition_keys().begin(), definition.partition_keys().end());
  descriptor.bucket_keys.assign(definition.bucket_keys().begin(), definition.bucket_keys().end());
  if (definition.has_bucket_count()) descriptor.bucket_count = definition.bucket_count();
  if (!definition.comment().empty()) descriptor.comment = definition.comment();
  descriptor.properties.insert(definition.properties().begin(), definition.properties().end());
  descriptor.custom_properties.insert(definition.custom_properties().begin(), definition.custom_properties().end());
  return descriptor;
}

arrow::Result<schema::TableChange> ChangeOf(const v1::AlterTable& alter) {
  schema::TableChange change;
  for (const auto& [key, value] : alter.set_options()) change.options.push_back({.key = key, .value = value});
  for (const auto& key : alter.reset_options()) {
    change.options.push_back({.key = key, .operation = schema::kOptionDelete});
  }
  for (const auto& column : alter.add_columns()) {
    ARROW_ASSIGN_OR_RAISE(auto type, TypeOf(column));
    auto& added =
        change.added_columns.emplace_back(schema::AddedColumn{.name = column.name(), .type = std::move(type)});
    if (!column.comment().empty()) added.comment = column.comment();
  }
  return change;
}

arrow::Status Describe(const query::Table& table, v1::TableInfo* info) {
  const auto& base = *table.base();
  const auto& descriptor = *base.descriptor;
  info->mutable_table()->set_database(table.path().database);
  info->mutable_table()->set_table(table.path().table);
  info->set_table_id(base.id.value);
  info->set_schema_id(base.schema_id().value);
  info->set_created_ms(base.created_ms);
  info->set_modified_ms(base.modified_ms);
  auto& definition = *info->mutable_definition();
  for (const auto& column : table.schema().columns()) {
    auto& told = *definition.add_columns();
    told.set_name(column.name);
    told.set_type(column.type.ToString());
    if (column.comment) told.set_comment(*column.comment);
  }
  ARROW_ASSIGN_OR_RAISE(const auto bytes, arrow::ipc::SerializeSchema(*table.arrow_schema()));
  definition.set_arrow_schema(bytes->data(), static_cast<size_t>(bytes->size()));
  for (const auto& name : table.schema().primary_key()) definition.add_primary_key(name);
  for (const auto& name : descriptor.partition_keys) definition.add_partition_keys(name);
  for (const auto& name : descriptor.bucket_keys) definition.add_bucket_keys(name);
  definition.set_bucket_count(table.bucket_count());
  if (descriptor.comment) definition.set_comment(*descriptor.comment);
  definition.mutable_properties()->insert(descriptor.properties.begin(), descriptor.properties.end());
  definition.mutable_custom_properties()->insert(descriptor.custom_properties.begin(),
                                                 descriptor.custom_properties.end());
  return arrow::Status::OK();
}

}  // namespace thalweg::flight
