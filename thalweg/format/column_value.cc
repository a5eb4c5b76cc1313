#include "thalweg/format/column_value.h"

#include <bit>
#include <string>
#include <utility>

#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/type.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_datum.h"

namespace thalweg::format {
namespace {

using schema::TypeKind;

template <typename Builder>
arrow::Status AppendInteger(const RowView& row, size_t column, arrow::ArrayBuilder& builder) {
  return static_cast<Builder&>(builder).Append(static_cast<typename Builder::value_type>(row.Integer(column)));
}

arrow::Status AppendBinary(const RowView& row, size_t column, arrow::ArrayBuilder& builder) {
  auto& to = static_cast<arrow::FixedSizeBinaryBuilder&>(builder);
  std::string bytes(row.Text(column));
  const auto width = static_cast<size_t>(to.byte_width());
  if (bytes.size() > width) {
    return Error(ErrorCode::kCorruptRecord, "A value of {} bytes is too long for BINARY({}).", bytes.size(), width);
  }
  bytes.resize(width);
  return to.Append(bytes);
}

}  // namespace

arrow::Status AppendColumn(const RowView& row, size_t column, arrow::ArrayBuilder& builder) {
  if (row.IsNull(column)) return builder.AppendNull();
  // What most columns are goes without a Datum in between.
  switch (row.type(column).kind) {
    case TypeKind::kBoolean:
      return static_cast<arrow::BooleanBuilder&>(builder).Append(row.Boolean(column));
    case TypeKind::kTinyInt:
      return AppendInteger<arrow::Int8Builder>(row, column, builder);
    case TypeKind::kSmallInt:
      return AppendInteger<arrow::Int16Builder>(row, column, builder);
    case TypeKind::kInt:
      return AppendInteger<arrow::Int32Builder>(row, column, builder);
    case TypeKind::kBigInt:
      return AppendInteger<arrow::Int64Builder>(row, column, builder);
    case TypeKind::kDate:
      return AppendInteger<arrow::Date32Builder>(row, column, builder);
    case TypeKind::kFloat:
      return static_cast<arrow::FloatBuilder&>(builder).Append(
          std::bit_cast<float>(static_cast<uint32_t>(row.FloatingBits(column))));
    case TypeKind::kDouble:
      return static_cast<arrow::DoubleBuilder&>(builder).Append(std::bit_cast<double>(row.FloatingBits(column)));
    case TypeKind::kChar:
    case TypeKind::kString:
      return static_cast<arrow::StringBuilder&>(builder).Append(row.Text(column));
    case TypeKind::kBytes:
      return static_cast<arrow::BinaryBuilder&>(builder).Append(row.Text(column));
    case TypeKind::kBinary:
      return AppendBinary(row, column, builder);
    default: {
      ARROW_ASSIGN_OR_RAISE(const Datum value, row.ToDatum(column));
      return AppendDatum(value, builder);
    }
  }
}

}  // namespace thalweg::format
