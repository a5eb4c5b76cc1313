#include "thalweg/schema/schema.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "nlohmann/json.hpp"
#include "thalweg/base/error.h"
#include "thalweg/schema/json_internal.h"

namespace thalweg::schema {
namespace {

// Calls `visit` for each field of each ROW inside `type`, outer fields before inner ones: the order in which ids are
// given.
template <typename Type, typename Visit>
void VisitFields(Type& type, const Visit& visit) {
  for (auto& child : type.children) {
    if (type.kind == TypeKind::kRow) visit(child);
    VisitFields(child.type, visit);
  }
}

arrow::Status MixedIds(std::string_view what) {
  return Error(ErrorCode::kInvalidTable, "Either all {} must have an id or none of them.", what);
}

arrow::Status FillIds(std::vector<Column>& columns) {
  const auto has_id = [](const Column& column) { return column.id != kNoFieldId; };
  if (std::ranges::none_of(columns, has_id)) {
    for (size_t i = 0; i < columns.size(); ++i) columns[i].id = static_cast<int32_t>(i);
  } else if (!std::ranges::all_of(columns, has_id)) {
    return MixedIds("columns");
  }

  size_t with_id = 0, without_id = 0;
  int32_t highest = kNoFieldId;
  for (const Column& column : columns) {
    highest = std::max(highest, column.id);
    VisitFields(column.type, [&](const DataField& field) { ++(field.id == kNoFieldId ? without_id : with_id); });
  }
  if (without_id == 0) return arrow::Status::OK();
  if (with_id > 0) return MixedIds("fields of rows");
  for (Column& column : columns) VisitFields(column.type, [&](DataField& field) { field.id = ++highest; });
  return arrow::Status::OK();
}

arrow::Status CheckIds(const Schema::Parts& parts, int32_t* highest_used) {
  std::set<int32_t> seen;
  arrow::Status status;
  const auto check = [&](int32_t id, const std::string& name) {
    if (!status.ok()) return;
    if (id < 0) status = Error(ErrorCode::kInvalidTable, "The id {} of '{}' is negative.", id, name);
    if (!seen.insert(id).second) {
      status = Error(ErrorCode::kInvalidTable, "The id {} of '{}' is taken: ids of columns and fields must differ.", id,
                     name);
    }
  };
  for (const Column& column : parts.columns) {
    check(column.id, column.name);
    VisitFields(column.type, [&](const DataField& field) { check(field.id, field.name); });
  }
  ARROW_RETURN_NOT_OK(status);
  *highest_used = *seen.rbegin();
  if (parts.highest_field_id && *parts.highest_field_id < *highest_used) {
    return Error(ErrorCode::kInvalidTable, "highest_field_id is {}, but the id {} is in use.", *parts.highest_field_id,
                 *highest_used);
  }
  return arrow::Status::OK();
}

arrow::Status CheckColumns(const std::vector<Column>& columns) {
  if (columns.empty()) return Error(ErrorCode::kInvalidTable, "A table needs at least one column.");
  if (columns.size() > kColumnCountMax) {
    return Error(ErrorCode::kInvalidTable, "A table can have {} columns, not {}.", kColumnCountMax, columns.size());
  }
  std::set<std::string_view> names;
  for (const Column& column : columns) {
    if (column.name.empty()) return Error(ErrorCode::kInvalidTable, "A column has no name.");
    if (!names.insert(column.name).second) {
      return Error(ErrorCode::kInvalidTable, "Two columns are named '{}': rename one.", column.name);
    }
    ARROW_RETURN_NOT_OK(CheckType(column.type));
  }
  return arrow::Status::OK();
}

Column* FindColumn(std::vector<Column>& columns, std::string_view name) {
  const auto it = std::ranges::find(columns, name, &Column::name);
  return it == columns.end() ? nullptr : &*it;
}

arrow::Status ApplyPrimaryKey(Schema::Parts& parts) {
  std::set<std::string_view> seen;
  for (const std::string& name : parts.primary_key) {
    if (!seen.insert(name).second) {
      return Error(ErrorCode::kInvalidTable, "The primary key names the column '{}' twice.", name);
    }
    Column* column = FindColumn(parts.columns, name);
    if (column == nullptr) {
      return Error(ErrorCode::kInvalidTable, "The primary key names '{}', which is not a column of the table.", name);
    }
    if (column->agg_function) {
      return Error(ErrorCode::kInvalidTable,
                   "The primary key column '{}' cannot have an aggregation function: remove it.", name);
    }
    column->type.nullable = false;
  }
  return arrow::Status::OK();
}

arrow::Status CheckAutoIncrement(Schema::Parts& parts) {
  if (parts.auto_increment_columns.empty()) return arrow::Status::OK();
  if (parts.auto_increment_columns.size() > 1) {
    return Error(ErrorCode::kInvalidTable, "A table can have one auto-increment column, not {}.",
                 parts.auto_increment_columns.size());
  }
  const std::string& name = parts.auto_increment_columns[0];
  if (parts.primary_key.empty()) {
    return Error(ErrorCode::kInvalidTable, "Only a table with a primary key can have an auto-increment column ('{}').",
                 name);
  }
  const Column* column = FindColumn(parts.columns, name);
  if (column == nullptr) {
    return Error(ErrorCode::kInvalidTable, "The auto-increment column '{}' is not a column of the table.", name);
  }
  if (std::ranges::find(parts.primary_key, name) != parts.primary_key.end()) {
    return Error(ErrorCode::kInvalidTable, "The auto-increment column '{}' cannot be part of the primary key.", name);
  }
  if (column->type.kind != TypeKind::kInt && column->type.kind != TypeKind::kBigInt) {
    return Error(ErrorCode::kInvalidTable, "The auto-increment column '{}' must be INT or BIGINT, not {}.", name,
                 column->type);
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<Schema> Schema::Make(Parts parts) {
  ARROW_RETURN_NOT_OK(CheckColumns(parts.columns));
  ARROW_RETURN_NOT_OK(FillIds(parts.columns));
  int32_t highest_used = kNoFieldId;
  ARROW_RETURN_NOT_OK(CheckIds(parts, &highest_used));
  if (!parts.highest_field_id) parts.highest_field_id = highest_used;
  ARROW_RETURN_NOT_OK(ApplyPrimaryKey(parts));
  ARROW_RETURN_NOT_OK(CheckAutoIncrement(parts));
  return Schema(std::move(parts));
}

std::optional<size_t> Schema::IndexOf(std::string_view name) const {
  const auto it = std::ranges::find(parts_.columns, name, &Column::name);
  if (it == parts_.columns.end()) return std::nullopt;
  return static_cast<size_t>(it - parts_.columns.begin());
}

std::optional<size_t> Schema::IndexOfId(int32_t id) const {
  const auto it = std::ranges::find(parts_.columns, id, &Column::id);
  if (it == parts_.columns.end()) return std::nullopt;
  return static_cast<size_t>(it - parts_.columns.begin());
}

std::vector<size_t> Schema::PrimaryKeyIndexes() const {
  std::vector<size_t> indexes;
  indexes.reserve(parts_.primary_key.size());
  for (const std::string& name : parts_.primary_key) indexes.push_back(*IndexOf(name));
  return indexes;
}

arrow::Result<Schema> Schema::WithColumn(Column column) const {
  Parts parts = parts_;
  int32_t id = highest_field_id();
  column.id = ++id;
  VisitFields(column.type, [&](DataField& field) { field.id = ++id; });
  parts.highest_field_id = id;
  parts.columns.push_back(std::move(column));
  return Make(std::move(parts));
}

bool Schema::operator==(const Schema& other) const {
  return parts_.columns == other.parts_.columns && parts_.primary_key == other.parts_.primary_key &&
         parts_.auto_increment_columns == other.parts_.auto_increment_columns &&
         highest_field_id() == other.highest_field_id();
}

namespace json {
namespace {

arrow::Result<Column> ToColumn(const Json& json) {
  Column column;
  ARROW_ASSIGN_OR_RAISE(column.name, RequiredText(json, "name"));
  const Json* type = Find(json, "data_type");
  if (type == nullptr) return Error(ErrorCode::kInvalidTable, "The column '{}' has no data_type.", column.name);
  ARROW_ASSIGN_OR_RAISE(column.type, ToDataType(*type));
  ARROW_ASSIGN_OR_RAISE(column.comment, OptionalText(json, "comment"));
  ARROW_ASSIGN_OR_RAISE(const std::optional<int32_t> id, OptionalInt(json, "id"));
  column.id = id.value_or(kNoFieldId);
  if (const Json* function = Find(json, "agg_function")) {
    column.agg_function.emplace();
    ARROW_ASSIGN_OR_RAISE(column.agg_function->type, RequiredText(*function, "type"));
    ARROW_ASSIGN_OR_RAISE(column.agg_function->parameters, TextMap(*function, "parameters"));
  }
  return column;
}

Json FromColumn(const Column& column) {
  Json json = {{"name", column.name}, {"data_type", FromDataType(column.type)}};
  if (column.comment) json["comment"] = *column.comment;
  if (column.agg_function) {
    json["agg_function"] = {{"type", column.agg_function->type}};
    if (!column.agg_function->parameters.empty()) json["agg_function"]["parameters"] = column.agg_function->parameters;
  }
  json["id"] = column.id;
  return json;
}

}  // namespace

arrow::Result<Schema> ToSchema(const Json& json) {
  Schema::Parts parts;
  const Json* columns = Find(json, "columns");
  if (columns == nullptr || !columns->is_array()) {
    return Error(ErrorCode::kInvalidTable, "A schema needs the array 'columns'.");
  }
  for (const Json& column : *columns) {
    ARROW_ASSIGN_OR_RAISE(parts.columns.emplace_back(), ToColumn(column));
  }
  ARROW_ASSIGN_OR_RAISE(parts.primary_key, TextArray(json, "primary_key"));
  ARROW_ASSIGN_OR_RAISE(parts.auto_increment_columns, TextArray(json, "auto_increment_column"));
  ARROW_ASSIGN_OR_RAISE(parts.highest_field_id, OptionalInt(json, "highest_field_id"));
  return Schema::Make(std::move(parts));
}

Json FromSchema(const Schema& schema) {
  Json json = {{"version", 1}, {"columns", Json::array()}};
  for (const Column& column : schema.columns()) json["columns"].push_back(FromColumn(column));
  if (schema.HasPrimaryKey()) json["primary_key"] = schema.primary_key();
  if (!schema.auto_increment_columns().empty()) json["auto_increment_column"] = schema.auto_increment_columns();
  json["highest_field_id"] = schema.highest_field_id();
  return json;
}

}  // namespace json

arrow::Result<Schema> Schema::FromJson(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const json::Json document, json::Parse(text, "schema"));
  return json::ToSchema(document);
}

std::string Schema::ToJson() const { return json::Print(json::FromSchema(*this)); }

}  // namespace thalweg::schema
