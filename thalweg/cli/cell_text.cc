#include "thalweg/cli/cell_text.h"

#include <chrono>
#include <cmath>

#include "arrow/array/array_binary.h"
#include "arrow/array/array_decimal.h"
#include "arrow/array/array_nested.h"
#include "arrow/array/array_primitive.h"
#include "arrow/type.h"
#include "arrow/util/base64.h"
#include "fmt/format.h"
#include "thalweg/base/check.h"

namespace thalweg::cli {
namespace {

using schema::TypeKind;

constexpr int64_t kDaySeconds = 86'400;

/// Digits behind the second, and how many units one second has.
struct Unit {
  int digits = 0;
  int64_t per_second = 1;
};

Unit UnitOf(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return {0, 1};
    case arrow::TimeUnit::MILLI:
      return {3, 1'000};
    case arrow::TimeUnit::MICRO:
      return {6, 1'000'000};
    case arrow::TimeUnit::NANO:
      return {9, 1'000'000'000};
  }
  return {};
}

int64_t FloorDivide(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

std::string DayText(int64_t days) {
  const std::chrono::year_month_day day{std::chrono::sys_days(std::chrono::days(days))};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

/// The fraction is written where there is one.
std::string TimeOfDayText(int64_t value, Unit unit) {
  const int64_t seconds = value / unit.per_second, fraction = value % unit.per_second;
  std::string text = fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (fraction != 0) text += fmt::format(".{:0{}}", fraction, unit.digits);
  return text;
}

std::string TimestampText(int64_t value, Unit unit) {
  const int64_t days = FloorDivide(value, unit.per_second * kDaySeconds);
  return DayText(days) + ' ' + TimeOfDayText(value - days * unit.per_second * kDaySeconds, unit);
}

template <typename Array>
auto ValueOf(const arrow::Array& array, int64_t row) {
  return static_cast<const Array&>(array).Value(row);
}

template <typename Array>
std::string_view TextOf(const arrow::Array& array, int64_t row) {
  return static_cast<const Array&>(array).GetView(row);
}

template <typename Array>
std::string RealText(const arrow::Array& array, int64_t row) {
  return fmt::format("{}", ValueOf<Array>(array, row));
}

bool IsNumber(TypeKind kind) { return kind >= TypeKind::kTinyInt && kind <= TypeKind::kDouble; }

/// A value that is not null, of a type that is not nested.
std::string ScalarText(const arrow::Array& array, int64_t row, const schema::DataType& type) {
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return ValueOf<arrow::BooleanArray>(array, row) ? "true" : "false";
    case arrow::Type::INT8:
      return fmt::format("{}", static_cast<int>(ValueOf<arrow::Int8Array>(array, row)));
    case arrow::Type::INT16:
      return fmt::format("{}", ValueOf<arrow::Int16Array>(array, row));
    case arrow::Type::INT32:
      return fmt::format("{}", ValueOf<arrow::Int32Array>(array, row));
    case arrow::Type::INT64:
      return fmt::format("{}", ValueOf<arrow::Int64Array>(array, row));
    case arrow::Type::FLOAT:
      return RealText<arrow::FloatArray>(array, row);
    case arrow::Type::DOUBLE:
      return RealText<arrow::DoubleArray>(array, row);
    case arrow::Type::STRING:
      return std::string(TextOf<arrow::StringArray>(array, row));
    case arrow::Type::BINARY:
      return arrow::util::base64_encode(TextOf<arrow::BinaryArray>(array, row));
    case arrow::Type::FIXED_SIZE_BINARY:
      return arrow::util::base64_encode(TextOf<arrow::FixedSizeBinaryArray>(array, row));
    case arrow::Type::DECIMAL128:
      return static_cast<const arrow::Decimal128Array&>(array).FormatValue(row);
    case arrow::Type::DATE32:
      return DayText(ValueOf<arrow::Date32Array>(array, row));
    case arrow::Type::TIME32:
      return TimeOfDayText(ValueOf<arrow::Time32Array>(array, row),
                           UnitOf(static_cast<const arrow::Time32Type&>(*array.type()).unit()));
    case arrow::Type::TIME64:
      return TimeOfDayText(ValueOf<arrow::Time64Array>(array, row),
                           UnitOf(static_cast<const arrow::Time64Type&>(*array.type()).unit()));
    case arrow::Type::TIMESTAMP:
      return TimestampText(ValueOf<arrow::TimestampArray>(array, row),
                           UnitOf(static_cast<const arrow::TimestampType&>(*array.type()).unit())) +
             (type.kind == TypeKind::kTimestampLtz ? "Z" : "");
    default:
      TW_CHECK(false);
  }
}

void AppendNestedJson(const arrow::Array& array, int64_t row, const schema::DataType& type, std::string* to) {
  if (type.kind == TypeKind::kArray) {
    const auto& list = static_cast<const arrow::ListArray&>(array);
    *to += '[';
    for (int32_t i = 0; i < list.value_length(row); ++i) {
      if (i > 0) *to += ',';
      AppendJson(*list.values(), list.value_offset(row) + i, type.children[0].type, to);
    }
    *to += ']';
  } else if (type.kind == TypeKind::kMap) {
    const auto& map = static_cast<const arrow::MapArray&>(array);
    *to += '{';
    for (int32_t i = 0; i < map.value_length(row); ++i) {
      if (i > 0) *to += ',';
      AppendJsonText(CellText(*map.keys(), map.value_offset(row) + i, type.children[0].type), to);
      *to += ':';
      AppendJson(*map.items(), map.value_offset(row) + i, type.children[1].type, to);
    }
    *to += '}';
  } else {
    const auto& fields = static_cast<const arrow::StructArray&>(array);
    *to += '{';
    for (int i = 0; i < fields.num_fields(); ++i) {
      if (i > 0) *to += ',';
      AppendJsonText(type.children[static_cast<size_t>(i)].name, to);
      *to += ':';
      AppendJson(*fields.field(i), row, type.children[static_cast<size_t>(i)].type, to);
    }
    *to += '}';
  }
}

bool IsFiniteNumber(const arrow::Array& array, int64_t row) {
  if (array.type_id() == arrow::Type::FLOAT) return std::isfinite(ValueOf<arrow::FloatArray>(array, row));
  if (array.type_id() == arrow::Type::DOUBLE) return std::isfinite(ValueOf<arrow::DoubleArray>(array, row));
  return true;
}

}  // namespace

void AppendJsonText(std::string_view text, std::string* to) {
  *to += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
      case '\\':
        (*to += '\\') += c;
        break;
      case '\n':
        *to += "\\n";
        break;
      case '\r':
        *to += "\\r";
        break;
      case '\t':
        *to += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < ' ' || c == '\x7F') {
          *to += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        } else {
          *to += c;
        }
    }
  }
  *to += '"';
}

void AppendJson(const arrow::Array& array, int64_t row, const schema::DataType& type, std::string* to) {
  if (array.IsNull(row)) {
    *to += "null";
  } else if (type.IsNested()) {
    AppendNestedJson(array, row, type, to);
  } else if (type.kind == TypeKind::kBoolean || (IsNumber(type.kind) && IsFiniteNumber(array, row))) {
    *to += ScalarText(array, row, type);
  } else if (array.type_id() == arrow::Type::STRING) {
    AppendJsonText(TextOf<arrow::StringArray>(array, row), to);
  } else {
    AppendJsonText(ScalarText(array, row, type), to);
  }
}

std::string CellText(const arrow::Array& array, int64_t row, const schema::DataType& type) {
  if (array.IsNull(row)) return {};
  if (!type.IsNested()) return ScalarText(array, row, type);
  std::string text;
  AppendNestedJson(array, row, type, &text);
  return text;
}

std::string InstantText(int64_t ms) { return TimestampText(FloorDivide(ms, 1'000), {0, 1}) + "Z"; }

}  // namespace thalweg::cli
