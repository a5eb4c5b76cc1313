#include "thalweg/format/aligned_row.h"

#include <bit>
#include <cstring>
#include <string>

#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/decimal_bytes.h"

namespace thalweg::format {
namespace {

using schema::DataType;
using schema::TypeKind;

constexpr size_t kHeaderBits = 8;
constexpr size_t kSlotBytes = 8;
constexpr size_t kInlineBytesMax = 7;
constexpr uint64_t kInlineMark = 0x80;
constexpr size_t kDecimalRoom = 16;

arrow::Status OutsideRow() { return Error(ErrorCode::kCorruptRecord, "A value of an aligned row lies outside it."); }

arrow::Status WrongValue(const DataType& type) {
  return Error(ErrorCode::kInvalidTable, "A value does not fit the type {} of its column in an aligned row.", type);
}

/// Builds one row; slots first, what does not fit them behind.
class Writer {
 public:
  explicit Writer(size_t column_count)
      : slots_at_(AlignedRowBitsBytes(column_count)), bytes_(slots_at_ + column_count * kSlotBytes) {}

  void SetNull(size_t column) {
    const size_t bit = kHeaderBits + column;
    bytes_[bit / 8] |= static_cast<uint8_t>(1 << bit % 8);
  }

  template <typename T>
  void PutFixed(size_t column, T value) {
    std::memcpy(Slot(column), &value, sizeof value);
  }

  void PutText(size_t column, std::string_view text) {
    if (text.size() <= kInlineBytesMax) {
      std::memcpy(Slot(column), text.data(), text.size());
      Slot(column)[kInlineBytesMax] = static_cast<uint8_t>(kInlineMark | text.size());
      return;
    }
    PutBehind(column, text, text.size(), (text.size() + 7) / 8 * 8);
  }

  /// `low` is the lower half of the slot: the size, or the nanoseconds.
  void PutBehind(size_t column, std::string_view data, uint64_t low, size_t room) {
    const size_t at = bytes_.size();
    bytes_.resize(at + room);
    std::memcpy(bytes_.data() + at, data.data(), data.size());
    StoreLittle(Slot(column), static_cast<uint64_t>(at) << 32 | low);
  }

  std::vector<uint8_t> Finish() { return std::move(bytes_); }

 private:
  uint8_t* Slot(size_t column) { return bytes_.data() + slots_at_ + column * kSlotBytes; }

  size_t slots_at_;
  std::vector<uint8_t> bytes_;
};

arrow::Status PutInteger(const Datum& value, const DataType& type, size_t column, Writer* writer) {
  const auto* number = value.get_if<int64_t>();
  if (number == nullptr) return WrongValue(type);
  switch (type.kind) {
    case TypeKind::kTinyInt:
      writer->PutFixed(column, static_cast<int8_t>(*number));
      break;
    case TypeKind::kSmallInt:
      writer->PutFixed(column, static_cast<int16_t>(*number));
      break;
    case TypeKind::kBigInt:
      writer->PutFixed(column, *number);
      break;
    default:
      writer->PutFixed(column, static_cast<int32_t>(*number));
  }
  return arrow::Status::OK();
}

arrow::Status PutDecimal(const Datum& value, const DataType& type, size_t column, Writer* writer) {
  const auto* unscaled = value.get_if<Int128>();
  if (unscaled == nullptr) return WrongValue(type);
  if (type.precision <= kCompactDecimalPrecisionMax) {
    writer->PutFixed(column, static_cast<int64_t>(*unscaled));
  } else {
    const std::string bytes = DecimalToBytes(*unscaled);
    writer->PutBehind(column, bytes, bytes.size(), kDecimalRoom);
  }
  return arrow::Status::OK();
}

arrow::Status PutTimestamp(const Datum& value, const DataType& type, size_t column, Writer* writer) {
  const auto* time = value.get_if<TimestampValue>();
  if (time == nullptr) return WrongValue(type);
  if (type.precision <= kCompactTimestampPrecisionMax) {
    writer->PutFixed(column, time->millis);
  } else {
    const std::string_view millis(reinterpret_cast<const char*>(&time->millis), sizeof time->millis);
    writer->PutBehind(column, millis, static_cast<uint32_t>(time->nanos), sizeof time->millis);
  }
  return arrow::Status::OK();
}

arrow::Status Put(const Datum& value, const DataType& type, size_t column, Writer* writer) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      if (value.get_if<bool>() == nullptr) return WrongValue(type);
      writer->PutFixed(column, static_cast<uint8_t>(*value.get_if<bool>()));
      return arrow::Status::OK();
    case TypeKind::kTinyInt:
    case TypeKind::kSmallInt:
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kBigInt:
      return PutInteger(value, type, column, writer);
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      if (value.get_if<double>() == nullptr) return WrongValue(type);
      if (type.kind == TypeKind::kFloat) {
        writer->PutFixed(column, static_cast<float>(*value.get_if<double>()));
      } else {
        writer->PutFixed(column, *value.get_if<double>());
      }
      return arrow::Status::OK();
    case TypeKind::kChar:
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kBytes:
      if (value.get_if<std::string>() == nullptr) return WrongValue(type);
      writer->PutText(column, *value.get_if<std::string>());
      return arrow::Status::OK();
    case TypeKind::kDecimal:
      return PutDecimal(value, type, column, writer);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
      return PutTimestamp(value, type, column, writer);
    default:
      return WrongValue(type);
  }
}

}  // namespace

arrow::Result<AlignedRowView> AlignedRowView::Make(ByteView bytes, size_t column_count) {
  if (bytes.size() < AlignedRowBitsBytes(column_count) + column_count * kSlotBytes) {
    return Error(ErrorCode::kCorruptRecord, "An aligned row of {} bytes cannot hold {} columns.", bytes.size(),
                 column_count);
  }
  AlignedRowView view;
  view.bytes_ = bytes;
  view.column_count_ = column_count;
  return view;
}

bool AlignedRowView::IsNull(size_t column) const {
  TW_CHECK(column < column_count_);
  const size_t bit = kHeaderBits + column;
  return (bytes_[bit / 8] >> (bit % 8) & 1) != 0;
}

arrow::Result<Datum> AlignedRowView::Get(size_t column, const DataType& type) const {
  if (IsNull(column)) return Datum{};
  const uint8_t* slot = bytes_.data() + AlignedRowBitsBytes(column_count_) + column * kSlotBytes;
  const auto word = LoadLittle<uint64_t>(slot);
  const size_t offset = word >> 32;
  const auto low = static_cast<uint32_t>(word);
  const auto is_inside = [&](size_t size) { return offset <= bytes_.size() && size <= bytes_.size() - offset; };
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
      return Datum{static_cast<int64_t>(word)};
    case TypeKind::kFloat:
      return Datum{static_cast<double>(std::bit_cast<float>(low))};
    case TypeKind::kDouble:
      return Datum{std::bit_cast<double>(word)};
    case TypeKind::kChar:
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kBytes: {
      const uint8_t mark = slot[kInlineBytesMax];
      if (mark & kInlineMark) {
        const size_t size = mark & ~kInlineMark;
        if (size > kInlineBytesMax) return OutsideRow();
        return Datum{std::string(AsText({slot, size}))};
      }
      if (!is_inside(low)) return OutsideRow();
      return Datum{std::string(AsText(bytes_.subspan(offset, low)))};
    }
    case TypeKind::kDecimal: {
      if (type.precision <= kCompactDecimalPrecisionMax) return Datum{Int128{static_cast<int64_t>(word)}};
      Int128 unscaled;
      if (!is_inside(low) || !DecimalFromBytes(bytes_.subspan(offset, low), &unscaled)) return OutsideRow();
      return Datum{unscaled};
    }
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
      if (type.precision <= kCompactTimestampPrecisionMax) return Datum{TimestampValue{static_cast<int64_t>(word), 0}};
      if (!is_inside(sizeof(int64_t))) return OutsideRow();
      return Datum{TimestampValue{LoadLittle<int64_t>(bytes_.data() + offset), static_cast<int32_t>(low)}};
    default:
      return WrongValue(type);
  }
}

arrow::Result<std::vector<uint8_t>> EncodeAlignedRow(std::span<const Datum> values, std::span<const DataType> types) {
  TW_CHECK(values.size() == types.size());
  Writer writer(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].is_null()) {
      writer.SetNull(i);
    } else {
      ARROW_RETURN_NOT_OK(Put(values[i], types[i], i, &writer));
    }
  }
  return writer.Finish();
}

}  // namespace thalweg::format
