#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "fmt/format.h"

namespace thalweg::schema {

enum class TypeKind : uint8_t {
  kBoolean,
  kTinyInt,
  kSmallInt,
  kInt,
  kBigInt,
  kFloat,
  kDouble,
  kChar,
  kString,
  kBinary,
  kBytes,
  kDecimal,
  kDate,
  kTime,
  kTimestamp,
  kTimestampLtz,
  kArray,
  kMap,
  kRow,
};

/// As in SQL: "INT", "TIMESTAMP_LTZ".
std::string_view KindName(TypeKind kind);

/// Types nest at most this deep, counting the outermost as 1: it bounds the recursion of everything that walks a type.
inline constexpr int kTypeDepthMax = 32;
/// A digit count of DECIMAL, and of the fraction of a second in TIME and TIMESTAMP.
inline constexpr int kDecimalPrecisionMax = 38;
inline constexpr int kTimePrecisionMax = 9;

struct DataField;

/// The type of a column or of a part of one. A value: copies are independent.
struct DataType {
  TypeKind kind = TypeKind::kInt;
  bool nullable = true;
  /// Of CHAR (in characters) and BINARY (in bytes), at least 1.
  int32_t length = 0;
  /// Of DECIMAL, TIME and both TIMESTAMPs.
  int32_t precision = 0;
  /// Of DECIMAL.
  int32_t scale = 0;
  /// ROW: its fields. ARRAY: one, the element. MAP: two, key and value. The names of the latter three mean nothing.
  std::vector<DataField> children;

  bool IsNested() const { return kind >= TypeKind::kArray; }
  bool HasPrecision() const;
  /// "INT NOT NULL", "DECIMAL(10, 2)", "MAP<STRING NOT NULL, ARRAY<INT>>", "ROW<a INT, b STRING>".
  std::string ToString() const;

  bool operator==(const DataType& other) const;
};

struct DataField {
  std::string name;
  DataType type;
  std::optional<std::string> description;
  /// Of a ROW's field: from the same number space as the ids of columns. kNoFieldId elsewhere.
  int32_t id = -1;

  bool operator==(const DataField& other) const;
};

inline constexpr int32_t kNoFieldId = -1;

/// For the kinds that need nothing else.
DataType MakeType(TypeKind kind, bool nullable = true);
DataType MakeChar(int32_t length);
DataType MakeBinary(int32_t length);
DataType MakeDecimal(int32_t precision, int32_t scale);
/// kTime, kTimestamp or kTimestampLtz.
DataType MakeTime(TypeKind kind, int32_t precision);
DataType MakeArray(DataType element);
DataType MakeMap(DataType key, DataType value);
DataType MakeRow(std::vector<DataField> fields);
DataType NotNull(DataType type);

/// Lengths, precisions, names and depth of `type` are what the protocol allows; INVALID_TABLE otherwise.
arrow::Status CheckType(const DataType& type);

/// The document that describes one type (`data_type_json`). Fails with INVALID_TABLE; what comes out has passed
/// CheckType.
arrow::Result<DataType> DataTypeFromJson(std::string_view json);
std::string DataTypeToJson(const DataType& type);

}  // namespace thalweg::schema

template <>
struct fmt::formatter<thalweg::schema::DataType> : fmt::formatter<std::string> {
  auto format(const thalweg::schema::DataType& type, fmt::format_context& ctx) const {
    return fmt::formatter<std::string>::format(type.ToString(), ctx);
  }
};
