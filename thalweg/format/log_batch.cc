#include "thalweg/format/log_batch.h"

#include "thalweg/base/crc32c.h"
#include "thalweg/base/error.h"

namespace thalweg::format {
namespace {

uint32_t ComputeCrc(ByteView batch, const BatchHeader& header) {
  return Crc32c(batch.subspan(header.crc_at() + kSchemaIdAfterCrc));
}

arrow::Status CheckHeader(const BatchHeader& h) {
  if (h.length < 0 || h.total_bytes() < h.header_bytes()) {
    return Error(ErrorCode::kCorruptRecord, "The record batch claims {} bytes, less than its header.", h.length);
  }
  if (h.statistics_bytes < 0 || static_cast<size_t>(h.statistics_bytes) > h.total_bytes() - h.header_bytes()) {
    return Error(ErrorCode::kCorruptRecord, "The record batch claims {} bytes of statistics in a batch of {} bytes.",
                 h.statistics_bytes, h.total_bytes());
  }
  const int32_t expected_delta = h.record_count > 0 ? h.record_count - 1 : 0;
  if (h.record_count < 0 || h.last_offset_delta != expected_delta) {
    return Error(ErrorCode::kCorruptRecord, "The record batch claims {} records and a last offset delta of {}.",
                 h.record_count, h.last_offset_delta);
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<BatchHeader> ParseHeader(ByteView bytes) {
  if (bytes.size() < kHeaderBytesV0) {
    return Error(ErrorCode::kCorruptRecord, "A record batch needs {} bytes for its header, only {} are there.",
                 kHeaderBytesV0, bytes.size());
  }
  BatchHeader h;
  h.magic = bytes[kMagicAt];
  if (h.magic > 2) {
    return Error(ErrorCode::kCorruptRecord, "The record batch has the unknown version {}; known are 0, 1 and 2.",
                 h.magic);
  }
  if (bytes.size() < h.header_bytes()) {
    return Error(ErrorCode::kCorruptRecord,
                 "A record batch of version {} needs {} bytes for its header, only {} are there.", h.magic,
                 h.header_bytes(), bytes.size());
  }
  const uint8_t* crc = bytes.data() + h.crc_at();
  h.base_offset = LogOffset(LoadLittle<int64_t>(bytes.data() + kBaseOffsetAt));
  h.length = LoadLittle<int32_t>(bytes.data() + kLengthAt);
  h.commit_timestamp_ms = LoadLittle<int64_t>(bytes.data() + kCommitTimestampAt);
  if (h.magic == 2) h.leader_epoch = LoadLittle<int32_t>(bytes.data() + kLeaderEpochAtV2);
  h.crc = LoadLittle<uint32_t>(crc);
  h.schema_id = SchemaId(LoadLittle<int16_t>(crc + kSchemaIdAfterCrc));
  h.attributes = crc[kAttributesAfterCrc];
  h.last_offset_delta = LoadLittle<int32_t>(crc + kLastOffsetDeltaAfterCrc);
  h.writer_id = WriterId(LoadLittle<int64_t>(crc + kWriterIdAfterCrc));
  h.batch_sequence = LoadLittle<int32_t>(crc + kBatchSequenceAfterCrc);
  h.record_count = LoadLittle<int32_t>(crc + kRecordCountAfterCrc);
  if (h.magic != 0) h.statistics_bytes = LoadLittle<int32_t>(crc + kStatisticsLengthAfterCrc);
  ARROW_RETURN_NOT_OK(CheckHeader(h));
  return h;
}

arrow::Result<LogBatchView> ParseBatch(ByteView bytes) {
  ARROW_ASSIGN_OR_RAISE(const BatchHeader header, ParseHeader(bytes));
  if (bytes.size() < header.total_bytes()) {
    return Error(ErrorCode::kCorruptRecord, "The record batch claims {} bytes, only {} are there.",
                 header.total_bytes(), bytes.size());
  }
  return LogBatchView{header, bytes.first(header.total_bytes())};
}

arrow::Status VerifyCrc(const LogBatchView& batch) {
  const uint32_t computed = ComputeCrc(batch.bytes, batch.header);
  if (computed == batch.header.crc) return arrow::Status::OK();
  return Error(ErrorCode::kCorruptRecord, "The record batch carries the checksum {:#010x}, its bytes give {:#010x}.",
               batch.header.crc, computed);
}

void AssignOffset(MutableByteView batch, LogOffset base_offset, int64_t commit_timestamp_ms) {
  StoreLittle(batch.data() + kBaseOffsetAt, base_offset.value);
  StoreLittle(batch.data() + kCommitTimestampAt, commit_timestamp_ms);
}

void WriteHeaderV0(const BatchHeader& header, MutableByteView batch) {
  uint8_t* to = batch.data();
  uint8_t* crc = to + kCrcAtV0;
  StoreLittle(to + kBaseOffsetAt, header.base_offset.value);
  StoreLittle(to + kLengthAt, static_cast<int32_t>(batch.size() - kLengthPrefixBytes));
  to[kMagicAt] = 0;
  StoreLittle(to + kCommitTimestampAt, header.commit_timestamp_ms);
  StoreLittle(crc, uint32_t{0});
  StoreLittle(crc + kSchemaIdAfterCrc, header.schema_id.value);
  crc[kAttributesAfterCrc] = header.attributes;
  StoreLittle(crc + kLastOffsetDeltaAfterCrc, header.record_count > 0 ? header.record_count - 1 : 0);
  StoreLittle(crc + kWriterIdAfterCrc, header.writer_id.value);
  StoreLittle(crc + kBatchSequenceAfterCrc, header.batch_sequence);
  StoreLittle(crc + kRecordCountAfterCrc, header.record_count);
}

void StoreCrc(MutableByteView batch) {
  const size_t crc_at = batch[kMagicAt] == 2 ? kLeaderEpochAtV2 + sizeof(int32_t) : kCrcAtV0;
  StoreLittle(batch.data() + crc_at, Crc32c(batch.subspan(crc_at + kSchemaIdAfterCrc)));
}

bool BatchIterator::AtEnd() const {
  if (rest_.size() < kLengthPrefixBytes) return true;
  // A length that cannot be right is not the end: Next() reports it.
  const int32_t length = LoadLittle<int32_t>(rest_.data() + kLengthAt);
  if (length < 0 || static_cast<size_t>(length) + kLengthPrefixBytes < kHeaderBytesV0) return false;
  return static_cast<size_t>(length) + kLengthPrefixBytes > rest_.size();
}

arrow::Result<LogBatchView> BatchIterator::Next() {
  ARROW_ASSIGN_OR_RAISE(LogBatchView batch, ParseBatch(rest_));
  rest_ = rest_.subspan(batch.bytes.size());
  return batch;
}

arrow::Result<AppendSummary> ValidateForAppend(ByteView records, size_t batch_bytes_max) {
  AppendSummary summary;
  BatchIterator it(records);
  while (!it.AtEnd()) {
    ARROW_ASSIGN_OR_RAISE(const LogBatchView batch, it.Next());
    if (batch.bytes.size() > batch_bytes_max) {
      return Error(ErrorCode::kRecordTooLarge,
                   "A record batch of {} bytes is above the limit of {}; send smaller batches.", batch.bytes.size(),
                   batch_bytes_max);
    }
    ARROW_RETURN_NOT_OK(VerifyCrc(batch));
    if (batch.empty() && !batch.body().empty()) {
      return Error(ErrorCode::kCorruptRecord, "The record batch claims no records but has {} bytes of them.",
                   batch.body().size());
    }
    summary.valid_bytes += batch.bytes.size();
    ++summary.batch_count;
    summary.record_count += batch.header.record_count;
    summary.offset_count += batch.header.last_offset_delta + int64_t{1};
    summary.has_statistics_version |= batch.header.magic != 0;
  }
  if (summary.batch_count == 0) {
    return Error(ErrorCode::kCorruptRecord, "The {} bytes sent hold no whole record batch.", records.size());
  }
  return summary;
}

}  // namespace thalweg::format
