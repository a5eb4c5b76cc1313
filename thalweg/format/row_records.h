#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/log_batch.h"

namespace thalweg::format {

/// One record of an INDEXED or COMPACTED batch: `| i32 length of the rest | i8 change type | row |`.
struct RowRecord {
  ChangeType change_type = ChangeType::kAppend;
  ByteView row;
  ByteView bytes;  ///< all of it, the length included
};
inline constexpr size_t kRowRecordPrefixBytes = 5;

/// The record at the front of `*rest`, which is advanced past it. CORRUPT_RECORD where it does not fit, or its change type
/// is unknown.
arrow::Result<RowRecord> NextRowRecord(ByteView* rest);

/// A batch of magic 0 of encoded rows. `header` as for EncodeArrowBatch, but its append-only attribute is kept: these
/// records carry their change types either way. `change_types`: one for each row, or empty for appends.
Bytes EncodeRowBatch(const BatchHeader& header, std::span<const ByteView> rows,
                     std::span<const ChangeType> change_types);

}  // namespace thalweg::format
