#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "thalweg/format/datum.h"

namespace thalweg::format {

/// What a leaf asks of a column; the numbers are those of the wire.
enum class LeafFunction : uint8_t {
  kEqual = 0,
  kNotEqual = 1,
  kLessThan = 2,
  kLessOrEqual = 3,
  kGreaterThan = 4,
  kGreaterOrEqual = 5,
  kIsNull = 6,
  kIsNotNull = 7,
  kStartsWith = 8,
  kContains = 9,
  kEndsWith = 10,
  kIn = 11,
  kNotIn = 12,
};
inline constexpr int kLeafFunctionMax = 12;

/// A condition on rows, as readers send it along with a fetch: a leaf, or a conjunction or disjunction of others.
struct Predicate {
  enum class Kind : uint8_t { kLeaf, kAnd, kOr };

  Kind kind = Kind::kLeaf;
  LeafFunction function = LeafFunction::kIsNotNull;
  int32_t column_id = -1;       ///< of a leaf: id, not position, of its column in the filter's schema
  std::vector<Datum> literals;  ///< of a leaf: none for the null tests, any number for IN and NOT IN, else one
  std::vector<Predicate> children;

  static Predicate Leaf(LeafFunction function, int32_t column_id, std::vector<Datum> literals) {
    return {Kind::kLeaf, function, column_id, std::move(literals), {}};
  }
  static Predicate And(std::vector<Predicate> children) { return {Kind::kAnd, {}, -1, {}, std::move(children)}; }
  static Predicate Or(std::vector<Predicate> children) { return {Kind::kOr, {}, -1, {}, std::move(children)}; }
};

}  // namespace thalweg::format
