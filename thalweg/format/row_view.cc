#include "thalweg/format/row_view.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string>

#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/base/varint.h"
#include "thalweg/format/decimal_bytes.h"

namespace thalweg::format {
namespace {

using schema::TypeKind;

constexpr size_t kDecimalBytesMax = sizeof(Int128);

/// Moves over the values of one row; false once one would end behind it.
class Cursor {
 public:
  Cursor(ByteView row, size_t at) : data_(row.data()), at_(at), end_(row.size()) {}

  size_t at() const { return at_; }
  const uint8_t* here() const { return data_ + at_; }

  bool Skip(size_t bytes) {
    if (bytes > end_ - at_) return false;
    at_ += bytes;
    return true;
  }

  bool Varint(uint64_t* value) {
    // Most numbers in rows are small.
    if (at_ < end_ && data_[at_] < 0x80) {
      *value = data_[at_++];
      return true;
    }
    ByteView rest(data_ + at_, end_ - at_);
    if (!GetVarint(rest, *value)) return false;
    at_ = end_ - rest.size();
    return true;
  }

 private:
  const uint8_t* data_;
  size_t at_;
  size_t end_;
};

/// What stands in the fixed bytes at `from`, signs extended.
int64_t FixedNumber(FieldEncoding encoding, const uint8_t* from) {
  switch (encoding) {
    case FieldEncoding::kFixed1:
      return LoadLittle<int8_t>(from);
    case FieldEncoding::kFixed2:
      return LoadLittle<int16_t>(from);
    case FieldEncoding::kFixed4:
      return LoadLittle<int32_t>(from);
    default:
      return LoadLittle<int64_t>(from);
  }
}

size_t FixedBytes(FieldEncoding encoding) {
  switch (encoding) {
    case FieldEncoding::kFixed1:
      return 1;
    case FieldEncoding::kFixed2:
      return 2;
    case FieldEncoding::kFixed4:
      return 4;
    default:
      return 8;
  }
}

bool IsDecimalSize(size_t bytes) { return bytes >= 1 && bytes <= kDecimalBytesMax; }

}  // namespace

arrow::Status RowView::Reset(const RowLayout& layout, ByteView row) {
  layout_ = &layout;
  row_ = row;
  fields_.resize(layout.column_count());
  if (!layout.identity()) std::ranges::fill(fields_, Field{});
  const bool fits = row.size() >= layout.header_bytes() && row.size() <= std::numeric_limits<int32_t>::max();
  if (fits && (layout.format() == RowFormat::kCompacted ? ScanCompacted() : ScanIndexed())) return arrow::Status::OK();
  fields_.clear();
  return Error(ErrorCode::kCorruptRecord, "A row of {} bytes does not hold the {} columns of its schema.", row.size(),
               layout.stored().size());
}

bool RowView::ScanCompacted() {
  Cursor cursor(row_, layout_->header_bytes());
  const auto& stored = layout_->stored();
  for (size_t i = 0; i < layout_->looked_at(); ++i) {
    Field field;
    if (IsNullBit(i)) {
      Keep(stored[i].column, field);
      continue;
    }
    field.begin = static_cast<uint32_t>(cursor.at());
    uint64_t number = 0;
    switch (stored[i].encoding) {
      case FieldEncoding::kVarint32:
        if (!cursor.Varint(&number)) return false;
        field.number = static_cast<int32_t>(number);
        break;
      case FieldEncoding::kVarint64:
        if (!cursor.Varint(&number)) return false;
        field.number = static_cast<int64_t>(number);
        break;
      case FieldEncoding::kVarintPair: {
        uint64_t nanos = 0;
        if (!cursor.Varint(&number) || !cursor.Varint(&nanos)) return false;
        field.number = static_cast<int64_t>(number);
        field.size = static_cast<uint32_t>(nanos);
        break;
      }
      case FieldEncoding::kSized:
        if (!cursor.Varint(&number)) return false;
        field.value = static_cast<uint32_t>(cursor.at());
        if (!cursor.Skip(number) || (stored[i].is_decimal && !IsDecimalSize(number))) return false;
        field.size = static_cast<uint32_t>(number);
        break;
      default: {
        const uint8_t* from = cursor.here();
        if (!cursor.Skip(FixedBytes(stored[i].encoding))) return false;
        field.number = FixedNumber(stored[i].encoding, from);
      }
    }
    field.end = static_cast<uint32_t>(cursor.at());
    Keep(stored[i].column, field);
  }
  return true;
}

bool RowView::ScanIndexed() {
  Cursor cursor(row_, layout_->header_bytes());
  size_t size_at = layout_->null_bytes();
  const auto& stored = layout_->stored();
  for (size_t i = 0; i < layout_->looked_at(); ++i) {
    Field field;
    if (IsNullBit(i)) {
      Keep(stored[i].column, field);
      continue;
    }
    const uint8_t* from = cursor.here();
    field.begin = field.value = static_cast<uint32_t>(cursor.at());
    switch (stored[i].encoding) {
      case FieldEncoding::kSizedInFront: {
        const auto size = LoadLittle<int32_t>(row_.data() + size_at);
        size_at += sizeof size;
        if (size < 0 || !cursor.Skip(static_cast<size_t>(size))) return false;
        if (stored[i].is_decimal && !IsDecimalSize(static_cast<size_t>(size))) return false;
        field.size = static_cast<uint32_t>(size);
        break;
      }
      case FieldEncoding::kPadded: {
        auto size = static_cast<size_t>(stored[i].padded_bytes);
        if (!cursor.Skip(size)) return false;
        while (size > 0 && from[size - 1] == 0) --size;
        field.size = static_cast<uint32_t>(size);
        break;
      }
      case FieldEncoding::kFixedPair:
        if (!cursor.Skip(sizeof(int64_t) + sizeof(int32_t))) return false;
        field.number = LoadLittle<int64_t>(from);
        field.size = LoadLittle<uint32_t>(from + sizeof(int64_t));
        break;
      default:
        if (!cursor.Skip(FixedBytes(stored[i].encoding))) return false;
        field.number = FixedNumber(stored[i].encoding, from);
    }
    field.end = static_cast<uint32_t>(cursor.at());
    Keep(stored[i].column, field);
  }
  return true;
}

double RowView::Floating(size_t column) const {
  const uint64_t bits = FloatingBits(column);
  return type(column).kind == TypeKind::kFloat ? static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(bits)))
                                               : std::bit_cast<double>(bits);
}

Int128 RowView::Decimal(size_t column) const {
  if (!IsLongDecimal(type(column))) return fields_[column].number;
  Int128 unscaled = 0;
  TW_CHECK(DecimalFromBytes(Bytes(column), &unscaled));
  return unscaled;
}

arrow::Result<Datum> RowView::ToDatum(size_t column) const {
  if (IsNull(column)) return Datum{};
  const schema::DataType& column_type = type(column);
  switch (column_type.kind) {
    case TypeKind::kBoolean:
      return Datum{Boolean(column)};
    case TypeKind::kTinyInt:
    case TypeKind::kSmallInt:
    case TypeKind::kInt:
    case TypeKind::kBigInt:
    case TypeKind::kDate:
    case TypeKind::kTime:
      return Datum{Integer(column)};
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      return Datum{Floating(column)};
    case TypeKind::kChar:
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kBytes:
      return Datum{std::string(Text(column))};
    case TypeKind::kDecimal:
      return Datum{Decimal(column)};
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampLtz:
      return Datum{Timestamp(column)};
    default:
      return DecodeNested(layout_->format(), Bytes(column), column_type);
  }
}

}  // namespace thalweg::format
