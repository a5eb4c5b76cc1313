#include "thalweg/format/aligned_row.h"

#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/format/slot_codec_internal.h"

namespace thalweg::format {
namespace {

constexpr size_t kHeaderBits = 8;

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

arrow::Result<Datum> AlignedRowView::Get(size_t column, const schema::DataType& type) const {
  if (IsNull(column)) return Datum{};
  return ReadSlot(bytes_, bytes_.data() + AlignedRowBitsBytes(column_count_) + column * kSlotBytes, type);
}

arrow::Result<std::vector<uint8_t>> EncodeAlignedRow(std::span<const Datum> values,
                                                     std::span<const schema::DataType> types) {
  TW_CHECK(values.size() == types.size());
  SlotWriter writer(AlignedRowBitsBytes(values.size()), kSlotBytes, values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t bit = kHeaderBits + i;
    if (values[i].is_null()) {
      writer.data()[bit / 8] |= static_cast<uint8_t>(1 << bit % 8);
    } else {
      ARROW_RETURN_NOT_OK(writer.Put(i, values[i], types[i]));
    }
  }
  return writer.Finish();
}

}  // namespace thalweg::format
