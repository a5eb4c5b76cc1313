#include "thalweg/format/nested_view.h"

#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/decimal_bytes.h"
#include "thalweg/format/row_layout.h"
#include "thalweg/format/slot_codec_internal.h"

namespace thalweg::format {
namespace {

using schema::DataType;
using schema::TypeKind;

arrow::Status Malformed(size_t bytes) {
  return Error(ErrorCode::kCorruptRecord, "An array or map of {} bytes is malformed.", bytes);
}

bool IsText(TypeKind kind) { return kind >= TypeKind::kChar && kind <= TypeKind::kBytes; }

}  // namespace

arrow::Status ArrayView::Reset(ByteView bytes, const DataType& element) {
  if (bytes.size() < kCountBytes) return Malformed(bytes.size());
  const auto count = LoadLittle<int32_t>(bytes.data());
  if (count < 0) return Malformed(bytes.size());
  bytes_ = bytes;
  element_ = &element;
  count_ = static_cast<size_t>(count);
  slots_at_ = SlotsOfArrayAt(count_);
  slot_bytes_ = SlotBytesOf(element);
  if (slots_at_ + slot_bytes_ * count_ > bytes.size()) return Malformed(bytes.size());
  return CheckElements();
}

arrow::Status ArrayView::CheckElements() const {
  const bool is_text = IsText(element_->kind);
  const bool is_decimal = IsLongDecimal(*element_);
  const bool is_time = IsLongTimestamp(*element_);
  if (!is_text && !is_decimal && !is_time && !element_->IsNested()) return arrow::Status::OK();
  // No two elements share bytes, so what they take together is bounded by the array; a bad one could claim far more.
  size_t budget = bytes_.size();
  for (size_t i = 0; i < count_; ++i) {
    if (IsNull(i)) continue;
    const uint8_t* slot = Slot(i);
    const auto word = LoadLittle<uint64_t>(slot);
    const size_t offset = word >> 32;
    size_t size = static_cast<uint32_t>(word);
    if (is_time) {
      size = sizeof(int64_t);
    } else if (is_text && (slot[kSlotInlineBytesMax] & kSlotInlineMark) != 0) {
      if ((slot[kSlotInlineBytesMax] & ~kSlotInlineMark) > kSlotInlineBytesMax) return Malformed(bytes_.size());
      continue;
    }
    if (offset > bytes_.size() || size > bytes_.size() - offset || size > budget) return Malformed(bytes_.size());
    if (is_decimal && (size == 0 || size > sizeof(Int128))) return Malformed(bytes_.size());
    budget -= size;
  }
  return arrow::Status::OK();
}

int64_t ArrayView::Integer(size_t index) const {
  const uint8_t* slot = Slot(index);
  switch (slot_bytes_) {
    case 1:
      return LoadLittle<int8_t>(slot);
    case 2:
      return LoadLittle<int16_t>(slot);
    case 4:
      return LoadLittle<int32_t>(slot);
    default:
      return LoadLittle<int64_t>(slot);
  }
}

ByteView ArrayView::Bytes(size_t index) const {
  const uint8_t* slot = Slot(index);
  if (IsText(element_->kind) && (slot[kSlotInlineBytesMax] & kSlotInlineMark) != 0) {
    return {slot, static_cast<size_t>(slot[kSlotInlineBytesMax] & ~kSlotInlineMark)};
  }
  const auto word = LoadLittle<uint64_t>(slot);
  return bytes_.subspan(word >> 32, static_cast<uint32_t>(word));
}

Int128 ArrayView::Decimal(size_t index) const {
  if (!IsLongDecimal(*element_)) return Integer(index);
  Int128 unscaled = 0;
  TW_CHECK(DecimalFromBytes(Bytes(index), &unscaled));
  return unscaled;
}

TimestampValue ArrayView::Timestamp(size_t index) const {
  const auto word = LoadLittle<uint64_t>(Slot(index));
  if (!IsLongTimestamp(*element_)) return {static_cast<int64_t>(word), 0};
  return {LoadLittle<int64_t>(bytes_.data() + (word >> 32)), static_cast<int32_t>(word)};
}

arrow::Status MapView::Reset(ByteView bytes, const DataType& type) {
  if (bytes.size() < sizeof(int32_t)) return Malformed(bytes.size());
  const auto key_bytes = LoadLittle<int32_t>(bytes.data());
  const ByteView arrays = bytes.subspan(sizeof key_bytes);
  if (key_bytes < 0 || static_cast<size_t>(key_bytes) > arrays.size()) return Malformed(bytes.size());
  ARROW_RETURN_NOT_OK(keys.Reset(arrays.first(static_cast<size_t>(key_bytes)), type.children[0].type));
  ARROW_RETURN_NOT_OK(values.Reset(arrays.subspan(static_cast<size_t>(key_bytes)), type.children[1].type));
  return keys.size() == values.size() ? arrow::Status::OK() : Malformed(bytes.size());
}

}  // namespace thalweg::format
