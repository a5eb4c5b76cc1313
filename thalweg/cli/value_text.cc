#include "thalweg/cli/value_text.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_decimal.h"
#include "arrow/array/builder_nested.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/type.h"
#include "arrow/util/base64.h"
#include "arrow/util/decimal.h"
#include "arrow/util/utf8.h"
#include "arrow/util/value_parsing.h"
#include "nlohmann/json.hpp"
#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/cli/text_table.h"

namespace thalweg::cli {
namespace {

using Json = nlohmann::ordered_json;
using schema::DataType;
using schema::TypeKind;

constexpr size_t kExcerptCharacters = 60;

arrow::Status NotA(std::string_view text, const DataType& type, std::string_view hint = "") {
  return Error(ErrorCode::kInvalidTargetColumn, "'{}' is not a {}{}{}.", FitTo(text, kExcerptCharacters), type,
               hint.empty() ? "" : ": ", hint);
}

bool IsUtf8(std::string_view text) {
  // Without its tables, which nothing else makes, Arrow takes any bytes for UTF-8.
  [[maybe_unused]] static const bool tables_made = (arrow::util::InitializeUTF8(), true);
  return arrow::util::ValidateUTF8(text);
}

template <typename Builder>
arrow::Status AppendParsed(std::string_view text, const DataType& type, arrow::ArrayBuilder& builder) {
  using Type = typename Builder::TypeClass;
  typename arrow::internal::StringConverter<Type>::value_type value;
  const auto& arrow_type = static_cast<const Type&>(*builder.type());
  if (!arrow::internal::ParseValue(arrow_type, text.data(), text.size(), &value)) return NotA(text, type);
  return static_cast<Builder&>(builder).Append(value);
}

arrow::Status AppendTimestamp(std::string_view text, const DataType& type, arrow::ArrayBuilder& builder) {
  const auto unit = static_cast<const arrow::TimestampType&>(*builder.type()).unit();
  int64_t value = 0;
  bool zoned = false;
  if (!arrow::internal::ParseTimestampISO8601(text.data(), text.size(), unit, &value, &zoned)) {
    return NotA(text, type, "write 2026-11-22 09:30:00, with no more digits behind the second than the type has");
  }
  if (zoned && type.kind == TypeKind::kTimestamp) {
    return NotA(text, type, "it has a time zone, which only TIMESTAMP_LTZ takes");
  }
  return static_cast<arrow::TimestampBuilder&>(builder).Append(value);
}

arrow::Status AppendDecimal(std::string_view text, const DataType& type, arrow::ArrayBuilder& builder) {
  arrow::Decimal128 value;
  int32_t precision = 0, scale = 0;
  if (!arrow::Decimal128::FromString(text, &value, &precision, &scale).ok()) return NotA(text, type);
  const auto scaled = value.Rescale(scale, type.scale);
  if (!scaled.ok() || !scaled->FitsInPrecision(type.precision)) {
    return NotA(text, type, "it has too many digits");
  }
  return static_cast<arrow::Decimal128Builder&>(builder).Append(*scaled);
}

arrow::Status AppendBytes(std::string_view text, const DataType& type, arrow::ArrayBuilder& builder) {
  const auto bytes = arrow::util::base64_decode(text);
  if (!bytes.ok()) return NotA(text, type, "binary values are base64");
  if (builder.type()->id() == arrow::Type::BINARY) {
    return static_cast<arrow::BinaryBuilder&>(builder).Append(*bytes);
  }
  auto& to = static_cast<arrow::FixedSizeBinaryBuilder&>(builder);
  if (bytes->size() != static_cast<size_t>(to.byte_width())) {
    return NotA(text, type, fmt::format("it is base64 of {} bytes", bytes->size()));
  }
  return to.Append(*bytes);
}

template <typename Builder>
arrow::Status AppendInteger(const Json& value, const DataType& type, arrow::ArrayBuilder& builder) {
  using Value = typename Builder::value_type;
  if (value.is_number_unsigned()) {
    if (value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<Value>::max())) {
      return NotA(value.dump(), type, "it is too large");
    }
  } else if (value.get<int64_t>() < std::numeric_limits<Value>::min()) {
    return NotA(value.dump(), type, "it is too small");
  }
  return static_cast<Builder&>(builder).Append(value.get<Value>());
}

arrow::Status AppendJsonNumber(const Json& value, const DataType& type, arrow::ArrayBuilder& builder) {
  switch (builder.type()->id()) {
    case arrow::Type::FLOAT:
      return static_cast<arrow::FloatBuilder&>(builder).Append(value.get<float>());
    case arrow::Type::DOUBLE:
      return static_cast<arrow::DoubleBuilder&>(builder).Append(value.get<double>());
    case arrow::Type::DECIMAL128:
      return AppendDecimal(value.dump(), type, builder);
    default:
      break;
  }
  if (!value.is_number_integer()) return NotA(value.dump(), type);
  switch (builder.type()->id()) {
    case arrow::Type::INT8:
      return AppendInteger<arrow::Int8Builder>(value, type, builder);
    case arrow::Type::INT16:
      return AppendInteger<arrow::Int16Builder>(value, type, builder);
    case arrow::Type::INT32:
      return AppendInteger<arrow::Int32Builder>(value, type, builder);
    case arrow::Type::INT64:
      return AppendInteger<arrow::Int64Builder>(value, type, builder);
    default:
      return NotA(value.dump(), type, "it is a number; write it as text");
  }
}

arrow::Status AppendJsonMap(const Json& value, const DataType& type, arrow::ArrayBuilder& builder) {
  if (!value.is_object())
    return NotA(value.dump(-1, ' ', false, Json::error_handler_t::replace), type, "write {\"key\": value}");
  auto& map = static_cast<arrow::MapBuilder&>(builder);
  ARROW_RETURN_NOT_OK(map.Append());
  for (const auto& [key, item] : value.items()) {
    ARROW_RETURN_NOT_OK(AppendText(key, type.children[0].type, *map.key_builder()));
    ARROW_RETURN_NOT_OK(AppendJsonValue(item, type.children[1].type, *map.item_builder()));
  }
  return arrow::Status::OK();
}

arrow::Status AppendJsonRow(const Json& value, const DataType& type, arrow::ArrayBuilder& builder) {
  if (!value.is_object())
    return NotA(value.dump(-1, ' ', false, Json::error_handler_t::replace), type, "write {\"field\": value}");
  auto& row = static_cast<arrow::StructBuilder&>(builder);
  size_t used = 0;
  ARROW_RETURN_NOT_OK(row.Append());
  for (size_t i = 0; i < type.children.size(); ++i) {
    const auto& field = type.children[i];
    auto& to = *row.field_builder(static_cast<int>(i));
    const auto found = value.find(field.name);
    used += found != value.end() ? 1 : 0;
    const auto status =
        found == value.end() ? AppendNullValue(field.type, to) : AppendJsonValue(*found, field.type, to);
    if (!status.ok()) return Error(CodeOf(status), "field {}: {}", field.name, status.message());
  }
  for (const auto& [name, item] : value.items()) {
    if (used == value.size()) break;
    const bool known = std::ranges::any_of(type.children, [&](const auto& field) { return field.name == name; });
    if (!known) return Error(ErrorCode::kInvalidTargetColumn, "{} has no field '{}'.", type, name);
  }
  return arrow::Status::OK();
}

arrow::Status AppendNestedJson(const Json& value, const DataType& type, arrow::ArrayBuilder& builder) {
  if (type.kind == TypeKind::kMap) return AppendJsonMap(value, type, builder);
  if (type.kind == TypeKind::kRow) return AppendJsonRow(value, type, builder);
  if (!value.is_array())
    return NotA(value.dump(-1, ' ', false, Json::error_handler_t::replace), type, "write [value, …]");
  auto& list = static_cast<arrow::ListBuilder&>(builder);
  ARROW_RETURN_NOT_OK(list.Append());
  for (const auto& element : value) {
    ARROW_RETURN_NOT_OK(AppendJsonValue(element, type.children[0].type, *list.value_builder()));
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Status AppendText(std::string_view text, const DataType& type, arrow::ArrayBuilder& builder) {
  switch (builder.type()->id()) {
    case arrow::Type::BOOL:
      return AppendParsed<arrow::BooleanBuilder>(text, type, builder);
    case arrow::Type::INT8:
      return AppendParsed<arrow::Int8Builder>(text, type, builder);
    case arrow::Type::INT16:
      return AppendParsed<arrow::Int16Builder>(text, type, builder);
    case arrow::Type::INT32:
      return AppendParsed<arrow::Int32Builder>(text, type, builder);
    case arrow::Type::INT64:
      return AppendParsed<arrow::Int64Builder>(text, type, builder);
    case arrow::Type::FLOAT:
      return AppendParsed<arrow::FloatBuilder>(text, type, builder);
    case arrow::Type::DOUBLE:
      return AppendParsed<arrow::DoubleBuilder>(text, type, builder);
    case arrow::Type::DATE32:
      return AppendParsed<arrow::Date32Builder>(text, type, builder);
    case arrow::Type::TIME32:
      return AppendParsed<arrow::Time32Builder>(text, type, builder);
    case arrow::Type::TIME64:
      return AppendParsed<arrow::Time64Builder>(text, type, builder);
    case arrow::Type::TIMESTAMP:
      return AppendTimestamp(text, type, builder);
    case arrow::Type::DECIMAL128:
      return AppendDecimal(text, type, builder);
    case arrow::Type::STRING:
      if (!IsUtf8(text)) return NotA("…", type, "it is not UTF-8");
      return static_cast<arrow::StringBuilder&>(builder).Append(text);
    case arrow::Type::BINARY:
    case arrow::Type::FIXED_SIZE_BINARY:
      return AppendBytes(text, type, builder);
    default:
      break;
  }
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return NotA(text, type, "it is not JSON");
  return AppendNestedJson(json, type, builder);
}

arrow::Status AppendJsonValue(const Json& value, const DataType& type, arrow::ArrayBuilder& builder) {
  if (value.is_null()) return AppendNullValue(type, builder);
  if (type.IsNested()) return AppendNestedJson(value, type, builder);
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return AppendText(text, type, builder);
  }
  if (value.is_number()) return AppendJsonNumber(value, type, builder);
  if (value.is_boolean() && type.kind == TypeKind::kBoolean) {
    return static_cast<arrow::BooleanBuilder&>(builder).Append(value.get<bool>());
  }
  return NotA(value.dump(-1, ' ', false, Json::error_handler_t::replace), type);
}

arrow::Status AppendNullValue(const DataType& type, arrow::ArrayBuilder& builder) {
  if (!type.nullable) return Error(ErrorCode::kInvalidTargetColumn, "there is no value, but the column is NOT NULL.");
  return builder.AppendNull();
}

}  // namespace thalweg::cli
