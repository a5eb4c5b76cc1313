#include "thalweg/format/row_writer.h"

#include <algorithm>
#include <bit>
#include <string>

#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/varint.h"
#include "thalweg/format/decimal_bytes.h"
#include "thalweg/format/slot_codec_internal.h"

namespace thalweg::format {
namespace {

using schema::DataType;
using schema::TypeKind;

}  // namespace

RowWriter::RowWriter(const RowLayout* layout) : layout_(layout) { TW_CHECK(layout->identity()); }

void RowWriter::Start() {
  column_ = 0;
  size_at_ = layout_->null_bytes();
  row_.assign(layout_->header_bytes(), 0);
}

const RowLayout::Stored& RowWriter::Next() {
  TW_CHECK(column_ < layout_->column_count());
  return layout_->stored()[column_++];
}

void RowWriter::AppendFixed(uint64_t value, size_t bytes) {
  uint8_t buffer[sizeof value];
  StoreLittle(buffer, value);
  row_.insert(row_.end(), buffer, buffer + bytes);
}

void RowWriter::AppendVarint(uint64_t value) {
  uint8_t buffer[kVarintBytesMax];
  row_.insert(row_.end(), buffer, buffer + PutVarint(buffer, value));
}

void RowWriter::AppendSized(FieldEncoding encoding, ByteView value) {
  if (encoding == FieldEncoding::kSized) {
    AppendVarint(value.size());
  } else {
    TW_CHECK(encoding == FieldEncoding::kSizedInFront);
    StoreLittle(row_.data() + size_at_, static_cast<int32_t>(value.size()));
    size_at_ += sizeof(int32_t);
  }
  row_.insert(row_.end(), value.begin(), value.end());
}

void RowWriter::Null() {
  const size_t at = column_;
  Next();
  row_[at / 8] |= static_cast<uint8_t>(1 << at % 8);
}

void RowWriter::Copy(const RowView& row, size_t column) {
  if (row.IsNull(column)) return Null();
  TW_CHECK(row.layout().format() == layout_->format());
  const FieldEncoding encoding = Next().encoding;
  if (encoding == FieldEncoding::kSizedInFront) return AppendSized(encoding, row.Bytes(column));
  const ByteView value = row.Encoded(column);
  row_.insert(row_.end(), value.begin(), value.end());
}

void RowWriter::Integer(int64_t value) {
  switch (Next().encoding) {
    case FieldEncoding::kFixed1:
      return AppendFixed(static_cast<uint64_t>(value), 1);
    case FieldEncoding::kFixed2:
      return AppendFixed(static_cast<uint64_t>(value), 2);
    case FieldEncoding::kFixed4:
      return AppendFixed(static_cast<uint64_t>(value), 4);
    case FieldEncoding::kFixed8:
      return AppendFixed(static_cast<uint64_t>(value), 8);
    case FieldEncoding::kVarint32:
      return AppendVarint(static_cast<uint32_t>(value));
    case FieldEncoding::kVarint64:
      return AppendVarint(static_cast<uint64_t>(value));
    default:
      TW_CHECK(false);
  }
}

void RowWriter::Floating(double value) {
  if (Next().encoding == FieldEncoding::kFixed4) {
    AppendFixed(std::bit_cast<uint32_t>(static_cast<float>(value)), sizeof(uint32_t));
  } else {
    AppendFixed(std::bit_cast<uint64_t>(value), sizeof(uint64_t));
  }
}

arrow::Status RowWriter::Bytes(ByteView value) {
  const RowLayout::Stored& stored = layout_->stored()[column_];
  if (stored.encoding != FieldEncoding::kPadded) {
    AppendSized(Next().encoding, value);
    return arrow::Status::OK();
  }
  const auto room = static_cast<size_t>(stored.padded_bytes);
  if (value.size() > room) return WrongValue(layout_->type(column_));
  Next();
  const size_t end = row_.size() + room;
  row_.insert(row_.end(), value.begin(), value.end());
  row_.resize(end);
  return arrow::Status::OK();
}

void RowWriter::Decimal(Int128 unscaled) {
  TW_CHECK(layout_->type(column_).kind == TypeKind::kDecimal);
  if (!IsLongDecimal(layout_->type(column_))) return Integer(static_cast<int64_t>(unscaled));
  AppendSized(Next().encoding, AsBytes(DecimalToBytes(unscaled)));
}

void RowWriter::Timestamp(TimestampValue value) {
  switch (Next().encoding) {
    case FieldEncoding::kFixed8:
      return AppendFixed(static_cast<uint64_t>(value.millis), sizeof value.millis);
    case FieldEncoding::kVarint64:
      return AppendVarint(static_cast<uint64_t>(value.millis));
    case FieldEncoding::kFixedPair:
      AppendFixed(static_cast<uint64_t>(value.millis), sizeof value.millis);
      return AppendFixed(static_cast<uint32_t>(value.nanos), sizeof value.nanos);
    case FieldEncoding::kVarintPair:
      AppendVarint(static_cast<uint64_t>(value.millis));
      return AppendVarint(static_cast<uint32_t>(value.nanos));
    default:
      TW_CHECK(false);
  }
}

arrow::Status RowWriter::Value(const Datum& value) {
  const DataType& type = layout_->type(column_);
  if (value.is_null()) {
    Null();
  } else if (type.IsNested()) {
    ARROW_ASSIGN_OR_RAISE(const auto nested, EncodeNested(layout_->format(), value, type));
    AppendSized(Next().encoding, nested);
  } else if (const auto* text = value.get_if<std::string>();
             text != nullptr && type.kind >= TypeKind::kChar && type.kind <= TypeKind::kBytes) {
    return Bytes(AsBytes(*text));
  } else if (const auto* truth = value.get_if<bool>(); truth != nullptr && type.kind == TypeKind::kBoolean) {
    Integer(*truth);
  } else if (const auto* number = value.get_if<int64_t>();
             number != nullptr && ((type.kind >= TypeKind::kTinyInt && type.kind <= TypeKind::kBigInt) ||
                                   type.kind == TypeKind::kDate || type.kind == TypeKind::kTime)) {
    Integer(*number);
  } else if (const auto* real = value.get_if<double>();
             real != nullptr && (type.kind == TypeKind::kFloat || type.kind == TypeKind::kDouble)) {
    Floating(*real);
  } else if (const auto* unscaled = value.get_if<Int128>(); unscaled != nullptr && type.kind == TypeKind::kDecimal) {
    Decimal(*unscaled);
  } else if (const auto* time = value.get_if<TimestampValue>();
             time != nullptr && (type.kind == TypeKind::kTimestamp || type.kind == TypeKind::kTimestampLtz)) {
    Timestamp(*time);
  } else {
    return WrongValue(type);
  }
  return arrow::Status::OK();
}

ByteView RowWriter::Finish() {
  TW_CHECK(column_ == layout_->column_count());
  return row_;
}

}  // namespace thalweg::format
