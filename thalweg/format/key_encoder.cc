#include "thalweg/format/key_encoder.h"

#include <algorithm>
#include <string>

#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/aligned_row.h"
#include "thalweg/format/compacted_row.h"
#include "thalweg/format/decimal_bytes.h"

namespace thalweg::format {
namespace {

using schema::DataType;
using schema::TypeKind;

arrow::Status NoKey(const DataType& type) {
  return Error(ErrorCode::kInvalidTable, "A value of type {} cannot be a key of this format.", type);
}

std::vector<uint8_t> FromInteger(int64_t value) {
  std::vector<uint8_t> bytes(sizeof value);
  StoreLittle(bytes.data(), value);
  return bytes;
}

arrow::Result<std::vector<uint8_t>> EncodeIceberg(const Datum& value, const DataType& type) {
  constexpr int64_t kMicrosInMilli = 1000;
  switch (type.kind) {
    case TypeKind::kInt:
    case TypeKind::kBigInt:
    case TypeKind::kDate:
      if (const auto* number = value.get_if<int64_t>()) return FromInteger(*number);
      break;
    case TypeKind::kTime:
      if (const auto* number = value.get_if<int64_t>()) return FromInteger(*number * kMicrosInMilli);
      break;
    case TypeKind::kTimestamp:
      if (const auto* time = value.get_if<TimestampValue>()) {
        int64_t micros = 0;
        if (__builtin_mul_overflow(time->millis, kMicrosInMilli, &micros) ||
            __builtin_add_overflow(micros, time->nanos / 1000, &micros)) {
          return NoKey(type);
        }
        return FromInteger(micros);
      }
      break;
    case TypeKind::kDecimal:
      if (const auto* unscaled = value.get_if<Int128>()) {
        const std::string bytes = DecimalToBytes(*unscaled);
        return std::vector<uint8_t>(bytes.begin(), bytes.end());
      }
      break;
    case TypeKind::kChar:
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kBytes:
      if (const auto* text = value.get_if<std::string>()) return std::vector<uint8_t>(text->begin(), text->end());
      break;
    default:
      break;
  }
  return NoKey(type);
}

}  // namespace

arrow::Result<std::vector<uint8_t>> EncodeKey(KeyFormat format, std::span<const Datum> values,
                                              std::span<const DataType> types) {
  if (values.empty() || values.size() != types.size() || std::ranges::any_of(values, &Datum::is_null)) {
    return Error(ErrorCode::kInvalidTable, "A key needs a value for each of its {} columns.", types.size());
  }
  switch (format) {
    case KeyFormat::kPaimon:
      return EncodeAlignedRow(values, types);
    case KeyFormat::kIceberg:
      if (values.size() != 1) return Error(ErrorCode::kInvalidTable, "Iceberg's keys have one column.");
      return EncodeIceberg(values[0], types[0]);
    case KeyFormat::kCompacted:
      break;
  }
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < values.size(); ++i) {
    if (types[i].IsNested()) return NoKey(types[i]);
    ARROW_RETURN_NOT_OK(AppendCompactedValue(values[i], types[i], &bytes));
  }
  return bytes;
}

}  // namespace thalweg::format
