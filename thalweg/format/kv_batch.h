#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"

namespace thalweg::format {

/// What a client puts into one bucket of a primary-key table with one request. Little-endian throughout.
///
///   0            4          5        9              11             12            20             24                28
///   | length i32 | magic 0 | crc u32 | schema id i16 | attributes 0 | writer i64 | sequence i32 | record count i32 | records
///   record: | i32 length of what follows | varint key size, key | row, up to the end; none at all deletes the key |
///
/// `length` counts what follows it. The CRC-32C covers schema id to the end. All rows are of the schema named and of the
/// table's row format.
inline constexpr size_t kKvLengthBytes = sizeof(int32_t);
inline constexpr size_t kKvMagicAt = 4;
inline constexpr size_t kKvCrcAt = 5;
inline constexpr size_t kKvSchemaIdAt = 9;
inline constexpr size_t kKvAttributesAt = 11;
inline constexpr size_t kKvWriterIdAt = 12;
inline constexpr size_t kKvBatchSequenceAt = 20;
inline constexpr size_t kKvRecordCountAt = 24;
inline constexpr size_t kKvHeaderBytes = 28;
static_assert(kKvRecordCountAt + sizeof(int32_t) == kKvHeaderBytes);

/// The only version there is, in 0.9.1 and after it.
inline constexpr uint8_t kKvMagic = 0;

/// One record, inside memory that belongs to the caller.
struct KvRecord {
  ByteView key;
  std::optional<ByteView> row;  ///< absent: delete the key
};

/// One whole batch, inside memory that belongs to the caller.
struct KvBatchView {
  uint32_t crc = 0;
  SchemaId schema_id;
  WriterId writer_id = kNoWriter;
  int32_t batch_sequence = -1;  ///< −1 without a writer id
  int32_t record_count = 0;
  ByteView bytes;  ///< header to end

  ByteView records() const { return bytes.subspan(kKvHeaderBytes); }
};

/// `bytes` as one batch. CORRUPT_RECORD where they are not one whole batch and nothing else, the magic is unknown or a count
/// is negative or more than the bytes can hold. CRC and records are not looked at.
arrow::Result<KvBatchView> ParseKvBatch(ByteView bytes);

/// CORRUPT_RECORD unless the stored CRC fits the bytes.
arrow::Status VerifyKvCrc(const KvBatchView& batch);

/// Walks the records of a batch:
///   for (KvRecordIterator it(batch); !it.AtEnd();) { ARROW_ASSIGN_OR_RAISE(KvRecord record, it.Next()); ... }
class KvRecordIterator {
 public:
  explicit KvRecordIterator(const KvBatchView& batch) : rest_(batch.records()), left_(batch.record_count) {}

  bool AtEnd() const { return left_ == 0; }
  /// CORRUPT_RECORD where the record does not fit the batch, or bytes are left behind the last one.
  arrow::Result<KvRecord> Next();

 private:
  ByteView rest_;
  int32_t left_;
};

/// Writes a batch, for clients and tests. Keeps its memory.
class KvBatchBuilder {
 public:
  KvBatchBuilder() { Start(); }

  void Start();
  /// A put of `row`, or a delete where it is absent.
  void Append(ByteView key, std::optional<ByteView> row);
  int32_t record_count() const { return record_count_; }
  size_t bytes() const { return batch_.size(); }
  /// Good until the next call. At most 2 GiB, which is the caller's to see to.
  ByteView Finish(SchemaId schema_id, WriterId writer_id, int32_t batch_sequence);

 private:
  std::vector<uint8_t> batch_;
  int32_t record_count_ = 0;
};

}  // namespace thalweg::format
