#include "thalweg/format/predicate_filter.h"

#include <algorithm>
#include <cmath>
#include <compare>
#include <cstddef>
#include <string>

#include "thalweg/format/aligned_row.h"

namespace thalweg::format {
namespace {

using schema::TypeKind;

/// What is known of the values of a column in a batch, nulls left out. Each value lies in [min, max]; an end that is null
/// is open.
struct Bounds {
  Datum min;
  Datum max;
  /// The true greatest value may lie less than one unit above `max`: writers cut TIME to milliseconds.
  bool max_is_cut = false;
};

bool IsNan(const Datum& value) { return value.get_if<double>() != nullptr && std::isnan(*value.get_if<double>()); }

/// Unordered where the two are of different types, or NaN is among them.
std::partial_ordering Compare(const Datum& a, const Datum& b) {
  if (a.value.index() != b.value.index()) return std::partial_ordering::unordered;
  if (const auto* number = a.get_if<int64_t>()) return *number <=> *b.get_if<int64_t>();
  if (const auto* number = a.get_if<double>()) return *number <=> *b.get_if<double>();
  // char_traits<char> compares as unsigned bytes, which is the order of UTF-8 and of BYTES.
  if (const auto* text = a.get_if<std::string>()) return *text <=> *b.get_if<std::string>();
  if (const auto* unscaled = a.get_if<Int128>()) return *unscaled <=> *b.get_if<Int128>();
  if (const auto* time = a.get_if<TimestampValue>()) return *time <=> *b.get_if<TimestampValue>();
  if (const auto* truth = a.get_if<bool>()) return *truth <=> *b.get_if<bool>();
  return std::partial_ordering::unordered;
}

/// Equal, whichever order of values the client goes by: some tell −0.0 from 0.0, some do not.
bool IsSame(const Datum& a, const Datum& b) {
  if (Compare(a, b) != 0) return false;
  const auto *x = a.get_if<double>(), *y = b.get_if<double>();
  return x == nullptr || std::signbit(*x) == std::signbit(*y);
}

bool BelowMin(const Datum& literal, const Bounds& bounds) { return Compare(literal, bounds.min) < 0; }
bool AtMin(const Datum& literal, const Bounds& bounds) { return IsSame(literal, bounds.min); }
bool AboveMax(const Datum& literal, const Bounds& bounds) { return Compare(literal, bounds.max) > 0; }
bool AtMax(const Datum& literal, const Bounds& bounds) { return !bounds.max_is_cut && IsSame(literal, bounds.max); }

/// Every value is the literal.
bool AllAre(const Datum& literal, const Bounds& bounds) { return AtMin(literal, bounds) && AtMax(literal, bounds); }

bool Within(const Datum& literal, const Bounds& bounds) {
  return !BelowMin(literal, bounds) && !AboveMax(literal, bounds);
}

bool StartsWithMayMatch(const Datum& literal, const Bounds& bounds) {
  const auto *prefix = literal.get_if<std::string>(), *min = bounds.min.get_if<std::string>(),
             *max = bounds.max.get_if<std::string>();
  if (prefix == nullptr) return true;
  if (max != nullptr && *max < *prefix) return false;
  return min == nullptr || *min <= *prefix || min->starts_with(*prefix);
}

/// For the functions that compare with one literal, which is not null.
bool CompareMayMatch(LeafFunction function, const Datum& literal, const Bounds& bounds) {
  switch (function) {
    case LeafFunction::kEqual:
      return Within(literal, bounds);
    case LeafFunction::kNotEqual:
      return !AllAre(literal, bounds);
    case LeafFunction::kLessThan:
      return !BelowMin(literal, bounds) && !AtMin(literal, bounds);
    case LeafFunction::kLessOrEqual:
      return !BelowMin(literal, bounds);
    case LeafFunction::kGreaterThan:
      return !AboveMax(literal, bounds) && !AtMax(literal, bounds);
    case LeafFunction::kGreaterOrEqual:
      return !AboveMax(literal, bounds);
    case LeafFunction::kStartsWith:
      return StartsWithMayMatch(literal, bounds);
    default:
      return true;  // what a value contains or ends with does not follow from its order
  }
}

bool InMayMatch(const std::vector<Datum>& literals, const Bounds& bounds) {
  return std::ranges::any_of(literals, [&](const Datum& l) { return !l.is_null() && Within(l, bounds); });
}

/// NOT IN with a null among its literals is true of no row.
bool NotInMayMatch(const std::vector<Datum>& literals, const Bounds& bounds) {
  return std::ranges::none_of(literals, [&](const Datum& l) { return l.is_null() || AllAre(l, bounds); });
}

Datum BoundOf(ByteView row, size_t column_count, size_t column, const schema::DataType& type) {
  const auto view = AlignedRowView::Make(row, column_count);
  if (!view.ok()) return Datum{};
  const auto value = view->Get(column, type);
  // A NaN at either end says nothing about the others: writers order it differently.
  return value.ok() && !IsNan(*value) ? *value : Datum{};
}

bool IsSameType(const schema::DataType& a, const schema::DataType& b) {
  return a.kind == b.kind && a.precision == b.precision && a.scale == b.scale;
}

}  // namespace

BatchFilter::BatchFilter(const Predicate& predicate, const schema::Schema& filter_schema,
                         const schema::Schema& batch_schema)
    : root_(Resolve(predicate, filter_schema, batch_schema)) {}

BatchFilter::Node BatchFilter::Resolve(const Predicate& predicate, const schema::Schema& filter_schema,
                                       const schema::Schema& batch_schema) {
  Node node;
  node.kind = predicate.kind;
  node.function = predicate.function;
  node.literals = predicate.literals;
  for (const Predicate& child : predicate.children) {
    node.children.push_back(Resolve(child, filter_schema, batch_schema));
  }
  if (predicate.kind != Predicate::Kind::kLeaf) return node;
  const auto in_filter = filter_schema.IndexOfId(predicate.column_id);
  const auto in_batch = batch_schema.IndexOfId(predicate.column_id);
  if (!in_filter || !in_batch) return node;
  const schema::DataType& type = batch_schema.columns()[*in_batch].type;
  if (!IsSameType(type, filter_schema.columns()[*in_filter].type)) return node;
  node.position = static_cast<int>(*in_batch);
  node.type = type;
  return node;
}

bool BatchFilter::MayMatch(const StatisticsView& statistics, int32_t record_count) const {
  return NodeMayMatch(root_, statistics, record_count);
}

bool BatchFilter::NodeMayMatch(const Node& node, const StatisticsView& statistics, int32_t record_count) {
  const auto may_match = [&](const Node& child) { return NodeMayMatch(child, statistics, record_count); };
  switch (node.kind) {
    case Predicate::Kind::kLeaf:
      return LeafMayMatch(node, statistics, record_count);
    case Predicate::Kind::kAnd:
      return std::ranges::all_of(node.children, may_match);
    case Predicate::Kind::kOr:
      return node.children.empty() || std::ranges::any_of(node.children, may_match);
  }
  return true;
}

bool BatchFilter::LeafMayMatch(const Node& leaf, const StatisticsView& statistics, int32_t record_count) {
  const int index = leaf.position < 0 ? -1 : statistics.IndexOf(leaf.position);
  if (index < 0) return true;
  const auto column = static_cast<size_t>(index);
  const int32_t null_count = statistics.null_count(column);
  if (null_count < 0 || null_count > record_count) return true;
  if (leaf.function == LeafFunction::kIsNull) return null_count > 0;
  // Nothing but the null test is true of a null.
  if (null_count == record_count) return false;
  if (leaf.function == LeafFunction::kIsNotNull) return true;

  const Bounds bounds{BoundOf(statistics.min_row(), statistics.column_count(), column, leaf.type),
                      BoundOf(statistics.max_row(), statistics.column_count(), column, leaf.type),
                      leaf.type.kind == TypeKind::kTime && leaf.type.precision > 3};
  if (std::ranges::any_of(leaf.literals, IsNan)) return true;
  if (leaf.function == LeafFunction::kIn) return InMayMatch(leaf.literals, bounds);
  if (leaf.function == LeafFunction::kNotIn) return NotInMayMatch(leaf.literals, bounds);
  if (leaf.literals.empty()) return true;
  const Datum& literal = leaf.literals.front();
  return !literal.is_null() && CompareMayMatch(leaf.function, literal, bounds);
}

}  // namespace thalweg::format
