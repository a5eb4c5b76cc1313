#include <algorithm>
#include <array>
#include <utility>

#include "nlohmann/json.hpp"
#include "thalweg/base/error.h"
#include "thalweg/schema/json_internal.h"

namespace thalweg::schema {
namespace json {
namespace {

struct KindText {
  TypeKind kind;
  std::string_view text;
};

// The protocol's names differ from SQL's for some kinds.
constexpr std::array kKindTexts = {
    KindText{TypeKind::kBoolean, "BOOLEAN"},
    KindText{TypeKind::kTinyInt, "TINYINT"},
    KindText{TypeKind::kSmallInt, "SMALLINT"},
    KindText{TypeKind::kInt, "INTEGER"},
    KindText{TypeKind::kBigInt, "BIGINT"},
    KindText{TypeKind::kFloat, "FLOAT"},
    KindText{TypeKind::kDouble, "DOUBLE"},
    KindText{TypeKind::kChar, "CHAR"},
    KindText{TypeKind::kString, "STRING"},
    KindText{TypeKind::kBinary, "BINARY"},
    KindText{TypeKind::kBytes, "BYTES"},
    KindText{TypeKind::kDecimal, "DECIMAL"},
    KindText{TypeKind::kDate, "DATE"},
    KindText{TypeKind::kTime, "TIME_WITHOUT_TIME_ZONE"},
    KindText{TypeKind::kTimestamp, "TIMESTAMP_WITHOUT_TIME_ZONE"},
    KindText{TypeKind::kTimestampLtz, "TIMESTAMP_WITH_LOCAL_TIME_ZONE"},
    KindText{TypeKind::kArray, "ARRAY"},
    KindText{TypeKind::kMap, "MAP"},
    KindText{TypeKind::kRow, "ROW"},
};

arrow::Result<DataType> ToDataTypeAt(const Json& json, int depth);

arrow::Result<DataType> ChildAt(const Json& json, std::string_view name, int depth) {
  const Json* child = Find(json, name);
  if (child == nullptr) {
    return Error(ErrorCode::kInvalidTable, "The required member '{}' of a data type is missing.", name);
  }
  return ToDataTypeAt(*child, depth + 1);
}

arrow::Result<std::vector<DataField>> RowFields(const Json& json, int depth) {
  const Json* members = Find(json, "fields");
  if (members == nullptr || !members->is_array()) {
    return Error(ErrorCode::kInvalidTable, "A ROW needs the array 'fields'.");
  }
  std::vector<DataField> fields;
  for (const Json& member : *members) {
    DataField& field = fields.emplace_back();
    ARROW_ASSIGN_OR_RAISE(field.name, RequiredText(member, "name"));
    ARROW_ASSIGN_OR_RAISE(field.type, ChildAt(member, "field_type", depth));
    ARROW_ASSIGN_OR_RAISE(field.description, OptionalText(member, "description"));
    ARROW_ASSIGN_OR_RAISE(const std::optional<int32_t> id, OptionalInt(member, "field_id"));
    field.id = id.value_or(kNoFieldId);
  }
  return fields;
}

arrow::Result<DataType> ToDataTypeAt(const Json& json, int depth) {
  if (depth > kTypeDepthMax) {
    return Error(ErrorCode::kInvalidTable, "A type is nested deeper than {} levels.", kTypeDepthMax);
  }
  if (!json.is_object()) return Error(ErrorCode::kInvalidTable, "A data type must be a JSON object.");
  ARROW_ASSIGN_OR_RAISE(const std::string text, RequiredText(json, "type"));
  const auto known = std::ranges::find(kKindTexts, text, &KindText::text);
  if (known == kKindTexts.end()) {
    return Error(ErrorCode::kInvalidTable, "'{}' is not a data type that this server knows.", text);
  }

  DataType type = MakeType(known->kind);
  if (const Json* nullable = Find(json, "nullable")) {
    if (!nullable->is_boolean()) return Error(ErrorCode::kInvalidTable, "The member 'nullable' must be a boolean.");
    type.nullable = nullable->get<bool>();
  }
  if (type.kind == TypeKind::kChar || type.kind == TypeKind::kBinary) {
    ARROW_ASSIGN_OR_RAISE(type.length, RequiredInt(json, "length"));
  }
  if (type.HasPrecision()) {
    ARROW_ASSIGN_OR_RAISE(type.precision, RequiredInt(json, "precision"));
  }
  if (type.kind == TypeKind::kDecimal) {
    ARROW_ASSIGN_OR_RAISE(type.scale, RequiredInt(json, "scale"));
  }
  if (type.kind == TypeKind::kArray) {
    ARROW_ASSIGN_OR_RAISE(DataType element, ChildAt(json, "element_type", depth));
    type.children = MakeArray(std::move(element)).children;
  } else if (type.kind == TypeKind::kMap) {
    ARROW_ASSIGN_OR_RAISE(DataType key, ChildAt(json, "key_type", depth));
    ARROW_ASSIGN_OR_RAISE(DataType value, ChildAt(json, "value_type", depth));
    type.children = MakeMap(std::move(key), std::move(value)).children;
  } else if (type.kind == TypeKind::kRow) {
    ARROW_ASSIGN_OR_RAISE(type.children, RowFields(json, depth));
  }
  return type;
}

}  // namespace

arrow::Result<DataType> ToDataType(const Json& json) {
  ARROW_ASSIGN_OR_RAISE(DataType type, ToDataTypeAt(json, 1));
  ARROW_RETURN_NOT_OK(CheckType(type));
  return type;
}

Json FromDataType(const DataType& type) {
  Json json = {{"type", std::ranges::find(kKindTexts, type.kind, &KindText::kind)->text}};
  if (!type.nullable) json["nullable"] = false;
  if (type.kind == TypeKind::kChar || type.kind == TypeKind::kBinary) json["length"] = type.length;
  if (type.HasPrecision()) json["precision"] = type.precision;
  if (type.kind == TypeKind::kDecimal) json["scale"] = type.scale;
  if (type.kind == TypeKind::kArray) {
    json["element_type"] = FromDataType(type.children[0].type);
  } else if (type.kind == TypeKind::kMap) {
    json["key_type"] = FromDataType(type.children[0].type);
    json["value_type"] = FromDataType(type.children[1].type);
  } else if (type.kind == TypeKind::kRow) {
    Json& fields = json["fields"] = Json::array();
    for (const DataField& field : type.children) {
      Json member = {{"name", field.name}, {"field_type", FromDataType(field.type)}};
      if (field.description) member["description"] = *field.description;
      member["field_id"] = field.id;
      fields.push_back(std::move(member));
    }
  }
  return json;
}

}  // namespace json

arrow::Result<DataType> DataTypeFromJson(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const json::Json document, json::Parse(text, "data type"));
  return json::ToDataType(document);
}

std::string DataTypeToJson(const DataType& type) { return json::Print(json::FromDataType(type)); }

}  // namespace thalweg::schema
