#include <cmath>
#include <compare>
#include <limits>
#include <optional>
#include <utility>

#include "arrow/util/decimal.h"
#include "thalweg/base/error.h"
#include "thalweg/kv/bitmap_union.h"
#include "thalweg/kv/row_combiner.h"
#include "thalweg/schema/agg_function.h"

namespace thalweg::kv {
namespace {

using format::Int128;
using format::RowView;
using format::RowWriter;
using schema::TypeKind;
using Outcome = RowCombiner::Outcome;

constexpr int32_t kCompactDigits = 18;
constexpr const char* kDefaultDelimiter = ",";

enum class Function : uint8_t {
  kSum,
  kProduct,
  kMax,
  kMin,
  kLastValue,
  kLastValueIgnoreNulls,
  kFirstValue,
  kConcatenate,
  kAnd,
  kOr,
  kBitmap32,
  kBitmap64,
};

struct NamedFunction {
  std::string_view name;
  Function function;
};

constexpr NamedFunction kFunctions[] = {
    {"sum", Function::kSum},
    {"product", Function::kProduct},
    {"max", Function::kMax},
    {"min", Function::kMin},
    {"last_value", Function::kLastValue},
    {"last_value_ignore_nulls", Function::kLastValueIgnoreNulls},
    // Fluss keeps the first value that is not null for both.
    {"first_value", Function::kFirstValue},
    {"first_value_ignore_nulls", Function::kFirstValue},
    {"listagg", Function::kConcatenate},
    {"string_agg", Function::kConcatenate},
    {"bool_and", Function::kAnd},
    {"bool_or", Function::kOr},
    {"rbm32", Function::kBitmap32},
    {"rbm64", Function::kBitmap64},
};

struct ColumnRule {
  std::string name;
  Function function = Function::kLastValueIgnoreNulls;
  std::string delimiter = kDefaultDelimiter;
};

arrow::Result<ColumnRule> RuleOf(const schema::Column& column, bool is_key) {
  ColumnRule rule{.name = column.name};
  if (is_key) {
    rule.function = Function::kLastValue;
    return rule;
  }
  if (!column.agg_function) return rule;
  ARROW_RETURN_NOT_OK(schema::CheckAggFunction(*column.agg_function, column.type));
  const std::string name = schema::NormalAggName(column.agg_function->type);
  for (const NamedFunction& known : kFunctions) {
    if (known.name == name) rule.function = known.function;
  }
  const auto delimiter = column.agg_function->parameters.find("delimiter");
  if (delimiter != column.agg_function->parameters.end()) rule.delimiter = delimiter->second;
  return rule;
}

Int128 PowerOfTen(int32_t digits) {
  Int128 power = 1;
  for (; digits > 0; --digits) power *= 10;
  return power;
}

bool HasMoreDigits(Int128 unscaled, int32_t precision) {
  const Int128 bound = PowerOfTen(precision);
  return unscaled >= bound || unscaled <= -bound;
}

std::optional<Int128> DecimalSum(Int128 a, Int128 b, int32_t precision) {
  Int128 sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  if (precision <= kCompactDigits) {
    // Fluss adds these as longs, and looks at the precision only where that overflows.
    const bool fits = sum >= std::numeric_limits<int64_t>::min() && sum <= std::numeric_limits<int64_t>::max();
    return fits ? std::optional(sum) : std::nullopt;
  }
  return HasMoreDigits(sum, precision) ? std::nullopt : std::optional(sum);
}

arrow::Decimal256 Wide(Int128 value) {
  return arrow::Decimal256(arrow::BasicDecimal128(static_cast<int64_t>(value >> 64), static_cast<uint64_t>(value)));
}

std::optional<Int128> DecimalProduct(Int128 a, Int128 b, int32_t precision, int32_t scale) {
  // At most 76 digits: they fit.
  arrow::Decimal256 product(Wide(a) * Wide(b));
  if (scale > 0) product = arrow::Decimal256(product.ReduceScaleBy(scale, /*round=*/true));
  if (!product.FitsInPrecision(precision)) return std::nullopt;
  const auto& words = product.little_endian_array();
  return static_cast<Int128>((static_cast<unsigned __int128>(words[1]) << 64) | words[0]);
}

/// As Java orders them: −0 below 0, NaN above all.
std::weak_ordering CompareFloating(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) <=> std::isnan(b);
  if (a != b) return a < b ? std::weak_ordering::less : std::weak_ordering::greater;
  return std::signbit(b) <=> std::signbit(a);
}

std::weak_ordering Compare(const RowView& a, const RowView& b, size_t column) {
  switch (a.type(column).kind) {
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      return CompareFloating(a.Floating(column), b.Floating(column));
    case TypeKind::kDecimal: {
      const Int128 left = a.Decimal(column);
      const Int128 right = b.Decimal(column);
      return left < right ? std::weak_ordering::less
                          : (right < left ? std::weak_ordering::greater : std::weak_ordering::equivalent);
    }
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
      return a.Timestamp(column) <=> b.Timestamp(column);
    case TypeKind::kChar:
    case TypeKind::kString:
      return a.Text(column) <=> b.Text(column);  // of bytes, unsigned
    default:
      return a.Integer(column) <=> b.Integer(column);
  }
}

class AggregatedRow final : public RowCombiner {
 public:
  AggregatedRow(std::vector<ColumnRule> rules, std::vector<bool> targets, std::unique_ptr<RowCombiner> partial)
      : rules_(std::move(rules)), targets_(std::move(targets)), partial_(std::move(partial)) {}

  arrow::Result<Outcome> Update(const RowView& old, const RowView& fresh, RowWriter* out) override {
    out->Start();
    for (size_t i = 0; i < rules_.size(); ++i) {
      if (targets_.empty() || targets_[i]) {
        ARROW_RETURN_NOT_OK(Combine(rules_[i], old, fresh, i, out));
      } else {
        out->Copy(old, i);
      }
    }
    return Outcome::kWritten;
  }

  arrow::Result<Outcome> Remove(const RowView& old, RowWriter* out) override {
    if (!partial_) return Outcome::kGone;
    return partial_->Remove(old, out);
  }

 private:
  arrow::Status Combine(const ColumnRule& rule, const RowView& old, const RowView& fresh, size_t column,
                        RowWriter* out);
  arrow::Status Sum(const RowView& old, const RowView& fresh, size_t column, RowWriter* out);
  arrow::Status Multiply(const RowView& old, const RowView& fresh, size_t column, RowWriter* out);
  /// Null where it has too many digits; INVALID_TABLE where the column takes none.
  arrow::Status WriteDecimal(const std::optional<Int128>& value, const schema::DataType& type, size_t column,
                             RowWriter* out) const;

  const std::vector<ColumnRule> rules_;
  const std::vector<bool> targets_;             // empty: all
  const std::unique_ptr<RowCombiner> partial_;  // with targets: for deletes
  std::vector<uint8_t> bytes_;
};

arrow::Status AggregatedRow::Combine(const ColumnRule& rule, const RowView& old, const RowView& fresh, size_t column,
                                     RowWriter* out) {
  if (rule.function == Function::kLastValue || old.IsNull(column)) {
    out->Copy(fresh, column);
    return arrow::Status::OK();
  }
  if (fresh.IsNull(column)) {
    out->Copy(old, column);
    return arrow::Status::OK();
  }
  switch (rule.function) {
    case Function::kSum:
      return Sum(old, fresh, column, out);
    case Function::kProduct:
      return Multiply(old, fresh, column, out);
    case Function::kMax:
      out->Copy(Compare(old, fresh, column) < 0 ? fresh : old, column);
      break;
    case Function::kMin:
      out->Copy(Compare(old, fresh, column) < 0 ? old : fresh, column);
      break;
    case Function::kLastValue:
    case Function::kLastValueIgnoreNulls:
      out->Copy(fresh, column);
      break;
    case Function::kFirstValue:
      out->Copy(old, column);
      break;
    case Function::kConcatenate: {
      const ByteView first = old.Bytes(column);
      const ByteView second = fresh.Bytes(column);
      bytes_.assign(first.begin(), first.end());
      bytes_.insert(bytes_.end(), rule.delimiter.begin(), rule.delimiter.end());
      bytes_.insert(bytes_.end(), second.begin(), second.end());
      return out->Bytes(bytes_);
    }
    case Function::kAnd:
      out->Integer(old.Boolean(column) && fresh.Boolean(column));
      break;
    case Function::kOr:
      out->Integer(old.Boolean(column) || fresh.Boolean(column));
      break;
    case Function::kBitmap32:
      ARROW_RETURN_NOT_OK(UnionBitmaps32(old.Bytes(column), fresh.Bytes(column), &bytes_));
      return out->Bytes(bytes_);
    case Function::kBitmap64:
      ARROW_RETURN_NOT_OK(UnionBitmaps64(old.Bytes(column), fresh.Bytes(column), &bytes_));
      return out->Bytes(bytes_);
  }
  return arrow::Status::OK();
}

arrow::Status AggregatedRow::WriteDecimal(const std::optional<Int128>& value, const schema::DataType& type,
                                          size_t column, RowWriter* out) const {
  if (value) {
    out->Decimal(*value);
  } else if (type.nullable) {
    out->Null();
  } else {
    return Error(
        ErrorCode::kInvalidTable,
        "What becomes of column '{}' has too many digits for {}, and the column takes no null: put smaller values, or "
        "make a table with a wider column.",
        rules_[column].name, type);
  }
  return arrow::Status::OK();
}

arrow::Status AggregatedRow::Sum(const RowView& old, const RowView& fresh, size_t column, RowWriter* out) {
  const schema::DataType& type = old.type(column);
  switch (type.kind) {
    case TypeKind::kFloat:
      out->Floating(static_cast<float>(old.Floating(column)) + static_cast<float>(fresh.Floating(column)));
      break;
    case TypeKind::kDouble:
      out->Floating(old.Floating(column) + fresh.Floating(column));
      break;
    case TypeKind::kDecimal:
      return WriteDecimal(DecimalSum(old.Decimal(column), fresh.Decimal(column), type.precision), type, column, out);
    default:  // the writer cuts it to the type's bits
      out->Integer(static_cast<int64_t>(static_cast<uint64_t>(old.Integer(column)) +
                                        static_cast<uint64_t>(fresh.Integer(column))));
  }
  return arrow::Status::OK();
}

arrow::Status AggregatedRow::Multiply(const RowView& old, const RowView& fresh, size_t column, RowWriter* out) {
  const schema::DataType& type = old.type(column);
  switch (type.kind) {
    case TypeKind::kFloat:
      out->Floating(static_cast<float>(old.Floating(column)) * static_cast<float>(fresh.Floating(column)));
      break;
    case TypeKind::kDouble:
      out->Floating(old.Floating(column) * fresh.Floating(column));
      break;
    case TypeKind::kDecimal:
      return WriteDecimal(DecimalProduct(old.Decimal(column), fresh.Decimal(column), type.precision, type.scale), type,
                          column, out);
    default:
      out->Integer(static_cast<int64_t>(static_cast<uint64_t>(old.Integer(column)) *
                                        static_cast<uint64_t>(fresh.Integer(column))));
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<std::unique_ptr<RowCombiner>> MakeAggregatedRow(const schema::Schema& schema, std::vector<bool> targets) {
  std::vector<bool> is_key(schema.column_count());
  for (const size_t index : schema.PrimaryKeyIndexes()) is_key[index] = true;
  std::vector<ColumnRule> rules;
  for (size_t i = 0; i < schema.column_count(); ++i) {
    ARROW_ASSIGN_OR_RAISE(rules.emplace_back(), RuleOf(schema.columns()[i], is_key[i]));
  }
  std::unique_ptr<RowCombiner> partial = targets.empty() ? nullptr : MakePartialRow(schema, targets);
  return std::make_unique<AggregatedRow>(std::move(rules), std::move(targets), std::move(partial));
}

}  // namespace thalweg::kv
