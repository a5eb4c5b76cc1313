#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow/array/array_binary.h"
#include "arrow/array/array_decimal.h"
#include "arrow/array/array_primitive.h"
#include "arrow/type.h"
#include "arrow/util/decimal.h"
#include "thalweg/base/error.h"
#include "thalweg/query/filter_leaf_internal.h"

namespace thalweg::query {
namespace {

using format::Datum;
using format::Int128;
using format::LeafFunction;
using schema::TypeKind;

constexpr int64_t kNanosPerMilli = 1'000'000;

bool IsSet(LeafFunction function) { return function == LeafFunction::kIn || function == LeafFunction::kNotIn; }

arrow::Status WrongLiteral(const schema::Column& column) {
  return Error(ErrorCode::kInvalidScanRequest, "The filter compares column {} of type {} with a value of another type.",
               column.name, column.type);
}

arrow::Status NoComparison(const schema::Column& column) {
  return Error(ErrorCode::kInvalidScanRequest, "The filter makes a comparison that column {} of type {} does not have.",
               column.name, column.type);
}

/// All values between two, both included; none where the first is above the second. Or all others.
struct Interval {
  Int128 low = 0;
  Int128 high = -1;
  bool inverted = false;
};

constexpr Int128 kLeast = std::numeric_limits<int64_t>::min();
constexpr Int128 kGreatest = std::numeric_limits<int64_t>::max();

/// A literal in the units of its column: the value at or below it, and whether it is that value.
struct Scaled {
  Int128 floor = 0;
  bool exact = true;
};

arrow::Result<Interval> IntervalOf(LeafFunction function, Scaled literal, const schema::Column& column) {
  switch (function) {
    case LeafFunction::kEqual:
      return literal.exact ? Interval{literal.floor, literal.floor} : Interval{};
    case LeafFunction::kNotEqual:
      return literal.exact ? Interval{literal.floor, literal.floor, true} : Interval{.inverted = true};
    case LeafFunction::kLessThan:
      return Interval{kLeast, literal.exact ? literal.floor - 1 : literal.floor};
    case LeafFunction::kLessOrEqual:
      return Interval{kLeast, literal.floor};
    case LeafFunction::kGreaterThan:
      return Interval{literal.floor + 1, kGreatest};
    case LeafFunction::kGreaterOrEqual:
      return Interval{literal.exact ? literal.floor : literal.floor + 1, kGreatest};
    default:
      return NoComparison(column);
  }
}

int64_t NanosPerUnit(int32_t precision) {
  if (precision <= 0) return 1'000'000'000;
  if (precision <= 3) return kNanosPerMilli;
  return precision <= 6 ? 1'000 : 1;
}

arrow::Result<Scaled> ScaledOf(const Datum& literal, const schema::Column& column) {
  const bool stamp = column.type.kind == TypeKind::kTimestamp || column.type.kind == TypeKind::kTimestampLtz;
  if (!stamp && column.type.kind != TypeKind::kTime) {
    const auto* number = literal.get_if<int64_t>();
    if (!number) return WrongLiteral(column);
    return Scaled{*number, true};
  }
  Int128 nanos = 0;
  if (const auto* number = literal.get_if<int64_t>(); number && !stamp) {
    nanos = Int128{*number} * kNanosPerMilli;
  } else if (const auto* time = literal.get_if<format::TimestampValue>(); time && stamp) {
    nanos = Int128{time->millis} * kNanosPerMilli + time->nanos;
  } else {
    return WrongLiteral(column);
  }
  const Int128 unit = NanosPerUnit(column.type.precision);
  Int128 floor = nanos / unit;
  const bool exact = nanos % unit == 0;
  if (!exact && nanos < 0) --floor;
  return Scaled{floor, exact};
}

template <typename Value>
void TestInterval(const Value* values, int64_t count, Interval interval, uint8_t* mask) {
  const Int128 least = std::numeric_limits<Value>::min(), greatest = std::numeric_limits<Value>::max();
  const Int128 low = std::max(interval.low, least), high = std::min(interval.high, greatest);
  const uint8_t outside = interval.inverted ? 1 : 0, inside = 1 - outside;
  if (low > high) {
    std::fill_n(mask, count, outside);
    return;
  }
  const auto from = static_cast<Value>(low), to = static_cast<Value>(high);
  for (int64_t i = 0; i < count; ++i) mask[i] = values[i] >= from && values[i] <= to ? inside : outside;
}

template <typename Value>
void TestSet(const Value* values, int64_t count, const std::vector<int64_t>& sorted, bool inverted, uint8_t* mask) {
  for (int64_t i = 0; i < count; ++i) {
    mask[i] = std::ranges::binary_search(sorted, static_cast<int64_t>(values[i])) != inverted ? 1 : 0;
  }
}

/// Calls `apply` with the values of an array of whole numbers, dates and times among them.
template <typename Apply>
void WithIntegers(const arrow::Array& array, Apply apply) {
  switch (static_cast<const arrow::FixedWidthType&>(*array.type()).bit_width()) {
    case 8:
      return apply(array.data()->GetValues<int8_t>(1));
    case 16:
      return apply(array.data()->GetValues<int16_t>(1));
    case 32:
      return apply(array.data()->GetValues<int32_t>(1));
    default:
      return apply(array.data()->GetValues<int64_t>(1));
  }
}

arrow::Result<LeafTest> IntegerTest(const format::Predicate& leaf, const schema::Column& column) {
  if (!IsSet(leaf.function)) {
    ARROW_ASSIGN_OR_RAISE(const auto literal, ScaledOf(leaf.literals[0], column));
    ARROW_ASSIGN_OR_RAISE(const auto interval, IntervalOf(leaf.function, literal, column));
    return [interval](const arrow::Array& array, uint8_t* mask) {
      WithIntegers(array, [&](const auto* values) { TestInterval(values, array.length(), interval, mask); });
    };
  }
  std::vector<int64_t> sorted;
  for (const auto& each : leaf.literals) {
    ARROW_ASSIGN_OR_RAISE(const auto literal, ScaledOf(each, column));
    if (!literal.exact || literal.floor < kLeast || literal.floor > kGreatest) continue;
    sorted.push_back(static_cast<int64_t>(literal.floor));
  }
  std::ranges::sort(sorted);
  return [sorted = std::move(sorted), inverted = leaf.function == LeafFunction::kNotIn](const arrow::Array& array,
                                                                                        uint8_t* mask) {
    WithIntegers(array, [&](const auto* values) { TestSet(values, array.length(), sorted, inverted, mask); });
  };
}

/// In the order in which NaN is one value above all others.
int CompareDoubles(double a, double b) {
  const bool a_is_nan = std::isnan(a), b_is_nan = std::isnan(b);
  if (a_is_nan || b_is_nan) return static_cast<int>(a_is_nan) - static_cast<int>(b_is_nan);
  return a < b ? -1 : a > b ? 1 : 0;
}
int Compare(double a, double b) { return CompareDoubles(a, b); }
int Compare(Int128 a, Int128 b) { return a < b ? -1 : a > b ? 1 : 0; }
int Compare(std::string_view a, std::string_view b) { return a.compare(b); }

template <typename Literal, typename At, typename Holds>
void TestEach(const arrow::Array& array, At at, const Literal& literal, Holds holds, uint8_t* mask) {
  for (int64_t i = 0; i < array.length(); ++i) mask[i] = holds(Compare(at(i), literal)) ? 1 : 0;
}

/// For the types that are compared one by one. `at(array)` gives a function that gives the value of a row.
template <typename Literal, typename At>
arrow::Result<LeafTest> OrderTest(LeafFunction function, std::vector<Literal> literals, At at,
                                  const schema::Column& column) {
  const auto test = [&](auto holds) -> LeafTest {
    return [literal = std::move(literals[0]), at, holds](const arrow::Array& array, uint8_t* mask) {
      TestEach(array, at(array), literal, holds, mask);
    };
  };
  switch (function) {
    case LeafFunction::kEqual:
      return test([](int order) { return order == 0; });
    case LeafFunction::kNotEqual:
      return test([](int order) { return order != 0; });
    case LeafFunction::kLessThan:
      return test([](int order) { return order < 0; });
    case LeafFunction::kLessOrEqual:
      return test([](int order) { return order <= 0; });
    case LeafFunction::kGreaterThan:
      return test([](int order) { return order > 0; });
    case LeafFunction::kGreaterOrEqual:
      return test([](int order) { return order >= 0; });
    case LeafFunction::kIn:
    case LeafFunction::kNotIn: {
      const auto less = [](const Literal& a, const Literal& b) { return Compare(a, b) < 0; };
      std::sort(literals.begin(), literals.end(), less);
      return [literals = std::move(literals), at, inverted = function == LeafFunction::kNotIn](
                 const arrow::Array& array, uint8_t* mask) {
        const auto value = at(array);
        for (int64_t i = 0; i < array.length(); ++i) {
          const auto here = value(i);
          const auto found = std::partition_point(literals.begin(), literals.end(),
                                                  [&](const Literal& each) { return Compare(here, each) > 0; });
          mask[i] = (found != literals.end() && Compare(here, *found) == 0) != inverted ? 1 : 0;
        }
      };
    }
    default:
      return NoComparison(column);
  }
}

template <typename Stored, typename Literal>
arrow::Result<std::vector<Literal>> LiteralsOf(const format::Predicate& leaf, const schema::Column& column) {
  std::vector<Literal> literals;
  for (const auto& each : leaf.literals) {
    const auto* value = each.get_if<Stored>();
    if (!value) return WrongLiteral(column);
    literals.push_back(static_cast<Literal>(*value));
  }
  return literals;
}

arrow::Result<LeafTest> TextTest(const format::Predicate& leaf, const schema::Column& column) {
  ARROW_ASSIGN_OR_RAISE(auto literals, (LiteralsOf<std::string, std::string>(leaf, column)));
  const bool fixed = column.type.kind == TypeKind::kBinary;
  const auto at = [fixed](const arrow::Array& array) {
    return [&array, fixed](int64_t row) -> std::string_view {
      if (fixed) return static_cast<const arrow::FixedSizeBinaryArray&>(array).GetView(row);
      return static_cast<const arrow::BinaryArray&>(array).GetView(row);
    };
  };
  const auto part = [&](auto holds) -> LeafTest {
    return [literal = literals[0], at, holds](const arrow::Array& array, uint8_t* mask) {
      const auto value = at(array);
      for (int64_t i = 0; i < array.length(); ++i) mask[i] = holds(value(i), literal) ? 1 : 0;
    };
  };
  switch (leaf.function) {
    case LeafFunction::kStartsWith:
      return part([](std::string_view value, const std::string& literal) { return value.starts_with(literal); });
    case LeafFunction::kEndsWith:
      return part([](std::string_view value, const std::string& literal) { return value.ends_with(literal); });
    case LeafFunction::kContains:
      return part([](std::string_view value, const std::string& literal) { return value.contains(literal); });
    default:
      return OrderTest<std::string>(leaf.function, std::move(literals), at, column);
  }
}

arrow::Result<LeafTest> DoubleTest(const format::Predicate& leaf, const schema::Column& column) {
  ARROW_ASSIGN_OR_RAISE(auto literals, (LiteralsOf<double, double>(leaf, column)));
  if (column.type.kind == TypeKind::kFloat) {
    const auto at = [](const arrow::Array& array) {
      return [values = array.data()->GetValues<float>(1)](int64_t row) { return static_cast<double>(values[row]); };
    };
    return OrderTest<double>(leaf.function, std::move(literals), at, column);
  }
  const auto at = [](const arrow::Array& array) {
    return [values = array.data()->GetValues<double>(1)](int64_t row) { return values[row]; };
  };
  return OrderTest<double>(leaf.function, std::move(literals), at, column);
}

arrow::Result<LeafTest> DecimalTest(const format::Predicate& leaf, const schema::Column& column) {
  ARROW_ASSIGN_OR_RAISE(auto literals, (LiteralsOf<Int128, Int128>(leaf, column)));
  const auto at = [](const arrow::Array& array) {
    return [&array](int64_t row) {
      const arrow::Decimal128 value(static_cast<const arrow::Decimal128Array&>(array).GetValue(row));
      return static_cast<Int128>(value.high_bits()) << 64 | static_cast<Int128>(value.low_bits());
    };
  };
  return OrderTest<Int128>(leaf.function, std::move(literals), at, column);
}

arrow::Result<LeafTest> BooleanTest(const format::Predicate& leaf, const schema::Column& column) {
  ARROW_ASSIGN_OR_RAISE(auto literals, (LiteralsOf<bool, bool>(leaf, column)));
  const auto at = [](const arrow::Array& array) {
    return [&array](int64_t row) -> bool { return static_cast<const arrow::BooleanArray&>(array).Value(row); };
  };
  // Not a vector of bools, which has no elements to refer to.
  if (!IsSet(leaf.function)) {
    std::vector<Int128> numbers{literals[0] ? 1 : 0};
    return OrderTest<Int128>(
        leaf.function, std::move(numbers),
        [at](const arrow::Array& array) { return [value = at(array)](int64_t row) { return Int128{value(row)}; }; },
        column);
  }
  const bool inverted = leaf.function == LeafFunction::kNotIn;
  const bool has_true = std::ranges::count(literals, true) > 0, has_false = std::ranges::count(literals, false) > 0;
  return [=](const arrow::Array& array, uint8_t* mask) {
    const auto value = at(array);
    for (int64_t i = 0; i < array.length(); ++i) mask[i] = (value(i) ? has_true : has_false) != inverted ? 1 : 0;
  };
}

/// True of no row.
LeafTest Never() {
  return [](const arrow::Array& array, uint8_t* mask) { std::fill_n(mask, array.length(), uint8_t{0}); };
}

}  // namespace

arrow::Result<LeafTest> MakeLeafTest(const format::Predicate& leaf, const schema::Column& column) {
  format::Predicate told = leaf;
  const auto nulls = std::erase_if(told.literals, [](const Datum& each) { return each.is_null(); });
  if (!IsSet(leaf.function) && leaf.literals.size() != 1) {
    return Error(ErrorCode::kInvalidScanRequest, "The filter compares column {} with {} values: it takes one.",
                 column.name, leaf.literals.size());
  }
  if (nulls > 0 && leaf.function != LeafFunction::kIn) return Never();
  switch (column.type.kind) {
    case TypeKind::kTinyInt:
    case TypeKind::kSmallInt:
    case TypeKind::kInt:
    case TypeKind::kBigInt:
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
      return IntegerTest(told, column);
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      return DoubleTest(told, column);
    case TypeKind::kChar:
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kBytes:
      return TextTest(told, column);
    case TypeKind::kDecimal:
      return DecimalTest(told, column);
    case TypeKind::kBoolean:
      return BooleanTest(told, column);
    default:
      return NoComparison(column);
  }
}

}  // namespace thalweg::query
