#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/io/file_system.h"
#include "thalweg/log/bucket_log.h"

namespace thalweg::tablet {

/// What a restart need not look at again: of each bucket the part that is synced and verified, and the journal record from
/// which on the rest is to be replayed. One small file, replaced as a whole:
///
///     "TWCKPT01" | u32 version | u64 journal sequence | u32 buckets |
///       per bucket: i64 table, i64 partition, i32 bucket, i64 start, i64 end, i64 segment, u64 position,
///                   i64 max timestamp, u32 bytes of writer state, writer state
///     | u32 CRC-32C of all before                                                          (little-endian)
///
/// It only saves work: without it every segment is scanned and the whole journal replayed.
struct Checkpoint {
  uint64_t journal_sequence = 0;
  std::vector<std::pair<TableBucket, log::RecoveryPoint>> buckets;
};

Bytes EncodeCheckpoint(const Checkpoint& checkpoint);

/// None where the bytes are damaged. An error where a newer Thalweg wrote them.
arrow::Result<std::optional<Checkpoint>> DecodeCheckpoint(ByteView bytes);

/// None where there is no file, or it cannot be read or is damaged: then `damage` says so.
arrow::Result<std::optional<Checkpoint>> LoadCheckpoint(io::FileSystem& fs, const std::string& path,
                                                        std::string& damage);

}  // namespace thalweg::tablet
