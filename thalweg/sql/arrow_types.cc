#include <string>
#include <utility>

#include "arrow/c/bridge.h"
#include "arrow/type.h"
#include "duckdb/function/table/arrow.hpp"
#include "thalweg/schema/arrow_mapping.h"
#include "thalweg/sql/arrow_types_internal.h"

namespace thalweg::sql {

using schema::TypeKind;

std::shared_ptr<arrow::DataType> ToSqlArrowType(const schema::DataType& type) {
  const auto field = [](const schema::DataField& child, std::string name) {
    return arrow::field(std::move(name), ToSqlArrowType(child.type), child.type.nullable);
  };
  switch (type.kind) {
    case TypeKind::kTimestampLtz:
      return arrow::timestamp(static_cast<const arrow::TimestampType&>(*ToArrowType(type)).unit(), "UTC");
    case TypeKind::kArray:
      return arrow::list(field(type.children[0], "element"));
    case TypeKind::kMap:
      return arrow::map(ToSqlArrowType(type.children[0].type), field(type.children[1], "value"));
    case TypeKind::kRow: {
      arrow::FieldVector fields;
      for (const auto& child : type.children) fields.push_back(field(child, child.name));
      return arrow::struct_(fields);
    }
    default:
      return ToArrowType(type);
  }
}

std::shared_ptr<arrow::Schema> ToSqlArrowSchema(const schema::Schema& schema) {
  arrow::FieldVector fields;
  for (const auto& column : schema.columns()) {
    fields.push_back(arrow::field(column.name, ToSqlArrowType(column.type), column.type.nullable));
  }
  return arrow::schema(std::move(fields));
}

duckdb::ArrowTableSchema ToDuckSchema(duckdb::DBConfig& config, const arrow::Schema& schema) {
  duckdb::ArrowTableSchema made;
  duckdb::ArrowSchemaWrapper exported;
  ThrowNotOk(arrow::ExportSchema(schema, reinterpret_cast<::ArrowSchema*>(&exported.arrow_schema)));
  duckdb::ArrowTableFunction::PopulateArrowTableSchema(config, made, exported.arrow_schema);
  return made;
}

}  // namespace thalweg::sql
