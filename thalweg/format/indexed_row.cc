#include "thalweg/format/indexed_row.h"

#include <string>
#include <string_view>

#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/decimal_bytes.h"
#include "thalweg/format/row_format.h"
#include "thalweg/format/slot_codec_internal.h"

namespace thalweg::format {
namespace {

using schema::DataType;
using schema::TypeKind;

bool IsLongDecimal(const DataType& type) {
  return type.kind == TypeKind::kDecimal && type.precision > kCompactDecimalPrecisionMax;
}

bool IsVariable(const DataType& type) {
  return type.kind == TypeKind::kString || type.kind == TypeKind::kBytes || type.IsNested() || IsLongDecimal(type);
}

bool IsPadded(const DataType& type) { return type.kind == TypeKind::kChar || type.kind == TypeKind::kBinary; }

bool IsLongTimestamp(const DataType& type) {
  return (type.kind == TypeKind::kTimestamp || type.kind == TypeKind::kTimestampLtz) &&
         type.precision > kCompactTimestampPrecisionMax;
}

/// Bytes of a value of a type of fixed size.
size_t FixedBytes(const DataType& type) {
  if (IsPadded(type)) return static_cast<size_t>(type.length);
  if (IsLongTimestamp(type)) return sizeof(int64_t) + sizeof(int32_t);
  switch (type.kind) {
    case TypeKind::kBoolean:
    case TypeKind::kTinyInt:
      return 1;
    case TypeKind::kSmallInt:
      return 2;
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kFloat:
      return 4;
    default:
      return 8;
  }
}

size_t VariableCount(std::span<const DataType> types) {
  size_t count = 0;
  for (const DataType& type : types) count += IsVariable(type);
  return count;
}

arrow::Status AppendFixed(const Datum& value, const DataType& type, std::vector<uint8_t>* out) {
  const size_t at = out->size();
  const size_t size = FixedBytes(type);
  if (IsPadded(type)) {
    const auto* text = value.get_if<std::string>();
    if (text == nullptr || text->size() > size) return WrongValue(type);
    out->insert(out->end(), text->begin(), text->end());
    out->resize(at + size);
    return arrow::Status::OK();
  }
  if (IsLongTimestamp(type)) {
    const auto* time = value.get_if<TimestampValue>();
    if (time == nullptr) return WrongValue(type);
    out->resize(at + size);
    StoreLittle(out->data() + at, time->millis);
    StoreLittle(out->data() + at + sizeof(int64_t), time->nanos);
    return arrow::Status::OK();
  }
  // All other types look as they do in a slot.
  SlotWriter writer(0, kSlotBytes, 1);
  ARROW_RETURN_NOT_OK(writer.Put(0, value, type));
  out->insert(out->end(), writer.data(), writer.data() + size);
  return arrow::Status::OK();
}

arrow::Result<std::vector<uint8_t>> EncodeVariable(const Datum& value, const DataType& type) {
  if (type.IsNested()) return EncodeNested(RowFormat::kIndexed, value, type);
  if (IsLongDecimal(type)) {
    const auto* unscaled = value.get_if<Int128>();
    if (unscaled == nullptr) return WrongValue(type);
    const std::string bytes = DecimalToBytes(*unscaled);
    return std::vector<uint8_t>(bytes.begin(), bytes.end());
  }
  const auto* text = value.get_if<std::string>();
  if (text == nullptr) return WrongValue(type);
  return std::vector<uint8_t>(text->begin(), text->end());
}

arrow::Result<Datum> DecodeFixed(ByteView bytes, const DataType& type) {
  if (IsPadded(type)) {
    const std::string_view text = AsText(bytes);
    return Datum{std::string(text.substr(0, text.find_last_not_of('\0') + 1))};
  }
  if (IsLongTimestamp(type)) {
    return Datum{
        TimestampValue{LoadLittle<int64_t>(bytes.data()), LoadLittle<int32_t>(bytes.data() + sizeof(int64_t))}};
  }
  return ReadSlot(bytes, bytes.data(), type);
}

arrow::Result<Datum> DecodeVariable(ByteView bytes, const DataType& type) {
  if (type.IsNested()) return DecodeNested(RowFormat::kIndexed, bytes, type);
  if (!IsLongDecimal(type)) return Datum{std::string(AsText(bytes))};
  Int128 unscaled = 0;
  if (!DecimalFromBytes(bytes, &unscaled)) {
    return Error(ErrorCode::kCorruptRecord, "A decimal of {} bytes is in an indexed row.", bytes.size());
  }
  return Datum{unscaled};
}

arrow::Status Malformed(size_t bytes) {
  return Error(ErrorCode::kCorruptRecord, "A value ends behind its indexed row of {} bytes.", bytes);
}

}  // namespace

arrow::Result<std::vector<uint8_t>> EncodeIndexedRow(std::span<const Datum> values, std::span<const DataType> types) {
  TW_CHECK(values.size() == types.size());
  size_t size_at = (values.size() + 7) / 8;
  std::vector<uint8_t> bytes(size_at + VariableCount(types) * sizeof(int32_t));
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].is_null()) {
      bytes[i / 8] |= static_cast<uint8_t>(1 << i % 8);
    } else if (IsVariable(types[i])) {
      ARROW_ASSIGN_OR_RAISE(const auto value, EncodeVariable(values[i], types[i]));
      StoreLittle(bytes.data() + size_at, static_cast<int32_t>(value.size()));
      size_at += sizeof(int32_t);
      bytes.insert(bytes.end(), value.begin(), value.end());
    } else {
      ARROW_RETURN_NOT_OK(AppendFixed(values[i], types[i], &bytes));
    }
  }
  return bytes;
}

arrow::Result<std::vector<Datum>> DecodeIndexedRow(ByteView bytes, std::span<const DataType> types) {
  size_t size_at = (types.size() + 7) / 8;
  size_t at = size_at + VariableCount(types) * sizeof(int32_t);
  if (at > bytes.size()) return Malformed(bytes.size());
  std::vector<Datum> values(types.size());
  for (size_t i = 0; i < types.size(); ++i) {
    if (bytes[i / 8] >> (i % 8) & 1) continue;
    const bool is_variable = IsVariable(types[i]);
    const int64_t size =
        is_variable ? LoadLittle<int32_t>(bytes.data() + size_at) : static_cast<int64_t>(FixedBytes(types[i]));
    if (is_variable) size_at += sizeof(int32_t);
    if (size < 0 || static_cast<size_t>(size) > bytes.size() - at) return Malformed(bytes.size());
    const ByteView value = bytes.subspan(at, static_cast<size_t>(size));
    at += value.size();
    ARROW_ASSIGN_OR_RAISE(values[i], is_variable ? DecodeVariable(value, types[i]) : DecodeFixed(value, types[i]));
  }
  return values;
}

}  // namespace thalweg::format
