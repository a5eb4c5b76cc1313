#include "thalweg/schema/agg_function.h"

#include <algorithm>

#include "thalweg/base/error.h"

namespace thalweg::schema {
namespace {

bool IsNumber(TypeKind kind) {
  switch (kind) {
    case TypeKind::kTinyInt:
    case TypeKind::kSmallInt:
    case TypeKind::kInt:
    case TypeKind::kBigInt:
    case TypeKind::kFloat:
    case TypeKind::kDouble:
    case TypeKind::kDecimal:
      return true;
    default:
      return false;
  }
}

bool IsText(TypeKind kind) { return kind == TypeKind::kString || kind == TypeKind::kChar; }

bool IsOrdered(TypeKind kind) {
  return IsNumber(kind) || IsText(kind) || kind == TypeKind::kDate || kind == TypeKind::kTime ||
         kind == TypeKind::kTimestamp || kind == TypeKind::kTimestampLtz;
}

bool IsBoolean(TypeKind kind) { return kind == TypeKind::kBoolean; }
bool IsBytes(TypeKind kind) { return kind == TypeKind::kBytes; }
bool IsAny(TypeKind) { return true; }

struct KnownFunction {
  std::string_view name;
  bool (*takes)(TypeKind);
  bool has_delimiter;
};

constexpr KnownFunction kFunctions[] = {
    {"sum", IsNumber, false},       {"product", IsNumber, false},
    {"max", IsOrdered, false},      {"min", IsOrdered, false},
    {"last_value", IsAny, false},   {"last_value_ignore_nulls", IsAny, false},
    {"first_value", IsAny, false},  {"first_value_ignore_nulls", IsAny, false},
    {"listagg", IsText, true},      {"string_agg", IsText, true},
    {"bool_and", IsBoolean, false}, {"bool_or", IsBoolean, false},
    {"rbm32", IsBytes, false},      {"rbm64", IsBytes, false},
};

}  // namespace

std::string NormalAggName(std::string_view name) {
  std::string normal(name);
  for (char& c : normal) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '-') c = '_';
  }
  return normal;
}

arrow::Status CheckAggFunction(const AggFunction& function, const DataType& type) {
  const auto* known = std::ranges::find(kFunctions, NormalAggName(function.type), &KnownFunction::name);
  if (known == std::end(kFunctions)) {
    return Error(ErrorCode::kInvalidConfig, "'{}' is not an aggregation function.", function.type);
  }
  for (const auto& [parameter, value] : function.parameters) {
    if (!known->has_delimiter || parameter != "delimiter") {
      return Error(ErrorCode::kInvalidConfig, "The aggregation function {} has no parameter '{}'.", known->name,
                   parameter);
    }
    if (value.empty()) {
      return Error(ErrorCode::kInvalidConfig, "The delimiter of the aggregation function {} is empty.", known->name);
    }
  }
  if (!known->takes(type.kind)) {
    return Error(ErrorCode::kInvalidConfig, "The aggregation function {} cannot combine values of type {}.",
                 known->name, type);
  }
  return arrow::Status::OK();
}

}  // namespace thalweg::schema
