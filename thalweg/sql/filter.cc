#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "duckdb/planner/expression/bound_between_expression.hpp"
#include "duckdb/planner/expression/bound_columnref_expression.hpp"
#include "duckdb/planner/expression/bound_comparison_expression.hpp"
#include "duckdb/planner/expression/bound_conjunction_expression.hpp"
#include "duckdb/planner/expression/bound_constant_expression.hpp"
#include "duckdb/planner/expression/bound_function_expression.hpp"
#include "duckdb/planner/expression/bound_operator_expression.hpp"
#include "duckdb/planner/operator/logical_get.hpp"
#include "thalweg/sql/filter_internal.h"

namespace thalweg::sql {
namespace {

using duckdb::ExpressionType;
using duckdb::LogicalTypeId;
using format::Datum;
using format::LeafFunction;
using format::Predicate;

/// Time since 1970, `per_second` of them in a second.
format::TimestampValue Moment(int64_t count, int64_t per_second) {
  const int64_t per_milli = per_second / 1000;
  if (per_milli == 0) {
    int64_t millis = 0;
    // Infinity, which is the last number of seconds, stays beyond all others.
    if (__builtin_mul_overflow(count, int64_t{1000}, &millis)) millis = count < 0 ? INT64_MIN : INT64_MAX;
    return {millis, 0};
  }
  int64_t millis = count / per_milli;
  int64_t rest = count % per_milli;
  if (rest < 0) {
    --millis;
    rest += per_milli;
  }
  return {millis, static_cast<int32_t>(rest * (1'000'000 / per_milli))};
}

/// A constant that a column of `type` is compared with; absent where the two are not of one type, or it is null.
std::optional<Datum> ToDatum(const duckdb::Value& value, const schema::DataType& type) {
  using schema::TypeKind;
  if (value.IsNull()) return std::nullopt;
  const auto id = value.type().id();
  const auto when = [&](bool same, auto make) -> std::optional<Datum> {
    if (!same) return std::nullopt;
    return Datum{make()};
  };
  switch (type.kind) {
    case TypeKind::kBoolean:
      return when(id == LogicalTypeId::BOOLEAN, [&] { return value.GetValueUnsafe<bool>(); });
    case TypeKind::kTinyInt:
      return when(id == LogicalTypeId::TINYINT, [&] { return int64_t{value.GetValueUnsafe<int8_t>()}; });
    case TypeKind::kSmallInt:
      return when(id == LogicalTypeId::SMALLINT, [&] { return int64_t{value.GetValueUnsafe<int16_t>()}; });
    case TypeKind::kInt:
      return when(id == LogicalTypeId::INTEGER, [&] { return int64_t{value.GetValueUnsafe<int32_t>()}; });
    case TypeKind::kBigInt:
      return when(id == LogicalTypeId::BIGINT, [&] { return value.GetValueUnsafe<int64_t>(); });
    case TypeKind::kFloat:
      return when(id == LogicalTypeId::FLOAT, [&] { return double{value.GetValueUnsafe<float>()}; });
    case TypeKind::kDouble:
      return when(id == LogicalTypeId::DOUBLE, [&] { return value.GetValueUnsafe<double>(); });
    case TypeKind::kChar:
    case TypeKind::kString:
      return when(id == LogicalTypeId::VARCHAR, [&] { return duckdb::StringValue::Get(value); });
    case TypeKind::kBinary:
    case TypeKind::kBytes:
      return when(id == LogicalTypeId::BLOB, [&] { return duckdb::StringValue::Get(value); });
    case TypeKind::kDate:
      // Infinite dates are numbers at the ends of the range, to tables as to DuckDB.
      return when(id == LogicalTypeId::DATE, [&] { return int64_t{value.GetValueUnsafe<int32_t>()}; });
    case TypeKind::kDecimal: {
      uint8_t width = 0;
      uint8_t scale = 0;
      if (id != LogicalTypeId::DECIMAL || !value.type().GetDecimalProperties(width, scale) || scale != type.scale) {
        return std::nullopt;
      }
      const duckdb::hugeint_t number =
          value.DefaultCastAs(duckdb::LogicalType::DECIMAL(38, scale)).GetValueUnsafe<duckdb::hugeint_t>();
      return Datum{(static_cast<format::Int128>(number.upper) << 64) | static_cast<format::Int128>(number.lower)};
    }
    case TypeKind::kTimestamp:
      if (id == LogicalTypeId::TIMESTAMP_SEC) return Datum{Moment(value.GetValueUnsafe<int64_t>(), 1)};
      if (id == LogicalTypeId::TIMESTAMP_MS) return Datum{Moment(value.GetValueUnsafe<int64_t>(), 1'000)};
      if (id == LogicalTypeId::TIMESTAMP) return Datum{Moment(value.GetValueUnsafe<int64_t>(), 1'000'000)};
      if (id == LogicalTypeId::TIMESTAMP_NS) return Datum{Moment(value.GetValueUnsafe<int64_t>(), 1'000'000'000)};
      return std::nullopt;
    case TypeKind::kTimestampLtz:
      // Finer than DuckDB's microseconds: what it sees is not what is compared.
      return when(id == LogicalTypeId::TIMESTAMP_TZ && type.precision <= 6,
                  [&] { return Moment(value.GetValueUnsafe<int64_t>(), 1'000'000); });
    default:
      return std::nullopt;  // TIME is kept in milliseconds, of which DuckDB's microseconds may be a part
  }
}

std::optional<LeafFunction> FunctionOf(ExpressionType type) {
  switch (type) {
    case ExpressionType::COMPARE_EQUAL:
      return LeafFunction::kEqual;
    case ExpressionType::COMPARE_NOTEQUAL:
      return LeafFunction::kNotEqual;
    case ExpressionType::COMPARE_LESSTHAN:
      return LeafFunction::kLessThan;
    case ExpressionType::COMPARE_LESSTHANOREQUALTO:
      return LeafFunction::kLessOrEqual;
    case ExpressionType::COMPARE_GREATERTHAN:
      return LeafFunction::kGreaterThan;
    case ExpressionType::COMPARE_GREATERTHANOREQUALTO:
      return LeafFunction::kGreaterOrEqual;
    default:
      return std::nullopt;
  }
}

class Translation {
 public:
  Translation(const duckdb::LogicalGet& get, const schema::Schema& columns) : get_(get), columns_(columns) {}

  std::optional<Predicate> Of(const duckdb::Expression& expression) const {
    switch (expression.GetExpressionClass()) {
      case duckdb::ExpressionClass::BOUND_COMPARISON:
        return Comparison(expression.Cast<duckdb::BoundComparisonExpression>());
      case duckdb::ExpressionClass::BOUND_CONJUNCTION:
        return Conjunction(expression.Cast<duckdb::BoundConjunctionExpression>());
      case duckdb::ExpressionClass::BOUND_BETWEEN:
        return Between(expression.Cast<duckdb::BoundBetweenExpression>());
      case duckdb::ExpressionClass::BOUND_OPERATOR:
        return Operator(expression.Cast<duckdb::BoundOperatorExpression>());
      case duckdb::ExpressionClass::BOUND_FUNCTION:
        return Function(expression.Cast<duckdb::BoundFunctionExpression>());
      default:
        return std::nullopt;
    }
  }

 private:
  const schema::Column* ColumnOf(const duckdb::Expression& expression) const {
    if (expression.GetExpressionClass() != duckdb::ExpressionClass::BOUND_COLUMN_REF) return nullptr;
    const auto& binding = expression.Cast<duckdb::BoundColumnRefExpression>().binding;
    const auto& ids = get_.GetColumnIds();
    if (binding.table_index != get_.table_index || binding.column_index >= ids.size()) return nullptr;
    const auto position = ids[binding.column_index].GetPrimaryIndex();
    return position < columns_.column_count() ? &columns_.columns()[position] : nullptr;
  }

  std::optional<Predicate> Leaf(const duckdb::Expression& column, LeafFunction function,
                                const duckdb::Expression& constant) const {
    const schema::Column* of = ColumnOf(column);
    if (of == nullptr || constant.GetExpressionClass() != duckdb::ExpressionClass::BOUND_CONSTANT) return std::nullopt;
    auto literal = ToDatum(constant.Cast<duckdb::BoundConstantExpression>().value, of->type);
    if (!literal) return std::nullopt;
    return Predicate::Leaf(function, of->id, {*std::move(literal)});
  }

  std::optional<Predicate> Comparison(const duckdb::BoundComparisonExpression& comparison) const {
    const auto type = comparison.GetExpressionType();
    if (const auto function = FunctionOf(type)) {
      if (auto leaf = Leaf(*comparison.left, *function, *comparison.right)) return leaf;
    }
    if (const auto function = FunctionOf(duckdb::FlipComparisonExpression(type))) {
      return Leaf(*comparison.right, *function, *comparison.left);
    }
    return std::nullopt;
  }

  std::optional<Predicate> Conjunction(const duckdb::BoundConjunctionExpression& conjunction) const {
    std::vector<Predicate> children;
    for (const auto& child : conjunction.children) {
      auto made = Of(*child);
      if (!made) return std::nullopt;
      children.push_back(*std::move(made));
    }
    return conjunction.GetExpressionType() == ExpressionType::CONJUNCTION_AND ? Predicate::And(std::move(children))
                                                                              : Predicate::Or(std::move(children));
  }

  std::optional<Predicate> Between(const duckdb::BoundBetweenExpression& between) const {
    auto lower =
        Leaf(*between.input, between.lower_inclusive ? LeafFunction::kGreaterOrEqual : LeafFunction::kGreaterThan,
             *between.lower);
    auto upper = Leaf(*between.input, between.upper_inclusive ? LeafFunction::kLessOrEqual : LeafFunction::kLessThan,
                      *between.upper);
    if (!lower || !upper) return std::nullopt;
    return Predicate::And({*std::move(lower), *std::move(upper)});
  }

  std::optional<Predicate> Operator(const duckdb::BoundOperatorExpression& op) const {
    const auto type = op.GetExpressionType();
    const schema::Column* column = op.children.empty() ? nullptr : ColumnOf(*op.children[0]);
    if (column == nullptr) return std::nullopt;
    if (type == ExpressionType::OPERATOR_IS_NULL) return Predicate::Leaf(LeafFunction::kIsNull, column->id, {});
    if (type == ExpressionType::OPERATOR_IS_NOT_NULL) return Predicate::Leaf(LeafFunction::kIsNotNull, column->id, {});
    if (type != ExpressionType::COMPARE_IN && type != ExpressionType::COMPARE_NOT_IN) return std::nullopt;
    auto leaf =
        Predicate::Leaf(type == ExpressionType::COMPARE_IN ? LeafFunction::kIn : LeafFunction::kNotIn, column->id, {});
    for (size_t i = 1; i < op.children.size(); ++i) {
      auto one = Leaf(*op.children[0], LeafFunction::kEqual, *op.children[i]);
      if (!one) return std::nullopt;
      leaf.literals.push_back(std::move(one->literals[0]));
    }
    return leaf;
  }

  std::optional<Predicate> Function(const duckdb::BoundFunctionExpression& call) const {
    static const std::map<std::string_view, LeafFunction> kFunctions = {
        {"prefix", LeafFunction::kStartsWith}, {"starts_with", LeafFunction::kStartsWith},
        {"^@", LeafFunction::kStartsWith},     {"contains", LeafFunction::kContains},
        {"suffix", LeafFunction::kEndsWith},   {"ends_with", LeafFunction::kEndsWith}};
    const auto function = kFunctions.find(call.function.name);
    if (function == kFunctions.end() || call.children.size() != 2 ||
        call.children[0]->return_type.id() != LogicalTypeId::VARCHAR) {
      return std::nullopt;
    }
    return Leaf(*call.children[0], function->second, *call.children[1]);
  }

  const duckdb::LogicalGet& get_;
  const schema::Schema& columns_;
};

}  // namespace

std::optional<Predicate> ToPredicate(const duckdb::Expression& expression, const duckdb::LogicalGet& get,
                                     const schema::Schema& columns) {
  return Translation(get, columns).Of(expression);
}

}  // namespace thalweg::sql
