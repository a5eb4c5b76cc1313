#include "thalweg/flight/arrow_type.h"

#include <utility>
#include <vector>

#include "arrow/type.h"
#include "thalweg/base/error.h"

namespace thalweg::flight {
namespace {

using schema::DataType;
using schema::TypeKind;

int32_t PrecisionOf(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return 0;
    case arrow::TimeUnit::MILLI:
      return 3;
    case arrow::TimeUnit::MICRO:
      return 6;
    case arrow::TimeUnit::NANO:
      return 9;
  }
  return 9;
}

arrow::Result<DataType> OfType(const arrow::Field& field, int depth);

arrow::Result<DataType> OfChild(const arrow::Field& field, int depth) {
  ARROW_ASSIGN_OR_RAISE(auto type, OfType(field, depth + 1));
  return type;
}

arrow::Result<DataType> OfNested(const arrow::Field& field, int depth) {
  const auto& type = *field.type();
  if (depth >= schema::kTypeDepthMax) {
    return Error(ErrorCode::kInvalidTable, "\"{}\" nests more than {} deep.", field.name(), schema::kTypeDepthMax);
  }
  if (type.id() == arrow::Type::MAP) {
    const auto& map = static_cast<const arrow::MapType&>(type);
    ARROW_ASSIGN_OR_RAISE(auto key, OfChild(*map.key_field(), depth));
    ARROW_ASSIGN_OR_RAISE(auto value, OfChild(*map.item_field(), depth));
    return schema::MakeMap(schema::NotNull(std::move(key)), std::move(value));
  }
  if (type.id() != arrow::Type::STRUCT) {
    ARROW_ASSIGN_OR_RAISE(auto element, OfChild(*type.field(0), depth));
    return schema::MakeArray(std::move(element));
  }
  std::vector<schema::DataField> fields;
  for (const auto& child : type.fields()) {
    ARROW_ASSIGN_OR_RAISE(auto child_type, OfChild(*child, depth));
    fields.push_back({.name = child->name(), .type = std::move(child_type), .description = {}});
  }
  return schema::MakeRow(std::move(fields));
}

arrow::Result<DataType> WithoutNullability(const arrow::Field& field, int depth) {
  const auto& type = *field.type();
  switch (type.id()) {
    case arrow::Type::BOOL:
      return schema::MakeType(TypeKind::kBoolean);
    case arrow::Type::INT8:
      return schema::MakeType(TypeKind::kTinyInt);
    case arrow::Type::INT16:
    case arrow::Type::UINT8:
      return schema::MakeType(TypeKind::kSmallInt);
    case arrow::Type::INT32:
    case arrow::Type::UINT16:
      return schema::MakeType(TypeKind::kInt);
    case arrow::Type::INT64:
    case arrow::Type::UINT32:
      return schema::MakeType(TypeKind::kBigInt);
    case arrow::Type::HALF_FLOAT:
    case arrow::Type::FLOAT:
      return schema::MakeType(TypeKind::kFloat);
    case arrow::Type::DOUBLE:
      return schema::MakeType(TypeKind::kDouble);
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW:
      return schema::MakeType(TypeKind::kString);
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW:
      return schema::MakeType(TypeKind::kBytes);
    case arrow::Type::FIXED_SIZE_BINARY:
      return schema::MakeBinary(static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width());
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64:
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256: {
      const auto& decimal = static_cast<const arrow::DecimalType&>(type);
      return schema::MakeDecimal(decimal.precision(), decimal.scale());
    }
    case arrow::Type::DATE32:
    case arrow::Type::DATE64:
      return schema::MakeType(TypeKind::kDate);
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
      return schema::MakeTime(TypeKind::kTime, PrecisionOf(static_cast<const arrow::TimeType&>(type).unit()));
    case arrow::Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      return schema::MakeTime(timestamp.timezone().empty() ? TypeKind::kTimestamp : TypeKind::kTimestampLtz,
                              PrecisionOf(timestamp.unit()));
    }
    case arrow::Type::DICTIONARY:
      return WithoutNullability(*field.WithType(static_cast<const arrow::DictionaryType&>(type).value_type()), depth);
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST:
    case arrow::Type::MAP:
    case arrow::Type::STRUCT:
      return OfNested(field, depth);
    default:
      return Error(ErrorCode::kInvalidTable,
                   "\"{}\" has the Arrow type {}, for which there is no column type: cast it.", field.name(),
                   type.ToString());
  }
}

arrow::Result<DataType> OfType(const arrow::Field& field, int depth) {
  ARROW_ASSIGN_OR_RAISE(auto type, WithoutNullability(field, depth));
  type.nullable = field.nullable();
  return type;
}

}  // namespace

arrow::Result<DataType> FromArrowField(const arrow::Field& field) { return OfType(field, 1); }

}  // namespace thalweg::flight
