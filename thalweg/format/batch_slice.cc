#include "thalweg/format/batch_slice.h"

#include <algorithm>
#include <utility>

#include "arrow/record_batch.h"
#include "arrow/util/byte_size.h"
#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_batch.h"
#include "thalweg/format/row_records.h"

namespace thalweg::format {
namespace {

BatchHeader HeaderOfSlice(const LogBatchView& batch, int32_t first, int32_t count) {
  TW_CHECK(first >= 0 && count >= 1 && count <= batch.header.record_count - first);
  BatchHeader header = batch.header;
  header.base_offset = header.base_offset + first;
  header.record_count = count;
  return header;
}

}  // namespace

arrow::Result<Bytes> SliceArrowBatch(const LogBatchView& batch, const std::shared_ptr<arrow::Schema>& schema,
                                     int32_t first, int32_t count) {
  const BatchHeader header = HeaderOfSlice(batch, first, count);
  ARROW_ASSIGN_OR_RAISE(const auto rows, DecodeArrowRows(batch, schema, first, count));
  ARROW_ASSIGN_OR_RAISE(BodyCodec codec, ArrowBatchCodec(batch));
  ARROW_ASSIGN_OR_RAISE(const int64_t bytes, arrow::util::ReferencedBufferSize(*rows));
  if (bytes <= kPlainSliceBytesMax) codec = BodyCodec::kNone;
  ARROW_ASSIGN_OR_RAISE(ByteView change_types, ArrowChangeTypes(batch));
  if (!change_types.empty()) {
    change_types = change_types.subspan(static_cast<size_t>(first), static_cast<size_t>(count));
  }
  return EncodeArrowBatch(header, *rows, change_types, codec);
}

arrow::Result<Bytes> SliceRowBatch(const LogBatchView& batch, int32_t first, int32_t count) {
  const BatchHeader header = HeaderOfSlice(batch, first, count);
  ByteView rest = batch.body();
  const uint8_t* begin = nullptr;
  const uint8_t* end = nullptr;
  for (int32_t i = 0; i < batch.header.record_count; ++i) {
    ARROW_ASSIGN_OR_RAISE(const RowRecord record, NextRowRecord(&rest));
    if (i == first) begin = record.bytes.data();
    if (i == first + count - 1) end = record.bytes.data() + record.bytes.size();
  }
  if (!rest.empty()) {
    return Error(ErrorCode::kCorruptRecord, "{} bytes are left behind the {} records of a batch.", rest.size(),
                 batch.header.record_count);
  }
  auto out = std::make_shared<Buffer>(kHeaderBytesV0 + static_cast<size_t>(end - begin));
  WriteHeaderV0(header, out->view());
  std::copy(begin, end, out->data() + kHeaderBytesV0);
  StoreCrc(out->view());
  return Bytes(std::shared_ptr<const Buffer>(std::move(out)));
}

}  // namespace thalweg::format
