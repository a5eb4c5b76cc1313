#include "thalweg/format/row_records.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"

namespace thalweg::format {

arrow::Result<RowRecord> NextRowRecord(ByteView* rest) {
  if (rest->size() < kRowRecordPrefixBytes) {
    return Error(ErrorCode::kCorruptRecord, "A record needs {} bytes, {} are left in its batch.", kRowRecordPrefixBytes,
                 rest->size());
  }
  const auto length = LoadLittle<int32_t>(rest->data());
  const uint8_t change_type = (*rest)[sizeof length];
  if (length < 1 || static_cast<size_t>(length) > rest->size() - sizeof length) {
    return Error(ErrorCode::kCorruptRecord, "A record claims {} bytes, {} are left in its batch.", length,
                 rest->size() - sizeof length);
  }
  if (change_type > static_cast<uint8_t>(ChangeType::kDelete)) {
    return Error(ErrorCode::kCorruptRecord, "A record has the unknown change type {}.", change_type);
  }
  RowRecord record;
  record.bytes = rest->first(sizeof length + static_cast<size_t>(length));
  record.row = record.bytes.subspan(kRowRecordPrefixBytes);
  record.change_type = static_cast<ChangeType>(change_type);
  *rest = rest->subspan(record.bytes.size());
  return record;
}

Bytes EncodeRowBatch(const BatchHeader& header, std::span<const ByteView> rows,
                     std::span<const ChangeType> change_types) {
  TW_CHECK(change_types.empty() || change_types.size() == rows.size());
  size_t total = kHeaderBytesV0;
  for (const ByteView row : rows) total += kRowRecordPrefixBytes + row.size();
  auto out = std::make_shared<Buffer>(total);
  BatchHeader written = header;
  written.record_count = static_cast<int32_t>(rows.size());
  WriteHeaderV0(written, out->view());
  uint8_t* to = out->data() + kHeaderBytesV0;
  for (size_t i = 0; i < rows.size(); ++i) {
    StoreLittle(to, static_cast<int32_t>(rows[i].size() + 1));
    to[sizeof(int32_t)] = static_cast<uint8_t>(change_types.empty() ? ChangeType::kAppend : change_types[i]);
    to = std::ranges::copy(rows[i], to + kRowRecordPrefixBytes).out;
  }
  StoreCrc(out->view());
  return Bytes(std::shared_ptr<const Buffer>(std::move(out)));
}

}  // namespace thalweg::format
