#include "thalweg/format/kv_batch.h"

#include "thalweg/base/check.h"
#include "thalweg/base/crc32c.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/base/varint.h"

namespace thalweg::format {
namespace {

/// A length and a key size.
constexpr size_t kRecordBytesMin = sizeof(int32_t) + 1;

arrow::Status OutsideBatch(size_t left) {
  return Error(ErrorCode::kCorruptRecord, "A record does not fit the {} bytes left of its kv batch.", left);
}

}  // namespace

arrow::Result<KvBatchView> ParseKvBatch(ByteView bytes) {
  if (bytes.size() < kKvHeaderBytes) {
    return Error(ErrorCode::kCorruptRecord, "A kv batch needs {} bytes for its header, only {} are there.",
                 kKvHeaderBytes, bytes.size());
  }
  const auto length = LoadLittle<int32_t>(bytes.data());
  if (length < 0 || static_cast<size_t>(length) + kKvLengthBytes != bytes.size()) {
    return Error(ErrorCode::kCorruptRecord, "The kv batch claims {} bytes, {} were sent.", length,
                 bytes.size() - kKvLengthBytes);
  }
  if (bytes[kKvMagicAt] != kKvMagic) {
    return Error(ErrorCode::kCorruptRecord, "The kv batch has the unknown version {}; known is {}.", bytes[kKvMagicAt],
                 kKvMagic);
  }
  KvBatchView batch;
  batch.crc = LoadLittle<uint32_t>(bytes.data() + kKvCrcAt);
  batch.schema_id = SchemaId(LoadLittle<int16_t>(bytes.data() + kKvSchemaIdAt));
  batch.writer_id = WriterId(LoadLittle<int64_t>(bytes.data() + kKvWriterIdAt));
  batch.batch_sequence = LoadLittle<int32_t>(bytes.data() + kKvBatchSequenceAt);
  batch.record_count = LoadLittle<int32_t>(bytes.data() + kKvRecordCountAt);
  batch.bytes = bytes;
  const size_t possible = batch.records().size() / kRecordBytesMin;
  if (batch.record_count < 0 || static_cast<size_t>(batch.record_count) > possible) {
    return Error(ErrorCode::kCorruptRecord, "The kv batch claims {} records in {} bytes.", batch.record_count,
                 bytes.size());
  }
  if (batch.record_count == 0 && !batch.records().empty()) return OutsideBatch(batch.records().size());
  return batch;
}

arrow::Status VerifyKvCrc(const KvBatchView& batch) {
  const uint32_t computed = Crc32c(batch.bytes.subspan(kKvSchemaIdAt));
  if (computed == batch.crc) return arrow::Status::OK();
  return Error(ErrorCode::kCorruptRecord, "The kv batch carries the checksum {:#010x}, its bytes give {:#010x}.",
               batch.crc, computed);
}

arrow::Result<KvRecord> KvRecordIterator::Next() {
  TW_CHECK(left_ > 0);
  if (rest_.size() < sizeof(int32_t)) return OutsideBatch(rest_.size());
  const auto length = LoadLittle<int32_t>(rest_.data());
  const ByteView behind = rest_.subspan(sizeof length);
  if (length < 0 || static_cast<size_t>(length) > behind.size()) return OutsideBatch(rest_.size());
  ByteView row = behind.first(static_cast<size_t>(length));
  uint64_t key_bytes = 0;
  if (!GetVarint(row, key_bytes) || key_bytes > row.size()) return OutsideBatch(rest_.size());
  KvRecord record;
  record.key = row.first(key_bytes);
  row = row.subspan(key_bytes);
  if (!row.empty()) record.row = row;
  rest_ = behind.subspan(static_cast<size_t>(length));
  if (--left_ == 0 && !rest_.empty()) {
    return Error(ErrorCode::kCorruptRecord, "{} bytes are left behind the records of a kv batch.", rest_.size());
  }
  return record;
}

void KvBatchBuilder::Start() {
  batch_.assign(kKvHeaderBytes, 0);
  record_count_ = 0;
}

void KvBatchBuilder::Append(ByteView key, std::optional<ByteView> row) {
  const size_t at = batch_.size();
  uint8_t key_size[kVarintBytesMax];
  const size_t key_size_bytes = PutVarint(key_size, key.size());
  batch_.resize(at + sizeof(int32_t));
  batch_.insert(batch_.end(), key_size, key_size + key_size_bytes);
  batch_.insert(batch_.end(), key.begin(), key.end());
  if (row) batch_.insert(batch_.end(), row->begin(), row->end());
  StoreLittle(batch_.data() + at, static_cast<int32_t>(batch_.size() - at - sizeof(int32_t)));
  ++record_count_;
}

ByteView KvBatchBuilder::Finish(SchemaId schema_id, WriterId writer_id, int32_t batch_sequence) {
  uint8_t* to = batch_.data();
  StoreLittle(to, static_cast<int32_t>(batch_.size() - kKvLengthBytes));
  to[kKvMagicAt] = kKvMagic;
  StoreLittle(to + kKvSchemaIdAt, schema_id.value);
  to[kKvAttributesAt] = 0;
  StoreLittle(to + kKvWriterIdAt, writer_id.value);
  StoreLittle(to + kKvBatchSequenceAt, batch_sequence);
  StoreLittle(to + kKvRecordCountAt, record_count_);
  StoreLittle(to + kKvCrcAt, Crc32c(ByteView(batch_).subspan(kKvSchemaIdAt)));
  return batch_;
}

}  // namespace thalweg::format
