#include <bit>
#include <cstring>
#include <string>

#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/decimal_bytes.h"
#include "thalweg/format/slot_codec_internal.h"

namespace thalweg::format {
namespace {

using schema::DataType;
using schema::TypeKind;

constexpr size_t kDecimalRoom = 16;

template <typename T>
void PutFixed(uint8_t* slot, T value) {
  std::memcpy(slot, &value, sizeof value);
}

arrow::Status OutsideContainer() {
  return Error(ErrorCode::kCorruptRecord, "A value of a row or an array lies outside of it.");
}

arrow::Result<Datum> ReadText(ByteView container, const uint8_t* slot) {
  const uint8_t mark = slot[kSlotInlineBytesMax];
  if (!(mark & kSlotInlineMark)) {
    ARROW_ASSIGN_OR_RAISE(const ByteView bytes, ReadSlotBytes(container, slot));
    return Datum{std::string(AsText(bytes))};
  }
  const size_t size = mark & ~kSlotInlineMark;
  if (size > kSlotInlineBytesMax) return OutsideContainer();
  return Datum{std::string(AsText({slot, size}))};
}

arrow::Result<Datum> ReadDecimal(ByteView container, const uint8_t* slot, const DataType& type) {
  if (type.precision <= kCompactDecimalPrecisionMax) return Datum{Int128{LoadLittle<int64_t>(slot)}};
  ARROW_ASSIGN_OR_RAISE(const ByteView bytes, ReadSlotBytes(container, slot));
  Int128 unscaled = 0;
  if (!DecimalFromBytes(bytes, &unscaled)) return OutsideContainer();
  return Datum{unscaled};
}

arrow::Result<Datum> ReadTimestamp(ByteView container, const uint8_t* slot, const DataType& type) {
  if (type.precision <= kCompactTimestampPrecisionMax) return Datum{TimestampValue{LoadLittle<int64_t>(slot), 0}};
  const auto word = LoadLittle<uint64_t>(slot);
  const size_t offset = word >> 32;
  if (container.size() < sizeof(int64_t) || offset > container.size() - sizeof(int64_t)) return OutsideContainer();
  return Datum{TimestampValue{LoadLittle<int64_t>(container.data() + offset), static_cast<int32_t>(word)}};
}

}  // namespace

size_t SlotBytesOf(const DataType& type) {
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
      return kSlotBytes;
  }
}

arrow::Status WrongValue(const DataType& type) {
  return Error(ErrorCode::kInvalidTable, "A value does not fit the type {} of its column.", type);
}

void SlotWriter::PutText(size_t index, std::string_view text) {
  if (text.size() > kSlotInlineBytesMax) return PutBehind(index, text);
  std::memcpy(slot(index), text.data(), text.size());
  slot(index)[kSlotInlineBytesMax] = static_cast<uint8_t>(kSlotInlineMark | text.size());
}

void SlotWriter::PutBehind(size_t index, std::string_view data, uint32_t low, size_t room) {
  const size_t at = bytes_.size();
  bytes_.resize(at + room);
  if (!data.empty()) std::memcpy(bytes_.data() + at, data.data(), data.size());
  StoreLittle(slot(index), static_cast<uint64_t>(at) << 32 | low);
}

arrow::Status SlotWriter::PutInteger(size_t index, const Datum& value, const DataType& type) {
  const auto* number = value.get_if<int64_t>();
  if (number == nullptr) return WrongValue(type);
  switch (type.kind) {
    case TypeKind::kTinyInt:
      PutFixed(slot(index), static_cast<int8_t>(*number));
      break;
    case TypeKind::kSmallInt:
      PutFixed(slot(index), static_cast<int16_t>(*number));
      break;
    case TypeKind::kBigInt:
      PutFixed(slot(index), *number);
      break;
    default:
      PutFixed(slot(index), static_cast<int32_t>(*number));
  }
  return arrow::Status::OK();
}

arrow::Status SlotWriter::Put(size_t index, const Datum& value, const DataType& type) {
  switch (type.kind) {
    case TypeKind::kBoolean: {
      const auto* truth = value.get_if<bool>();
      if (truth == nullptr) return WrongValue(type);
      PutFixed(slot(index), static_cast<uint8_t>(*truth));
      return arrow::Status::OK();
    }
    case TypeKind::kTinyInt:
    case TypeKind::kSmallInt:
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kBigInt:
      return PutInteger(index, value, type);
    case TypeKind::kFloat:
    case TypeKind::kDouble: {
      const auto* number = value.get_if<double>();
      if (number == nullptr) return WrongValue(type);
      type.kind == TypeKind::kFloat ? PutFixed(slot(index), static_cast<float>(*number))
                                    : PutFixed(slot(index), *number);
      return arrow::Status::OK();
    }
    case TypeKind::kChar:
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kBytes: {
      const auto* text = value.get_if<std::string>();
      if (text == nullptr) return WrongValue(type);
      PutText(index, *text);
      return arrow::Status::OK();
    }
    case TypeKind::kDecimal: {
      const auto* unscaled = value.get_if<Int128>();
      if (unscaled == nullptr) return WrongValue(type);
      if (type.precision <= kCompactDecimalPrecisionMax) {
        PutFixed(slot(index), static_cast<int64_t>(*unscaled));
      } else {
        const std::string bytes = DecimalToBytes(*unscaled);
        PutBehind(index, bytes, static_cast<uint32_t>(bytes.size()), kDecimalRoom);
      }
      return arrow::Status::OK();
    }
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz: {
      const auto* time = value.get_if<TimestampValue>();
      if (time == nullptr) return WrongValue(type);
      if (type.precision <= kCompactTimestampPrecisionMax) {
        PutFixed(slot(index), time->millis);
      } else {
        const std::string_view millis(reinterpret_cast<const char*>(&time->millis), sizeof time->millis);
        PutBehind(index, millis, static_cast<uint32_t>(time->nanos), sizeof time->millis);
      }
      return arrow::Status::OK();
    }
    default:
      return WrongValue(type);
  }
}

arrow::Result<ByteView> ReadSlotBytes(ByteView container, const uint8_t* slot) {
  const auto word = LoadLittle<uint64_t>(slot);
  const size_t offset = word >> 32;
  const size_t size = static_cast<uint32_t>(word);
  if (offset > container.size() || size > container.size() - offset) return OutsideContainer();
  return container.subspan(offset, size);
}

arrow::Result<Datum> ReadSlot(ByteView container, const uint8_t* slot, const DataType& type) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      return Datum{slot[0] != 0};
    case TypeKind::kTinyInt:
      return Datum{int64_t{LoadLittle<int8_t>(slot)}};
    case TypeKind::kSmallInt:
      return Datum{int64_t{LoadLittle<int16_t>(slot)}};
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kTime:
      return Datum{int64_t{LoadLittle<int32_t>(slot)}};
    case TypeKind::kBigInt:
      return Datum{LoadLittle<int64_t>(slot)};
    case TypeKind::kFloat:
      return Datum{static_cast<double>(std::bit_cast<float>(LoadLittle<uint32_t>(slot)))};
    case TypeKind::kDouble:
      return Datum{std::bit_cast<double>(LoadLittle<uint64_t>(slot))};
    case TypeKind::kChar:
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kBytes:
      return ReadText(container, slot);
    case TypeKind::kDecimal:
      return ReadDecimal(container, slot, type);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
      return ReadTimestamp(container, slot, type);
    default:
      return WrongValue(type);
  }
}

}  // namespace thalweg::format
