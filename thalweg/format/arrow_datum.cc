#include "thalweg/format/arrow_datum.h"

#include <string>
#include <utility>

#include "arrow/array/array_binary.h"
#include "arrow/array/array_decimal.h"
#include "arrow/array/array_nested.h"
#include "arrow/array/array_primitive.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_decimal.h"
#include "arrow/array/builder_nested.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/type.h"
#include "arrow/util/decimal.h"
#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/base/wrapping.h"

namespace thalweg::format {
namespace {

constexpr int64_t kNanosPerMilli = 1'000'000;

int64_t UnitsPerSecond(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return 1;
    case arrow::TimeUnit::MILLI:
      return 1'000;
    case arrow::TimeUnit::MICRO:
      return 1'000'000;
    case arrow::TimeUnit::NANO:
      return 1'000'000'000;
  }
  return 1;
}

TimestampValue ToTimestamp(int64_t value, arrow::TimeUnit::type unit) {
  const int64_t per_second = UnitsPerSecond(unit);
  if (per_second <= 1'000) return {WrappingTimes(value, 1'000 / per_second), 0};
  const int64_t per_milli = per_second / 1'000;
  int64_t millis = value / per_milli;
  int64_t rest = value % per_milli;
  if (rest < 0) {
    --millis;
    rest += per_milli;
  }
  return {millis, static_cast<int32_t>(rest * (kNanosPerMilli / per_milli))};
}

int64_t FromTimestamp(TimestampValue value, arrow::TimeUnit::type unit) {
  const int64_t per_second = UnitsPerSecond(unit);
  if (per_second <= 1'000) return value.millis / (1'000 / per_second);
  const int64_t per_milli = per_second / 1'000;
  return WrappingPlus(WrappingTimes(value.millis, per_milli), value.nanos / (kNanosPerMilli / per_milli));
}

/// TIME of a row: milliseconds.
int64_t ToMillis(int64_t value, arrow::TimeUnit::type unit) { return ToTimestamp(value, unit).millis; }
int64_t FromMillis(int64_t millis, arrow::TimeUnit::type unit) { return FromTimestamp({millis, 0}, unit); }

template <typename Array>
Datum Integer(const arrow::Array& array, int64_t row) {
  return {static_cast<int64_t>(static_cast<const Array&>(array).Value(row))};
}

template <typename Array>
Datum Text(const arrow::Array& array, int64_t row) {
  return {std::string(static_cast<const Array&>(array).GetView(row))};
}

Datum::List ListAt(const arrow::Array& values, int64_t from, int64_t count) {
  Datum::List list;
  for (int64_t i = 0; i < count; ++i) list.push_back(DatumAt(values, from + i));
  return list;
}

Datum NestedAt(const arrow::Array& array, int64_t row) {
  if (array.type_id() == arrow::Type::MAP) {
    const auto& map = static_cast<const arrow::MapArray&>(array);
    const int64_t from = map.value_offset(row), count = map.value_length(row);
    return {MapValue{ListAt(*map.keys(), from, count), ListAt(*map.items(), from, count)}};
  }
  if (array.type_id() == arrow::Type::LIST) {
    const auto& list = static_cast<const arrow::ListArray&>(array);
    return {ListAt(*list.values(), list.value_offset(row), list.value_length(row))};
  }
  TW_CHECK(array.type_id() == arrow::Type::STRUCT);
  const auto& rows = static_cast<const arrow::StructArray&>(array);
  Datum::List fields;
  for (int i = 0; i < rows.num_fields(); ++i) fields.push_back(DatumAt(*rows.field(i), row));
  return {std::move(fields)};
}

arrow::Status WrongKind(const arrow::DataType& type) {
  return Error(ErrorCode::kCorruptRecord, "A value is not of the column's type {}.", type.ToString());
}

template <typename Builder>
arrow::Status AppendInteger(const Datum& value, arrow::ArrayBuilder& builder) {
  const auto* number = value.get_if<int64_t>();
  if (number == nullptr) return WrongKind(*builder.type());
  return static_cast<Builder&>(builder).Append(static_cast<typename Builder::value_type>(*number));
}

template <typename Builder>
arrow::Status AppendReal(const Datum& value, arrow::ArrayBuilder& builder) {
  const auto* number = value.get_if<double>();
  if (number == nullptr) return WrongKind(*builder.type());
  return static_cast<Builder&>(builder).Append(static_cast<typename Builder::value_type>(*number));
}

template <typename Builder>
arrow::Status AppendText(const Datum& value, arrow::ArrayBuilder& builder) {
  const auto* text = value.get_if<std::string>();
  if (text == nullptr) return WrongKind(*builder.type());
  return static_cast<Builder&>(builder).Append(*text);
}

template <typename Builder, typename Type>
arrow::Status AppendTime(const Datum& value, arrow::ArrayBuilder& builder) {
  const auto* millis = value.get_if<int64_t>();
  if (millis == nullptr) return WrongKind(*builder.type());
  const auto unit = static_cast<const Type&>(*builder.type()).unit();
  return static_cast<Builder&>(builder).Append(static_cast<typename Builder::value_type>(FromMillis(*millis, unit)));
}

arrow::Status AppendNested(const Datum& value, arrow::ArrayBuilder& builder) {
  if (builder.type()->id() == arrow::Type::MAP) {
    const auto* map = value.get_if<MapValue>();
    if (map == nullptr) return WrongKind(*builder.type());
    auto& to = static_cast<arrow::MapBuilder&>(builder);
    ARROW_RETURN_NOT_OK(to.Append());
    for (const auto& key : map->keys) ARROW_RETURN_NOT_OK(AppendDatum(key, *to.key_builder()));
    for (const auto& item : map->values) ARROW_RETURN_NOT_OK(AppendDatum(item, *to.item_builder()));
    return arrow::Status::OK();
  }
  const auto* list = value.get_if<Datum::List>();
  if (list == nullptr) return WrongKind(*builder.type());
  if (builder.type()->id() == arrow::Type::LIST) {
    auto& to = static_cast<arrow::ListBuilder&>(builder);
    ARROW_RETURN_NOT_OK(to.Append());
    for (const auto& element : *list) ARROW_RETURN_NOT_OK(AppendDatum(element, *to.value_builder()));
    return arrow::Status::OK();
  }
  TW_CHECK(builder.type()->id() == arrow::Type::STRUCT);
  auto& to = static_cast<arrow::StructBuilder&>(builder);
  if (list->size() != static_cast<size_t>(to.num_fields())) return WrongKind(*builder.type());
  ARROW_RETURN_NOT_OK(to.Append());
  for (int i = 0; i < to.num_fields(); ++i) {
    ARROW_RETURN_NOT_OK(AppendDatum((*list)[static_cast<size_t>(i)], *to.field_builder(i)));
  }
  return arrow::Status::OK();
}

}  // namespace

Datum DatumAt(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return {};
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return {static_cast<const arrow::BooleanArray&>(array).Value(row)};
    case arrow::Type::INT8:
      return Integer<arrow::Int8Array>(array, row);
    case arrow::Type::INT16:
      return Integer<arrow::Int16Array>(array, row);
    case arrow::Type::INT32:
      return Integer<arrow::Int32Array>(array, row);
    case arrow::Type::INT64:
      return Integer<arrow::Int64Array>(array, row);
    case arrow::Type::DATE32:
      return Integer<arrow::Date32Array>(array, row);
    case arrow::Type::FLOAT:
      return {static_cast<double>(static_cast<const arrow::FloatArray&>(array).Value(row))};
    case arrow::Type::DOUBLE:
      return {static_cast<const arrow::DoubleArray&>(array).Value(row)};
    case arrow::Type::STRING:
      return Text<arrow::StringArray>(array, row);
    case arrow::Type::BINARY:
      return Text<arrow::BinaryArray>(array, row);
    case arrow::Type::FIXED_SIZE_BINARY:
      return Text<arrow::FixedSizeBinaryArray>(array, row);
    case arrow::Type::DECIMAL128: {
      const arrow::Decimal128 value(static_cast<const arrow::Decimal128Array&>(array).GetValue(row));
      return {static_cast<Int128>(value.high_bits()) << 64 | static_cast<Int128>(value.low_bits())};
    }
    case arrow::Type::TIME32:
      return {ToMillis(static_cast<const arrow::Time32Array&>(array).Value(row),
                       static_cast<const arrow::Time32Type&>(*array.type()).unit())};
    case arrow::Type::TIME64:
      return {ToMillis(static_cast<const arrow::Time64Array&>(array).Value(row),
                       static_cast<const arrow::Time64Type&>(*array.type()).unit())};
    case arrow::Type::TIMESTAMP:
      return {ToTimestamp(static_cast<const arrow::TimestampArray&>(array).Value(row),
                          static_cast<const arrow::TimestampType&>(*array.type()).unit())};
    default:
      return NestedAt(array, row);
  }
}

arrow::Status AppendDatum(const Datum& value, arrow::ArrayBuilder& builder) {
  if (value.is_null()) return builder.AppendNull();
  switch (builder.type()->id()) {
    case arrow::Type::BOOL: {
      const auto* truth = value.get_if<bool>();
      if (truth == nullptr) return WrongKind(*builder.type());
      return static_cast<arrow::BooleanBuilder&>(builder).Append(*truth);
    }
    case arrow::Type::INT8:
      return AppendInteger<arrow::Int8Builder>(value, builder);
    case arrow::Type::INT16:
      return AppendInteger<arrow::Int16Builder>(value, builder);
    case arrow::Type::INT32:
      return AppendInteger<arrow::Int32Builder>(value, builder);
    case arrow::Type::INT64:
      return AppendInteger<arrow::Int64Builder>(value, builder);
    case arrow::Type::DATE32:
      return AppendInteger<arrow::Date32Builder>(value, builder);
    case arrow::Type::FLOAT:
      return AppendReal<arrow::FloatBuilder>(value, builder);
    case arrow::Type::DOUBLE:
      return AppendReal<arrow::DoubleBuilder>(value, builder);
    case arrow::Type::STRING:
      return AppendText<arrow::StringBuilder>(value, builder);
    case arrow::Type::BINARY:
      return AppendText<arrow::BinaryBuilder>(value, builder);
    case arrow::Type::FIXED_SIZE_BINARY: {
      const auto* bytes = value.get_if<std::string>();
      auto& to = static_cast<arrow::FixedSizeBinaryBuilder&>(builder);
      if (bytes == nullptr || bytes->size() != static_cast<size_t>(to.byte_width())) return WrongKind(*builder.type());
      return to.Append(*bytes);
    }
    case arrow::Type::DECIMAL128: {
      const auto* unscaled = value.get_if<Int128>();
      if (unscaled == nullptr) return WrongKind(*builder.type());
      return static_cast<arrow::Decimal128Builder&>(builder).Append(
          arrow::Decimal128(static_cast<int64_t>(*unscaled >> 64), static_cast<uint64_t>(*unscaled)));
    }
    case arrow::Type::TIME32:
      return AppendTime<arrow::Time32Builder, arrow::Time32Type>(value, builder);
    case arrow::Type::TIME64:
      return AppendTime<arrow::Time64Builder, arrow::Time64Type>(value, builder);
    case arrow::Type::TIMESTAMP: {
      const auto* time = value.get_if<TimestampValue>();
      if (time == nullptr) return WrongKind(*builder.type());
      const auto unit = static_cast<const arrow::TimestampType&>(*builder.type()).unit();
      return static_cast<arrow::TimestampBuilder&>(builder).Append(FromTimestamp(*time, unit));
    }
    default:
      return AppendNested(value, builder);
  }
}

}  // namespace thalweg::format
