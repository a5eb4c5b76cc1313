#include "thalweg/service/predicate_message.h"

#include <utility>
#include <vector>

#include "proto/fluss.pb.h"
#include "thalweg/format/datum.h"

namespace thalweg::service {
namespace {

constexpr int kDepthMax = 32;

enum NodeType : int32_t { kLeafNode = 0, kCompoundNode = 1 };
enum CompoundFunction : int32_t { kAnd = 0, kOr = 1 };

/// A big-endian two's complement number of up to 16 bytes.
std::optional<format::Int128> BigEndian(const std::string& bytes) {
  if (bytes.empty() || bytes.size() > 16) return std::nullopt;
  format::Int128 value = static_cast<int8_t>(bytes[0]) < 0 ? -1 : 0;
  for (const char byte : bytes) value = value * 256 + static_cast<uint8_t>(byte);
  return value;
}

/// The type is told by the field that is set: dates travel as bigint, times as int, decimals by their size.
std::optional<format::Datum> LiteralOf(const pb::PbLiteralValue& literal) {
  format::Datum datum;
  if (literal.is_null()) return datum;
  if (literal.has_boolean_value()) {
    datum.value = literal.boolean_value();
  } else if (literal.has_int_value()) {
    datum.value = static_cast<int64_t>(literal.int_value());
  } else if (literal.has_bigint_value()) {
    datum.value = static_cast<int64_t>(literal.bigint_value());
  } else if (literal.has_float_value()) {
    datum.value = static_cast<double>(literal.float_value());
  } else if (literal.has_double_value()) {
    datum.value = literal.double_value();
  } else if (literal.has_string_value()) {
    datum.value = literal.string_value();
  } else if (literal.has_binary_value()) {
    datum.value = literal.binary_value();
  } else if (literal.has_decimal_value()) {
    datum.value = static_cast<format::Int128>(literal.decimal_value());
  } else if (literal.has_decimal_bytes()) {
    const auto value = BigEndian(literal.decimal_bytes());
    if (!value) return std::nullopt;
    datum.value = *value;
  } else if (literal.has_timestamp_millis_value()) {
    datum.value = format::TimestampValue{.millis = literal.timestamp_millis_value(),
                                         .nanos = literal.timestamp_nano_of_millis_value()};
  } else {
    return std::nullopt;
  }
  return datum;
}

std::optional<format::Predicate> Convert(const pb::PbPredicate& message, int depth) {
  if (depth > kDepthMax) return std::nullopt;
  if (message.type() == kLeafNode && message.has_leaf()) {
    const auto& leaf = message.leaf();
    if (leaf.function() < 0 || leaf.function() > format::kLeafFunctionMax) return std::nullopt;
    std::vector<format::Datum> literals;
    for (const auto& literal : leaf.literals()) {
      auto datum = LiteralOf(literal);
      if (!datum) return std::nullopt;
      literals.push_back(std::move(*datum));
    }
    return format::Predicate::Leaf(static_cast<format::LeafFunction>(leaf.function()), leaf.field_id(),
                                   std::move(literals));
  }
  if (message.type() != kCompoundNode || !message.has_compound()) return std::nullopt;
  std::vector<format::Predicate> children;
  for (const auto& child : message.compound().children()) {
    auto converted = Convert(child, depth + 1);
    if (!converted) return std::nullopt;
    children.push_back(std::move(*converted));
  }
  switch (message.compound().function()) {
    case kAnd:
      return format::Predicate::And(std::move(children));
    case kOr:
      return format::Predicate::Or(std::move(children));
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<format::Predicate> PredicateOf(const pb::PbPredicate& message) { return Convert(message, 0); }

}  // namespace thalweg::service
