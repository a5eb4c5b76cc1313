#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"

namespace thalweg::journal {

/// A journal file, little-endian throughout:
///
///     0          4096              4096 * n
///     +----------+-----------------+-----------------+----
///     | header   | group           | group           | ...       each group starts on a multiple of 4096
///     +----------+-----------------+-----------------+----
///
///     group:  record | record | ... | zeros up to the next multiple of 4096
///
///     record:
///      0   u32  crc          CRC-32C of all that follows in this record, payload included
///      4   u32  length       payload bytes; the next record starts at the next multiple of 8
///      8   u64  epoch        start of the server that wrote it: its time, ms since 1970; more than any epoch found then
///     16   u64  sequence     one more than the record before it, over all files
///     24   i64  table
///     32   i64  partition    -1: none
///     40   i32  bucket
///     44   u8   kind         RecordKind
///     45   u8   place        bit 0: first of its group, bit 1: last of its group
///     46   u16  zero
///     48   i64  first        offset of the first record of the payload in its bucket
///     56   u32  count        offsets taken: the bucket goes on at first + count
///     60   u32  statistics   bytes at the end of the payload that are batch statistics, not batches
///     64        payload      whole log batches, then statistics; nothing for a descriptor
///
/// Files are recycled in place, so what follows the last group of a file are older groups that are valid in themselves:
/// only a record that carries the expected sequence counts.
inline constexpr size_t kRecordHeaderBytes = 64;
inline constexpr size_t kRecordAlignment = 8;
inline constexpr size_t kGroupAlignment = 4096;
inline constexpr size_t kFileHeaderBytes = 4096;

enum class RecordKind : uint8_t {
  kBatches = 1,     ///< the payload is what the bucket gained
  kDescriptor = 2,  ///< the bucket gained [first, first + count), which its segment file already holds durably
};

struct RecordHeader {
  uint32_t length = 0;
  uint64_t epoch = 0;
  uint64_t sequence = 0;
  TableBucket bucket;
  RecordKind kind = RecordKind::kBatches;
  bool first_of_group = false;
  bool last_of_group = false;
  LogOffset first;
  uint32_t count = 0;
  uint32_t statistics_bytes = 0;
};

inline constexpr size_t AlignUp(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

/// Bytes that a record with this payload takes in its group.
inline constexpr size_t RecordBytes(size_t payload) { return AlignUp(kRecordHeaderBytes + payload, kRecordAlignment); }

/// Writes header and CRC in front of the payload, which already stands at `at + kRecordHeaderBytes`.
void SealRecord(const RecordHeader& header, uint8_t* at);

/// The record at the front of `bytes`, if there is a whole and valid one.
std::optional<RecordHeader> ParseRecord(ByteView bytes);

/// Of a record whose header alone is at hand: its fields, unchecked.
RecordHeader ParseHeaderUnchecked(const uint8_t* at);

}  // namespace thalweg::journal
