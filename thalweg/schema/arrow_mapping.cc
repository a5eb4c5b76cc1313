#include "thalweg/schema/arrow_mapping.h"

#include <utility>

#include "arrow/type.h"
#include "thalweg/base/check.h"

namespace thalweg::schema {
namespace {

arrow::TimeUnit::type UnitOf(int32_t precision) {
  if (precision <= 0) return arrow::TimeUnit::SECOND;
  if (precision <= 3) return arrow::TimeUnit::MILLI;
  if (precision <= 6) return arrow::TimeUnit::MICRO;
  return arrow::TimeUnit::NANO;
}

}  // namespace

std::shared_ptr<arrow::DataType> ToArrowType(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      return arrow::boolean();
    case TypeKind::kTinyInt:
      return arrow::int8();
    case TypeKind::kSmallInt:
      return arrow::int16();
    case TypeKind::kInt:
      return arrow::int32();
    case TypeKind::kBigInt:
      return arrow::int64();
    case TypeKind::kFloat:
      return arrow::float32();
    case TypeKind::kDouble:
      return arrow::float64();
    case TypeKind::kChar:
    case TypeKind::kString:
      return arrow::utf8();
    case TypeKind::kBinary:
      return arrow::fixed_size_binary(type.length);
    case TypeKind::kBytes:
      return arrow::binary();
    case TypeKind::kDecimal:
      return arrow::decimal128(type.precision, type.scale);
    case TypeKind::kDate:
      return arrow::date32();
    case TypeKind::kTime: {
      const arrow::TimeUnit::type unit = UnitOf(type.precision);
      return unit == arrow::TimeUnit::SECOND || unit == arrow::TimeUnit::MILLI ? arrow::time32(unit)
                                                                               : arrow::time64(unit);
    }
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
      return arrow::timestamp(UnitOf(type.precision));
    case TypeKind::kArray:
      return arrow::list(ToArrowField("element", type.children[0].type));
    case TypeKind::kMap:
      return std::make_shared<arrow::MapType>(ToArrowField("key", NotNull(type.children[0].type)),
                                              ToArrowField("value", type.children[1].type));
    case TypeKind::kRow: {
      arrow::FieldVector fields;
      for (const DataField& field : type.children) fields.push_back(ToArrowField(field.name, field.type));
      return arrow::struct_(fields);
    }
  }
  TW_CHECK(false);
}

std::shared_ptr<arrow::Field> ToArrowField(std::string name, const DataType& type) {
  return arrow::field(std::move(name), ToArrowType(type), type.nullable);
}

std::shared_ptr<arrow::Schema> ToArrowSchema(const Schema& schema) {
  arrow::FieldVector fields;
  for (const Column& column : schema.columns()) fields.push_back(ToArrowField(column.name, column.type));
  return arrow::schema(std::move(fields));
}

}  // namespace thalweg::schema
