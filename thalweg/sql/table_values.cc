#include "thalweg/sql/table_values.h"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/array/array_base.h"
#include "arrow/array/array_binary.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/data.h"
#include "arrow/array/util.h"
#include "arrow/buffer.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "arrow/util/bit_util.h"
#include "thalweg/base/error.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::sql {
namespace {

using schema::TypeKind;

// DuckDB's, of moments in any unit.
constexpr int64_t kInfinity = INT64_MAX;

/// Nanoseconds in one unit.
int64_t NanosOf(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return 1'000'000'000;
    case arrow::TimeUnit::MILLI:
      return 1'000'000;
    case arrow::TimeUnit::MICRO:
      return 1'000;
    case arrow::TimeUnit::NANO:
      return 1;
  }
  return 1;
}

std::optional<arrow::TimeUnit::type> UnitOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampType&>(type).unit();
    case arrow::Type::TIME32:
    case arrow::Type::TIME64:
      return static_cast<const arrow::TimeType&>(type).unit();
    default:
      return std::nullopt;
  }
}

int64_t FloorDivide(int64_t value, int64_t by) {
  const int64_t quotient = value / by;
  return quotient * by > value ? quotient - 1 : quotient;
}

/// Values of one unit and width in another. Whole values only where that divides; NULLs stay.
template <typename From, typename To>
arrow::Result<std::shared_ptr<arrow::ArrayData>> Rescale(const arrow::ArrayData& data,
                                                         const std::shared_ptr<arrow::DataType>& to, int64_t multiply,
                                                         int64_t divide) {
  ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateBuffer((data.offset + data.length) * sizeof(To)));
  const From* from = data.GetValues<From>(1, 0);
  To* values = buffer->mutable_data_as<To>();
  const bool moments = data.type->id() == arrow::Type::TIMESTAMP;
  for (int64_t i = 0; i < data.offset + data.length; ++i) {
    int64_t value = 0;
    const bool null = data.buffers[0] != nullptr && !arrow::bit_util::GetBit(data.buffers[0]->data(), i);
    if (!null && __builtin_mul_overflow(static_cast<int64_t>(from[i]), multiply, &value)) {
      return Error(ErrorCode::kInvalidTable, "A time is beyond what {} can hold.", to->ToString());
    }
    // In another unit it would be some moment, and one that DuckDB cannot read.
    if (!null && moments && (from[i] == kInfinity || from[i] == -kInfinity)) {
      return Error(ErrorCode::kInvalidTable, "Infinity is no moment that {} can hold.", to->ToString());
    }
    values[i] = static_cast<To>(FloorDivide(value, divide));
  }
  return arrow::ArrayData::Make(to, data.length, {data.buffers[0], std::move(buffer)}, data.null_count, data.offset);
}

arrow::Result<std::shared_ptr<arrow::ArrayData>> ToUnit(const arrow::ArrayData& data,
                                                        const std::shared_ptr<arrow::DataType>& to) {
  const int64_t from_nanos = NanosOf(*UnitOf(*data.type));
  const int64_t to_nanos = NanosOf(*UnitOf(*to));
  const int64_t multiply = from_nanos > to_nanos ? from_nanos / to_nanos : 1;
  const int64_t divide = to_nanos > from_nanos ? to_nanos / from_nanos : 1;
  const bool narrow_from = data.type->id() == arrow::Type::TIME32;
  const bool narrow_to = to->id() == arrow::Type::TIME32;
  if (multiply == divide && narrow_from == narrow_to) {
    auto same = data.Copy();
    same->type = to;
    return same;
  }
  if (narrow_from) {
    return narrow_to ? Rescale<int32_t, int32_t>(data, to, multiply, divide)
                     : Rescale<int32_t, int64_t>(data, to, multiply, divide);
  }
  return narrow_to ? Rescale<int64_t, int32_t>(data, to, multiply, divide)
                   : Rescale<int64_t, int64_t>(data, to, multiply, divide);
}

arrow::Result<std::shared_ptr<arrow::ArrayData>> ToFixedSize(const arrow::ArrayData& data, int32_t length) {
  const arrow::BinaryArray from(data.Copy());
  arrow::FixedSizeBinaryBuilder builder(arrow::fixed_size_binary(length));
  ARROW_RETURN_NOT_OK(builder.Reserve(from.length()));
  for (int64_t i = 0; i < from.length(); ++i) {
    if (from.IsNull(i)) {
      ARROW_RETURN_NOT_OK(builder.AppendNull());
      continue;
    }
    const std::string_view value = from.GetView(i);
    if (value.size() != static_cast<size_t>(length)) {
      return Error(ErrorCode::kInvalidTable, "A value of {} bytes does not fit a BINARY({}) column.", value.size(),
                   length);
    }
    ARROW_RETURN_NOT_OK(builder.Append(value));
  }
  ARROW_ASSIGN_OR_RAISE(const auto array, builder.Finish());
  return array->data();
}

/// The same values as an array of `to`, which differs in names of children, time zones and units only.
arrow::Result<std::shared_ptr<arrow::ArrayData>> Retype(const arrow::ArrayData& data,
                                                        const std::shared_ptr<arrow::DataType>& to) {
  if (data.type->id() == arrow::Type::NA) {
    ARROW_ASSIGN_OR_RAISE(const auto nulls, arrow::MakeArrayOfNull(to, data.length));
    return nulls->data();
  }
  if (UnitOf(*data.type) && UnitOf(*to)) return ToUnit(data, to);
  if (to->id() == arrow::Type::FIXED_SIZE_BINARY && data.type->id() == arrow::Type::BINARY) {
    return ToFixedSize(data, static_cast<const arrow::FixedSizeBinaryType&>(*to).byte_width());
  }
  if (data.type->id() != to->id() || data.child_data.size() != static_cast<size_t>(to->num_fields())) {
    return Error(ErrorCode::kInvalidTable, "A value of {} cannot be stored as {}.", data.type->ToString(),
                 to->ToString());
  }
  auto made = data.Copy();
  made->type = to;
  for (size_t i = 0; i < made->child_data.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(made->child_data[i], Retype(*data.child_data[i], to->field(static_cast<int>(i))->type()));
  }
  return made;
}

}  // namespace

arrow::Result<schema::DataType> ToTableType(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
      return schema::MakeType(TypeKind::kBoolean);
    case arrow::Type::INT8:
      return schema::MakeType(TypeKind::kTinyInt);
    case arrow::Type::INT16:
      return schema::MakeType(TypeKind::kSmallInt);
    case arrow::Type::INT32:
      return schema::MakeType(TypeKind::kInt);
    case arrow::Type::INT64:
      return schema::MakeType(TypeKind::kBigInt);
    case arrow::Type::FLOAT:
      return schema::MakeType(TypeKind::kFloat);
    case arrow::Type::DOUBLE:
      return schema::MakeType(TypeKind::kDouble);
    case arrow::Type::STRING:
      return schema::MakeType(TypeKind::kString);
    case arrow::Type::BINARY:
      return schema::MakeType(TypeKind::kBytes);
    case arrow::Type::DATE32:
      return schema::MakeType(TypeKind::kDate);
    case arrow::Type::TIME64:
      return schema::MakeTime(TypeKind::kTime, 6);
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      return schema::MakeDecimal(decimal.precision(), decimal.scale());
    }
    case arrow::Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      const int precision = timestamp.unit() == arrow::TimeUnit::SECOND  ? 0
                            : timestamp.unit() == arrow::TimeUnit::MILLI ? 3
                            : timestamp.unit() == arrow::TimeUnit::MICRO ? 6
                                                                         : 9;
      return schema::MakeTime(timestamp.timezone().empty() ? TypeKind::kTimestamp : TypeKind::kTimestampLtz, precision);
    }
    case arrow::Type::LIST: {
      ARROW_ASSIGN_OR_RAISE(auto element, ToTableType(*type.field(0)->type()));
      return schema::MakeArray(std::move(element));
    }
    case arrow::Type::MAP: {
      const auto& map = static_cast<const arrow::MapType&>(type);
      ARROW_ASSIGN_OR_RAISE(auto key, ToTableType(*map.key_type()));
      ARROW_ASSIGN_OR_RAISE(auto value, ToTableType(*map.item_type()));
      return schema::MakeMap(schema::NotNull(std::move(key)), std::move(value));
    }
    case arrow::Type::STRUCT: {
      std::vector<schema::DataField> fields;
      for (const auto& field : type.fields()) {
        ARROW_ASSIGN_OR_RAISE(auto of, ToTableType(*field->type()));
        fields.push_back({.name = field->name(), .type = std::move(of)});
      }
      return schema::MakeRow(std::move(fields));
    }
    default:
      return Error(ErrorCode::kInvalidTable, "Tables have no type for values of {}: cast them to another.",
                   type.ToString());
  }
}

arrow::Result<std::shared_ptr<arrow::Array>> ToTableArray(const arrow::Array& array, const schema::DataType& type) {
  ARROW_ASSIGN_OR_RAISE(auto data, Retype(*array.data(), ToArrowType(type)));
  return arrow::MakeArray(data);
}

}  // namespace thalweg::sql
