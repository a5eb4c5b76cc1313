#pragma once

#include <cstddef>
#include <cstdint>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/ids.h"

namespace thalweg::format {

/// A log record batch: the unit that writers send, the log stores and readers get. Little-endian throughout.
///
///             0          8        12    13                 21         25         29       31         36 ...
///   magic 0:  | base i64 | len i32 | 0  | commit time i64 | crc u32  | schema i16, attributes i8, last offset delta
///             |          |         |    |                 |          | i32, writer i64, sequence i32, count i32 (48)
///   magic 1:  | as magic 0, then statistics length i32                                                            (52)
///   magic 2:  | base i64 | len i32 | 2  | commit time i64 | leader epoch i32 | crc u32 | as magic 1 (56)
///
///   then:     statistics (magic 1 and 2), then records.
///   records:  ARROW: change types, one i8 a record, absent when the append-only attribute is set; then one
///             encapsulated Arrow IPC record batch message without schema.
///             INDEXED, COMPACTED: record count times { i32 length of what follows, i8 change type, row }.
///
/// `length` counts what follows it. The CRC-32C covers schema id to the end, so offset and time can be written in
/// place. A batch with no records is its header alone; it still takes one offset.
inline constexpr size_t kBaseOffsetAt = 0;
inline constexpr size_t kLengthAt = 8;
inline constexpr size_t kMagicAt = 12;
inline constexpr size_t kCommitTimestampAt = 13;
inline constexpr size_t kLeaderEpochAtV2 = 21;
inline constexpr size_t kCrcAtV0 = 21;
inline constexpr size_t kLengthPrefixBytes = 12;
/// From the CRC on, the fields of all versions stand at the same distance from it.
inline constexpr size_t kSchemaIdAfterCrc = 4;
inline constexpr size_t kAttributesAfterCrc = 6;
inline constexpr size_t kLastOffsetDeltaAfterCrc = 7;
inline constexpr size_t kWriterIdAfterCrc = 11;
inline constexpr size_t kBatchSequenceAfterCrc = 19;
inline constexpr size_t kRecordCountAfterCrc = 23;
inline constexpr size_t kStatisticsLengthAfterCrc = 27;

inline constexpr size_t kHeaderBytesV0 = 48;
inline constexpr size_t kHeaderBytesV1 = 52;
inline constexpr size_t kHeaderBytesV2 = 56;
static_assert(kCommitTimestampAt + sizeof(int64_t) == kCrcAtV0);
static_assert(kCrcAtV0 + kRecordCountAfterCrc + sizeof(int32_t) == kHeaderBytesV0);
static_assert(kCrcAtV0 + kStatisticsLengthAfterCrc + sizeof(int32_t) == kHeaderBytesV1);
static_assert(kLeaderEpochAtV2 + sizeof(int32_t) + kStatisticsLengthAfterCrc + sizeof(int32_t) == kHeaderBytesV2);

/// Bit of the attributes: every record is an append, so ARROW bodies carry no change types.
inline constexpr uint8_t kAppendOnlyAttribute = 1;

/// What happened to a row; the numbers are those of the wire.
enum class ChangeType : int8_t { kAppend = 0, kInsert = 1, kUpdateBefore = 2, kUpdateAfter = 3, kDelete = 4 };

/// The header of one batch, decoded.
struct BatchHeader {
  LogOffset base_offset;
  int32_t length = 0;  ///< bytes after the length field
  uint8_t magic = 0;
  int64_t commit_timestamp_ms = 0;
  int32_t leader_epoch = -1;  ///< −1 where the version has none
  uint32_t crc = 0;
  SchemaId schema_id;
  uint8_t attributes = 0;
  int32_t last_offset_delta = 0;  ///< records − 1; 0 for an empty batch
  WriterId writer_id = kNoWriter;
  int32_t batch_sequence = -1;  ///< −1 without a writer id
  int32_t record_count = 0;
  int32_t statistics_bytes = 0;

  size_t total_bytes() const { return static_cast<size_t>(length) + kLengthPrefixBytes; }
  size_t header_bytes() const { return magic == 0 ? kHeaderBytesV0 : magic == 1 ? kHeaderBytesV1 : kHeaderBytesV2; }
  size_t crc_at() const { return magic == 2 ? kLeaderEpochAtV2 + sizeof(int32_t) : kCrcAtV0; }
  bool append_only() const { return (attributes & kAppendOnlyAttribute) != 0; }
  bool has_writer() const { return writer_id.value >= 0; }
  LogOffset last_offset() const { return base_offset + last_offset_delta; }
  /// Where the batch behind this one starts.
  LogOffset next_offset() const { return base_offset + last_offset_delta + 1; }
};

/// One whole batch inside memory that belongs to the caller.
struct LogBatchView {
  BatchHeader header;
  ByteView bytes;  ///< header to end, exactly header.total_bytes()

  ByteView statistics() const { return bytes.subspan(header.header_bytes(), header.statistics_bytes); }
  /// Change types and records.
  ByteView body() const { return bytes.subspan(header.header_bytes() + header.statistics_bytes); }
  bool empty() const { return header.record_count == 0; }
};

/// Decodes the header at the front of `bytes`, which may end before the batch does (but not before the header).
/// CORRUPT_RECORD: unknown magic, a length below the header's, negative counts, statistics longer than the batch, a
/// last offset delta that is not records − 1.
arrow::Result<BatchHeader> ParseHeader(ByteView bytes);

/// The batch at the front of `bytes`; more may follow it. The CRC is not looked at: see VerifyCrc.
/// CORRUPT_RECORD as for ParseHeader, and where `bytes` ends inside the batch.
arrow::Result<LogBatchView> ParseBatch(ByteView bytes);

/// CORRUPT_RECORD unless the stored CRC fits the bytes.
arrow::Status VerifyCrc(const LogBatchView& batch);

/// Writes the place and time that the leader gives to a batch; `batch` must have been parsed. The CRC stays right.
void AssignOffset(MutableByteView batch, LogOffset base_offset, int64_t commit_timestamp_ms);

/// Writes the header of a batch of magic 0 that fills `batch`: all fields of `header` but length, last offset delta
/// (they follow from the size and the record count) and CRC (see StoreCrc).
void WriteHeaderV0(const BatchHeader& header, MutableByteView batch);

/// Computes the CRC of a whole batch and writes it into the header; `batch` must be parseable.
void StoreCrc(MutableByteView batch);

/// Walks batches that stand one behind the other:
///   for (BatchIterator it(records); !it.AtEnd();) { ARROW_ASSIGN_OR_RAISE(LogBatchView batch, it.Next()); ... }
class BatchIterator {
 public:
  explicit BatchIterator(ByteView records) : rest_(records) {}

  /// Nothing is left, or too little for a whole batch (a read that was cut at a byte limit ends so).
  bool AtEnd() const;
  /// Bytes from here on.
  ByteView rest() const { return rest_; }
  arrow::Result<LogBatchView> Next();

 private:
  ByteView rest_;
};

/// What a run of batches that a writer sent holds, once found fit to be appended.
struct AppendSummary {
  size_t valid_bytes = 0;  ///< the whole batches; what follows them is a cut tail and must be dropped
  int32_t batch_count = 0;
  int64_t record_count = 0;
  int64_t offset_count = 0;             ///< offsets that the batches take, empty ones one each
  bool has_statistics_version = false;  ///< some batch is of magic 1 or 2
};

/// Checks what a writer sent: whole batches, known magic, right CRC, counts that agree. Bytes behind the last whole
/// batch are reported by `valid_bytes`, not an error, as Fluss cuts them off. CORRUPT_RECORD: any of these fails, or
/// there is not one whole batch. RECORD_TOO_LARGE: a batch above `batch_bytes_max`.
arrow::Result<AppendSummary> ValidateForAppend(ByteView records, size_t batch_bytes_max);

}  // namespace thalweg::format
