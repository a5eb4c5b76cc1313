#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "thalweg/format/datum.h"
#include "thalweg/schema/data_type.h"

namespace thalweg::format {

/// A type of every kind that is not nested, and of every encoding.
inline std::vector<schema::DataType> Scalars() {
  std::vector<schema::DataType> types{schema::MakeChar(6), schema::MakeBinary(5), schema::MakeDecimal(10, 2),
                                      schema::MakeDecimal(38, 10)};
  for (const schema::TypeKind kind :
       {schema::TypeKind::kBoolean, schema::TypeKind::kTinyInt, schema::TypeKind::kSmallInt, schema::TypeKind::kInt,
        schema::TypeKind::kBigInt, schema::TypeKind::kFloat, schema::TypeKind::kDouble, schema::TypeKind::kString,
        schema::TypeKind::kBytes, schema::TypeKind::kDate}) {
    types.push_back(schema::MakeType(kind));
  }
  for (const schema::TypeKind kind :
       {schema::TypeKind::kTime, schema::TypeKind::kTimestamp, schema::TypeKind::kTimestampLtz}) {
    for (const int precision : {0, 3, 6, 9}) types.push_back(schema::MakeTime(kind, precision));
  }
  return types;
}

/// Columns of every type: scalars, arrays and maps of each, rows of all, and these in each other.
inline std::vector<schema::DataType> EveryColumnType() {
  std::vector<schema::DataType> types = Scalars();
  std::vector<schema::DataField> fields;
  for (const schema::DataType& type : Scalars()) {
    fields.push_back({.name = "f" + std::to_string(fields.size()), .type = type});
    types.push_back(schema::MakeArray(type));
    types.push_back(schema::MakeMap(schema::NotNull(schema::MakeType(schema::TypeKind::kInt)), type));
  }
  const schema::DataType row = schema::MakeRow(fields);
  types.push_back(row);
  types.push_back(schema::MakeArray(row));
  types.push_back(schema::MakeArray(schema::MakeArray(schema::MakeArray(schema::MakeType(schema::TypeKind::kString)))));
  types.push_back(
      schema::MakeMap(schema::NotNull(schema::MakeType(schema::TypeKind::kString)), schema::MakeArray(row)));
  types.push_back(schema::MakeRow({{.name = "r", .type = row}, {.name = "a", .type = schema::MakeArray(row)}}));
  return types;
}

/// Random values of any type; the same seed gives the same ones. For tests.
class RandomDatum {
 public:
  explicit RandomDatum(uint32_t seed) : random_(seed) {}

  Datum Make(const schema::DataType& type) { return type.nullable && Below(5) == 0 ? Datum{} : Value(type); }
  uint64_t Below(uint64_t bound) { return random_() % bound; }

 private:
  Datum::List Several(const schema::DataType& type, size_t count) {
    Datum::List list;
    for (size_t i = 0; i < count; ++i) list.push_back(Make(type));
    return list;
  }

  Datum Value(const schema::DataType& type) {
    const auto number = static_cast<int64_t>(random_() >> Below(64)) * (Below(2) ? 1 : -1);
    switch (type.kind) {
      case schema::TypeKind::kBoolean:
        return Datum{Below(2) == 1};
      case schema::TypeKind::kTinyInt:
        return Datum{int64_t{static_cast<int8_t>(number)}};
      case schema::TypeKind::kSmallInt:
        return Datum{int64_t{static_cast<int16_t>(number)}};
      case schema::TypeKind::kInt:
      case schema::TypeKind::kDate:
      case schema::TypeKind::kTime:
        return Datum{int64_t{static_cast<int32_t>(number)}};
      case schema::TypeKind::kBigInt:
        return Datum{number};
      case schema::TypeKind::kFloat:
      case schema::TypeKind::kDouble:
        return Datum{static_cast<double>(static_cast<float>(number))};
      case schema::TypeKind::kBinary:
        return Datum{std::string(static_cast<size_t>(type.length), 'x')};
      case schema::TypeKind::kChar:
        return Datum{std::string(Below(static_cast<uint64_t>(type.length) + 1), 'x')};
      case schema::TypeKind::kString:
      case schema::TypeKind::kBytes:
        return Datum{std::string(Below(20), 'y')};
      case schema::TypeKind::kDecimal:
        return Datum{Decimal(type.precision)};
      case schema::TypeKind::kTimestamp:
      case schema::TypeKind::kTimestampLtz:
        return Datum{TimestampValue{number, type.precision > 3 ? static_cast<int32_t>(Below(1'000'000)) : 0}};
      case schema::TypeKind::kArray:
        return Datum{Several(type.children[0].type, Below(4))};
      case schema::TypeKind::kMap: {
        const size_t count = Below(4);
        return Datum{MapValue{Several(type.children[0].type, count), Several(type.children[1].type, count)}};
      }
      case schema::TypeKind::kRow: {
        Datum::List fields;
        for (const auto& child : type.children) fields.push_back(Make(child.type));
        return Datum{std::move(fields)};
      }
    }
    return {};
  }

  /// Of at most `digits` digits, most often of fewer.
  Int128 Decimal(int32_t digits) {
    Int128 unscaled = 0;
    for (uint64_t i = Below(static_cast<uint64_t>(digits) + 1); i > 0; --i) {
      unscaled = unscaled * 10 + static_cast<int64_t>(Below(10));
    }
    return Below(2) ? unscaled : -unscaled;
  }

  std::mt19937_64 random_;
};

}  // namespace thalweg::format
