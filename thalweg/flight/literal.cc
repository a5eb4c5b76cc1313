#include "thalweg/flight/literal.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/array/array_base.h"
#include "arrow/array/util.h"
#include "arrow/scalar.h"
#include "arrow/type.h"
#include "arrow/util/decimal.h"
#include "proto/thalweg/flight/v1/flight.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_datum.h"
#include "thalweg/schema/arrow_mapping.h"

namespace thalweg::flight {
namespace {

using format::Datum;
using schema::TypeKind;

__extension__ typedef unsigned __int128 UInt128;

constexpr int64_t kMicrosPerMilli = 1'000;
constexpr int32_t kNanosPerMicro = 1'000;

arrow::Status NotOfType(const schema::DataType& type, std::string_view what) {
  return Error(ErrorCode::kInvalidScanRequest, "{} is no literal for {}: {}.", what, type,
               type.IsNested() ? "only the null tests are for such a column" : "give it as text, or as its own type");
}

/// Whether a text ends as a moment does: "…Z", "…+02:00", "…-0500".
bool HasZone(std::string_view text) {
  if (text.ends_with('Z') || text.ends_with('z')) return true;
  const size_t time = text.find(':');
  return time != std::string_view::npos && text.find_first_of("+-", time) != std::string_view::npos;
}

/// What Arrow makes of the text.
arrow::Result<Datum> Parsed(const std::string& text, const schema::DataType& type) {
  auto arrow_type = schema::ToArrowType(type);
  if (type.kind == TypeKind::kTimestampLtz && HasZone(text)) {
    arrow_type = arrow::timestamp(static_cast<const arrow::TimestampType&>(*arrow_type).unit(), "UTC");
  }
  auto scalar = arrow::Scalar::Parse(arrow_type, text);
  if (!scalar.ok()) return NotOfType(type, fmt::format("\"{}\"", text.substr(0, 64)));
  ARROW_ASSIGN_OR_RAISE(const auto array, arrow::MakeArrayFromScalar(**scalar, 1));
  return format::DatumAt(*array, 0);
}

arrow::Result<Datum> OfDecimal(const std::string& text, const schema::DataType& type) {
  arrow::Decimal128 value;
  int32_t scale = 0;
  auto status = arrow::Decimal128::FromString(text, &value, nullptr, &scale);
  if (status.ok()) status = value.Rescale(scale, type.scale).Value(&value);
  if (!status.ok()) return NotOfType(type, fmt::format("\"{}\"", text.substr(0, 64)));
  const auto high = static_cast<UInt128>(static_cast<uint64_t>(value.high_bits()));
  return Datum{static_cast<format::Int128>(high << 64 | value.low_bits())};
}

arrow::Result<Datum> OfText(const std::string& text, const schema::DataType& type) {
  switch (type.kind) {
    case TypeKind::kChar:
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kBytes:
      return Datum{text};
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kRow:
      return NotOfType(type, "A text");
    case TypeKind::kDecimal:
      return OfDecimal(text, type);
    default:
      return Parsed(text, type);
  }
}

arrow::Result<Datum> OfInteger(int64_t value, const schema::DataType& type) {
  switch (type.kind) {
    case TypeKind::kTinyInt:
    case TypeKind::kSmallInt:
    case TypeKind::kInt:
    case TypeKind::kBigInt:
    case TypeKind::kDate:
    case TypeKind::kTime:
      return Datum{value};
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      return Datum{static_cast<double>(value)};
    case TypeKind::kDecimal: {
      format::Int128 unscaled = value;
      for (int32_t i = 0; i < type.scale; ++i) {
        if (__builtin_mul_overflow(unscaled, static_cast<format::Int128>(10), &unscaled)) {
          return NotOfType(type, fmt::format("{}", value));
        }
      }
      return Datum{unscaled};
    }
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: {
      int64_t millis = value / kMicrosPerMilli;
      if (value % kMicrosPerMilli < 0) --millis;
      const auto micros = static_cast<int32_t>(value - millis * kMicrosPerMilli);
      return Datum{format::TimestampValue{millis, micros * kNanosPerMicro}};
    }
    default:
      return NotOfType(type, "An integer");
  }
}

arrow::Result<format::LeafFunction> FunctionOf(v1::Predicate::Function function) {
  using format::LeafFunction;
  // Theirs are one more, so that a function that was not given is none.
  static_assert(v1::Predicate::EQUAL == static_cast<int>(LeafFunction::kEqual) + 1 &&
                v1::Predicate::GREATER_OR_EQUAL == static_cast<int>(LeafFunction::kGreaterOrEqual) + 1 &&
                v1::Predicate::STARTS_WITH == static_cast<int>(LeafFunction::kStartsWith) + 1 &&
                v1::Predicate::NOT_IN == static_cast<int>(LeafFunction::kNotIn) + 1);
  const int number = static_cast<int>(function) - 1;
  if (number < 0 || number > format::kLeafFunctionMax) {
    return Error(ErrorCode::kInvalidScanRequest, "A condition has the function {}, which this version does not know.",
                 static_cast<int>(function));
  }
  return static_cast<LeafFunction>(number);
}

arrow::Result<format::Predicate> LeafOf(const v1::Predicate::Leaf& leaf, const schema::Schema& schema) {
  using format::LeafFunction;
  ARROW_ASSIGN_OR_RAISE(const auto function, FunctionOf(leaf.function()));
  const auto index = schema.IndexOf(leaf.column());
  if (!index) {
    return Error(ErrorCode::kInvalidColumnProjection, "A condition is about \"{}\", which is no column of the table.",
                 leaf.column());
  }
  const bool none = function == LeafFunction::kIsNull || function == LeafFunction::kIsNotNull;
  const bool any = function == LeafFunction::kIn || function == LeafFunction::kNotIn;
  if (!any && leaf.literals_size() != (none ? 0 : 1)) {
    return Error(ErrorCode::kInvalidScanRequest, "A condition on {} has {} literals, it takes {}.", leaf.column(),
                 leaf.literals_size(), none ? "none" : "one");
  }
  const auto& column = schema.columns()[*index];
  std::vector<Datum> literals;
  for (const auto& literal : leaf.literals()) {
    ARROW_ASSIGN_OR_RAISE(literals.emplace_back(), DatumOf(literal, column.type));
  }
  return format::Predicate::Leaf(function, column.id, std::move(literals));
}

arrow::Result<format::Predicate> Node(const v1::Predicate& predicate, const schema::Schema& schema, int depth) {
  if (depth > kPredicateDepthMax) {
    return Error(ErrorCode::kInvalidScanRequest, "The condition nests more than {} deep.", kPredicateDepthMax);
  }
  if (predicate.has_leaf()) return LeafOf(predicate.leaf(), schema);
  if (!predicate.has_all_of() && !predicate.has_any_of()) {
    return Error(ErrorCode::kInvalidScanRequest, "A condition is empty: give it a leaf, all_of or any_of.");
  }
  const auto& list = predicate.has_all_of() ? predicate.all_of() : predicate.any_of();
  if (list.predicates().empty()) {
    return Error(ErrorCode::kInvalidScanRequest, "all_of or any_of of a condition has nothing in it.");
  }
  std::vector<format::Predicate> children;
  for (const auto& child : list.predicates()) {
    ARROW_ASSIGN_OR_RAISE(children.emplace_back(), Node(child, schema, depth + 1));
  }
  return predicate.has_all_of() ? format::Predicate::And(std::move(children))
                                : format::Predicate::Or(std::move(children));
}

}  // namespace

arrow::Result<Datum> DatumOf(const v1::Literal& literal, const schema::DataType& type) {
  switch (literal.value_case()) {
    case v1::Literal::kBoolean:
      if (type.kind != TypeKind::kBoolean) return NotOfType(type, "A boolean");
      return Datum{literal.boolean()};
    case v1::Literal::kInteger:
      return OfInteger(literal.integer(), type);
    case v1::Literal::kNumber:
      if (type.kind == TypeKind::kFloat || type.kind == TypeKind::kDouble) return Datum{literal.number()};
      return NotOfType(type, "A floating-point number");
    case v1::Literal::kText:
      return OfText(literal.text(), type);
    case v1::Literal::kBinary:
      if (type.kind != TypeKind::kBinary && type.kind != TypeKind::kBytes) return NotOfType(type, "A byte string");
      return Datum{literal.binary()};
    case v1::Literal::VALUE_NOT_SET:
      break;
  }
  return Error(ErrorCode::kInvalidScanRequest,
               "A literal of a condition has no value; to look for nulls there are IS_NULL and IS_NOT_NULL.");
}

arrow::Result<format::Predicate> PredicateOf(const v1::Predicate& predicate, const schema::Schema& schema) {
  return Node(predicate, schema, 1);
}

}  // namespace thalweg::flight
