#include "thalweg/format/row_layout.h"

#include <utility>

#include "thalweg/format/decimal_bytes.h"

namespace thalweg::format {

using schema::DataType;
using schema::TypeKind;

namespace {

std::vector<DataType> TypesOf(const schema::Schema& schema) {
  std::vector<DataType> types;
  types.reserve(schema.column_count());
  for (const schema::Column& column : schema.columns()) types.push_back(column.type);
  return types;
}

FieldEncoding CompactedEncoding(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kTime:
      return FieldEncoding::kVarint32;
    case TypeKind::kBigInt:
      return FieldEncoding::kVarint64;
    case TypeKind::kDecimal:
      return IsLongDecimal(type) ? FieldEncoding::kSized : FieldEncoding::kVarint64;
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
      return IsLongTimestamp(type) ? FieldEncoding::kVarintPair : FieldEncoding::kVarint64;
    default:
      return FieldEncoding::kSized;
  }
}

FieldEncoding IndexedEncoding(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kTime:
      return FieldEncoding::kFixed4;
    case TypeKind::kBigInt:
      return FieldEncoding::kFixed8;
    case TypeKind::kChar:
    case TypeKind::kBinary:
      return FieldEncoding::kPadded;
    case TypeKind::kDecimal:
      return IsLongDecimal(type) ? FieldEncoding::kSizedInFront : FieldEncoding::kFixed8;
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
      return IsLongTimestamp(type) ? FieldEncoding::kFixedPair : FieldEncoding::kFixed8;
    default:
      return FieldEncoding::kSizedInFront;
  }
}

}  // namespace

bool IsLongDecimal(const DataType& type) {
  return type.kind == TypeKind::kDecimal && type.precision > kCompactDecimalPrecisionMax;
}

bool IsLongTimestamp(const DataType& type) {
  return (type.kind == TypeKind::kTimestamp || type.kind == TypeKind::kTimestampLtz) &&
         type.precision > kCompactTimestampPrecisionMax;
}

FieldEncoding EncodingOf(RowFormat format, const DataType& type) {
  switch (type.kind) {
    case TypeKind::kBoolean:
    case TypeKind::kTinyInt:
      return FieldEncoding::kFixed1;
    case TypeKind::kSmallInt:
      return FieldEncoding::kFixed2;
    case TypeKind::kFloat:
      return FieldEncoding::kFixed4;
    case TypeKind::kDouble:
      return FieldEncoding::kFixed8;
    default:
      return format == RowFormat::kCompacted ? CompactedEncoding(type) : IndexedEncoding(type);
  }
}

RowLayout::RowLayout(RowFormat format, std::vector<DataType> types) : format_(format), types_(std::move(types)) {
  for (size_t i = 0; i < types_.size(); ++i) AddStored(types_[i], static_cast<int32_t>(i));
  header_bytes_ += null_bytes();
}

RowLayout::RowLayout(RowFormat format, const schema::Schema& schema) : RowLayout(format, TypesOf(schema)) {}

RowLayout::RowLayout(RowFormat format, const schema::Schema& stored, const schema::Schema& wanted)
    : format_(format), types_(TypesOf(wanted)) {
  identity_ = stored.column_count() == wanted.column_count();
  for (size_t i = 0; i < stored.column_count(); ++i) {
    const schema::Column& column = stored.columns()[i];
    const auto at = wanted.IndexOfId(column.id);
    AddStored(column.type, at ? static_cast<int32_t>(*at) : kMissing);
    identity_ &= at == i;
  }
  header_bytes_ += null_bytes();
}

void RowLayout::AddStored(const DataType& type, int32_t column) {
  Stored stored{.encoding = EncodingOf(format_, type), .column = column};
  if (stored.encoding == FieldEncoding::kPadded) stored.padded_bytes = type.length;
  if (stored.encoding == FieldEncoding::kSizedInFront) header_bytes_ += sizeof(int32_t);
  stored.is_decimal = IsLongDecimal(type);
  stored_.push_back(stored);
  if (column != kMissing) looked_at_ = stored_.size();
}

}  // namespace thalweg::format
