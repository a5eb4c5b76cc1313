#include "thalweg/schema/data_type.h"

#include <set>
#include <utility>

#include "thalweg/base/error.h"

namespace thalweg::schema {
namespace {

arrow::Status CheckRange(std::string_view what, std::string_view kind, int64_t value, int64_t min, int64_t max) {
  if (value >= min && value <= max) return arrow::Status::OK();
  return Error(ErrorCode::kInvalidTable, "The {} of a {} must be between {} and {}, but is {}.", what, kind, min, max,
               value);
}

arrow::Status CheckFields(const std::vector<DataField>& fields) {
  std::set<std::string_view> names;
  for (const DataField& field : fields) {
    if (field.name.empty()) return Error(ErrorCode::kInvalidTable, "A field of a ROW has no name.");
    if (!names.insert(field.name).second) {
      return Error(ErrorCode::kInvalidTable, "A ROW has two fields named '{}': rename one.", field.name);
    }
  }
  return arrow::Status::OK();
}

arrow::Status CheckTypeAt(const DataType& type, int depth) {
  if (depth > kTypeDepthMax) {
    return Error(ErrorCode::kInvalidTable, "A type is nested deeper than {} levels.", kTypeDepthMax);
  }
  const std::string_view name = KindName(type.kind);
  if (type.kind == TypeKind::kChar || type.kind == TypeKind::kBinary) {
    ARROW_RETURN_NOT_OK(CheckRange("length", name, type.length, 1, INT32_MAX));
  } else if (type.kind == TypeKind::kDecimal) {
    ARROW_RETURN_NOT_OK(CheckRange("precision", name, type.precision, 1, kDecimalPrecisionMax));
    ARROW_RETURN_NOT_OK(CheckRange("scale", name, type.scale, 0, type.precision));
  } else if (type.HasPrecision()) {
    ARROW_RETURN_NOT_OK(CheckRange("precision", name, type.precision, 0, kTimePrecisionMax));
  }
  if (type.kind == TypeKind::kRow) ARROW_RETURN_NOT_OK(CheckFields(type.children));
  for (const DataField& child : type.children) ARROW_RETURN_NOT_OK(CheckTypeAt(child.type, depth + 1));
  return arrow::Status::OK();
}

}  // namespace

std::string_view KindName(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBoolean:
      return "BOOLEAN";
    case TypeKind::kTinyInt:
      return "TINYINT";
    case TypeKind::kSmallInt:
      return "SMALLINT";
    case TypeKind::kInt:
      return "INT";
    case TypeKind::kBigInt:
      return "BIGINT";
    case TypeKind::kFloat:
      return "FLOAT";
    case TypeKind::kDouble:
      return "DOUBLE";
    case TypeKind::kChar:
      return "CHAR";
    case TypeKind::kString:
      return "STRING";
    case TypeKind::kBinary:
      return "BINARY";
    case TypeKind::kBytes:
      return "BYTES";
    case TypeKind::kDecimal:
      return "DECIMAL";
    case TypeKind::kDate:
      return "DATE";
    case TypeKind::kTime:
      return "TIME";
    case TypeKind::kTimestamp:
      return "TIMESTAMP";
    case TypeKind::kTimestampLtz:
      return "TIMESTAMP_LTZ";
    case TypeKind::kArray:
      return "ARRAY";
    case TypeKind::kMap:
      return "MAP";
    case TypeKind::kRow:
      return "ROW";
  }
  return "";
}

bool DataType::HasPrecision() const {
  return kind == TypeKind::kDecimal || kind == TypeKind::kTime || kind == TypeKind::kTimestamp ||
         kind == TypeKind::kTimestampLtz;
}

std::string DataType::ToString() const {
  std::string text(KindName(kind));
  if (kind == TypeKind::kChar || kind == TypeKind::kBinary) {
    text += fmt::format("({})", length);
  } else if (kind == TypeKind::kDecimal) {
    text += fmt::format("({}, {})", precision, scale);
  } else if (HasPrecision()) {
    text += fmt::format("({})", precision);
  } else if (IsNested()) {
    text += '<';
    for (size_t i = 0; i < children.size(); ++i) {
      if (i > 0) text += ", ";
      if (kind == TypeKind::kRow) text += children[i].name + ' ';
      text += children[i].type.ToString();
    }
    text += '>';
  }
  if (!nullable) text += " NOT NULL";
  return text;
}

bool DataType::operator==(const DataType& other) const = default;
bool DataField::operator==(const DataField& other) const = default;

DataType MakeType(TypeKind kind, bool nullable) {
  DataType type;
  type.kind = kind;
  type.nullable = nullable;
  return type;
}

DataType MakeChar(int32_t length) {
  DataType type = MakeType(TypeKind::kChar);
  type.length = length;
  return type;
}

DataType MakeBinary(int32_t length) {
  DataType type = MakeType(TypeKind::kBinary);
  type.length = length;
  return type;
}

DataType MakeDecimal(int32_t precision, int32_t scale) {
  DataType type = MakeType(TypeKind::kDecimal);
  type.precision = precision;
  type.scale = scale;
  return type;
}

DataType MakeTime(TypeKind kind, int32_t precision) {
  DataType type = MakeType(kind);
  type.precision = precision;
  return type;
}

DataType MakeArray(DataType element) {
  DataType type = MakeType(TypeKind::kArray);
  type.children.push_back({.name = "element", .type = std::move(element), .description = {}});
  return type;
}

DataType MakeMap(DataType key, DataType value) {
  DataType type = MakeType(TypeKind::kMap);
  type.children.push_back({.name = "key", .type = std::move(key), .description = {}});
  type.children.push_back({.name = "value", .type = std::move(value), .description = {}});
  return type;
}

DataType MakeRow(std::vector<DataField> fields) {
  DataType type = MakeType(TypeKind::kRow);
  type.children = std::move(fields);
  return type;
}

DataType NotNull(DataType type) {
  type.nullable = false;
  return type;
}

arrow::Status CheckType(const DataType& type) { return CheckTypeAt(type, 1); }

}  // namespace thalweg::schema
