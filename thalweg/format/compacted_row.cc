#include "thalweg/format/compacted_row.h"

#include <bit>
#include <string>

#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/base/varint.h"
#include "thalweg/format/decimal_bytes.h"
#include "thalweg/format/row_format.h"
#include "thalweg/format/slot_codec_internal.h"

namespace thalweg::format {
namespace {

using schema::DataType;
using schema::TypeKind;

void AppendVarint(uint64_t value, std::vector<uint8_t>* out) {
  uint8_t buffer[kVarintBytesMax];
  out->insert(out->end(), buffer, buffer + PutVarint(buffer, value));
}

template <typename T>
void AppendFixed(T value, std::vector<uint8_t>* out) {
  const size_t at = out->size();
  out->resize(at + sizeof value);
  StoreLittle(out->data() + at, value);
}

void AppendSized(ByteView bytes, std::vector<uint8_t>* out) {
  AppendVarint(bytes.size(), out);
  out->insert(out->end(), bytes.begin(), bytes.end());
}

void AppendBigInt(int64_t value, std::vector<uint8_t>* out) { AppendVarint(static_cast<uint64_t>(value), out); }

void AppendInt(int64_t value, std::vector<uint8_t>* out) {
  AppendVarint(static_cast<uint32_t>(static_cast<int32_t>(value)), out);
}

arrow::Status AppendInteger(const Datum& value, const DataType& type, std::vector<uint8_t>* out) {
  const auto* number = value.get_if<int64_t>();
  if (number == nullptr) return WrongValue(type);
  switch (type.kind) {
    case TypeKind::kTinyInt:
      AppendFixed(static_cast<int8_t>(*number), out);
      break;
    case TypeKind::kSmallInt:
      AppendFixed(static_cast<int16_t>(*number), out);
      break;
    case TypeKind::kBigInt:
      AppendBigInt(*number, out);
      break;
    default:
      AppendInt(*number, out);
  }
  return arrow::Status::OK();
}

arrow::Status AppendFloating(const Datum& value, const DataType& type, std::vector<uint8_t>* out) {
  const auto* number = value.get_if<double>();
  if (number == nullptr) return WrongValue(type);
  if (type.kind == TypeKind::kFloat) {
    AppendFixed(std::bit_cast<uint32_t>(static_cast<float>(*number)), out);
  } else {
    AppendFixed(std::bit_cast<uint64_t>(*number), out);
  }
  return arrow::Status::OK();
}

arrow::Status AppendDecimal(const Datum& value, const DataType& type, std::vector<uint8_t>* out) {
  const auto* unscaled = value.get_if<Int128>();
  if (unscaled == nullptr) return WrongValue(type);
  if (type.precision <= kCompactDecimalPrecisionMax) {
    AppendBigInt(static_cast<int64_t>(*unscaled), out);
  } else {
    AppendSized(AsBytes(DecimalToBytes(*unscaled)), out);
  }
  return arrow::Status::OK();
}

/// Takes values off the front of a row.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  arrow::Result<ByteView> Take(size_t count) {
    if (count > rest_.size()) {
      return Error(ErrorCode::kCorruptRecord, "A value of {} bytes ends behind its compacted row.", count);
    }
    const ByteView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  template <typename T>
  arrow::Result<T> Fixed() {
    ARROW_ASSIGN_OR_RAISE(const ByteView bytes, Take(sizeof(T)));
    return LoadLittle<T>(bytes.data());
  }

  arrow::Result<uint64_t> Varint() {
    uint64_t value = 0;
    if (!GetVarint(rest_, value)) {
      return Error(ErrorCode::kCorruptRecord, "A number ends behind its compacted row, or is too long.");
    }
    return value;
  }

  arrow::Result<ByteView> Sized() {
    ARROW_ASSIGN_OR_RAISE(const uint64_t size, Varint());
    return Take(size);
  }

  arrow::Result<Datum> Value(const DataType& type);

 private:
  arrow::Result<int64_t> Integer(TypeKind kind);
  arrow::Result<Datum> Decimal(const DataType& type);
  arrow::Result<Datum> Timestamp(const DataType& type);

  ByteView rest_;
};

arrow::Result<int64_t> Reader::Integer(TypeKind kind) {
  switch (kind) {
    case TypeKind::kTinyInt:
      return Fixed<int8_t>();
    case TypeKind::kSmallInt:
      return Fixed<int16_t>();
    default: {
      ARROW_ASSIGN_OR_RAISE(const uint64_t value, Varint());
      return kind == TypeKind::kBigInt ? static_cast<int64_t>(value) : static_cast<int32_t>(value);
    }
  }
}

arrow::Result<Datum> Reader::Decimal(const DataType& type) {
  if (type.precision <= kCompactDecimalPrecisionMax) {
    ARROW_ASSIGN_OR_RAISE(const int64_t value, Integer(TypeKind::kBigInt));
    return Datum{Int128{value}};
  }
  ARROW_ASSIGN_OR_RAISE(const ByteView bytes, Sized());
  Int128 unscaled = 0;
  if (!DecimalFromBytes(bytes, &unscaled)) {
    return Error(ErrorCode::kCorruptRecord, "A decimal of {} bytes is in a compacted row.", bytes.size());
  }
  return Datum{unscaled};
}

arrow::Result<Datum> Reader::Timestamp(const DataType& type) {
  TimestampValue time;
  ARROW_ASSIGN_OR_RAISE(time.millis, Integer(TypeKind::kBigInt));
  if (type.precision > kCompactTimestampPrecisionMax) {
    ARROW_ASSIGN_OR_RAISE(const int64_t nanos, Integer(TypeKind::kInt));
    time.nanos = static_cast<int32_t>(nanos);
  }
  return Datum{time};
}

arrow::Result<Datum> Reader::Value(const DataType& type) {
  switch (type.kind) {
    case TypeKind::kBoolean: {
      ARROW_ASSIGN_OR_RAISE(const uint8_t truth, Fixed<uint8_t>());
      return Datum{truth != 0};
    }
    case TypeKind::kTinyInt:
    case TypeKind::kSmallInt:
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kBigInt: {
      ARROW_ASSIGN_OR_RAISE(const int64_t value, Integer(type.kind));
      return Datum{value};
    }
    case TypeKind::kFloat: {
      ARROW_ASSIGN_OR_RAISE(const uint32_t bits, Fixed<uint32_t>());
      return Datum{static_cast<double>(std::bit_cast<float>(bits))};
    }
    case TypeKind::kDouble: {
      ARROW_ASSIGN_OR_RAISE(const uint64_t bits, Fixed<uint64_t>());
      return Datum{std::bit_cast<double>(bits)};
    }
    case TypeKind::kChar:
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kBytes: {
      ARROW_ASSIGN_OR_RAISE(const ByteView bytes, Sized());
      return Datum{std::string(AsText(bytes))};
    }
    case TypeKind::kDecimal:
      return Decimal(type);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
      return Timestamp(type);
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kRow: {
      ARROW_ASSIGN_OR_RAISE(const ByteView bytes, Sized());
      return DecodeNested(RowFormat::kCompacted, bytes, type);
    }
  }
  return WrongValue(type);
}

}  // namespace

arrow::Status AppendCompactedValue(const Datum& value, const DataType& type, std::vector<uint8_t>* out) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      if (value.get_if<bool>() == nullptr) return WrongValue(type);
      AppendFixed(static_cast<uint8_t>(*value.get_if<bool>()), out);
      return arrow::Status::OK();
    case TypeKind::kTinyInt:
    case TypeKind::kSmallInt:
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kBigInt:
      return AppendInteger(value, type, out);
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      return AppendFloating(value, type, out);
    case TypeKind::kChar:
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kBytes:
      if (value.get_if<std::string>() == nullptr) return WrongValue(type);
      AppendSized(AsBytes(*value.get_if<std::string>()), out);
      return arrow::Status::OK();
    case TypeKind::kDecimal:
      return AppendDecimal(value, type, out);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: {
      const auto* time = value.get_if<TimestampValue>();
      if (time == nullptr) return WrongValue(type);
      AppendBigInt(time->millis, out);
      if (type.precision > kCompactTimestampPrecisionMax) AppendInt(time->nanos, out);
      return arrow::Status::OK();
    }
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kRow: {
      ARROW_ASSIGN_OR_RAISE(const auto nested, EncodeNested(RowFormat::kCompacted, value, type));
      AppendSized(nested, out);
      return arrow::Status::OK();
    }
  }
  return WrongValue(type);
}

arrow::Result<std::vector<uint8_t>> EncodeCompactedRow(std::span<const Datum> values, std::span<const DataType> types) {
  TW_CHECK(values.size() == types.size());
  std::vector<uint8_t> bytes((values.size() + 7) / 8);
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].is_null()) {
      bytes[i / 8] |= static_cast<uint8_t>(1 << i % 8);
    } else {
      ARROW_RETURN_NOT_OK(AppendCompactedValue(values[i], types[i], &bytes));
    }
  }
  return bytes;
}

arrow::Result<std::vector<Datum>> DecodeCompactedRow(ByteView bytes, std::span<const DataType> types) {
  Reader reader(bytes);
  ARROW_ASSIGN_OR_RAISE(const ByteView null_bits, reader.Take((types.size() + 7) / 8));
  std::vector<Datum> values(types.size());
  for (size_t i = 0; i < types.size(); ++i) {
    if (null_bits[i / 8] >> (i % 8) & 1) continue;
    ARROW_ASSIGN_OR_RAISE(values[i], reader.Value(types[i]));
  }
  return values;
}

}  // namespace thalweg::format
