#pragma once

#include <cstdint>
#include <memory>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/log_batch.h"

namespace thalweg::format {

/// `count` records of `batch` from the `first`-th on, as a batch of its own of magic 0: its base offset is that of its first
/// record; change types, time, schema, writer and sequence are those of `batch`; the CRC is right. Both numbers must lie
/// within the batch, `count` at least 1.

/// A slice that takes at most so many bytes is not compressed: little is to be gained, and the contexts of ten columns cost
/// more than the rows.
inline constexpr int64_t kPlainSliceBytesMax = 4 << 10;

/// For ARROW: decodes, cuts, encodes with the same codec, or none. `schema`: the Arrow schema of the batch's schema id.
/// CORRUPT_RECORD where the batch is not sound, RECORD_TOO_LARGE as DecodeArrowBatch.
arrow::Result<Bytes> SliceArrowBatch(const LogBatchView& batch, const std::shared_ptr<arrow::Schema>& schema,
                                     int32_t first, int32_t count);

/// For INDEXED and COMPACTED: copies the records' bytes. CORRUPT_RECORD where their lengths do not fill the batch.
arrow::Result<Bytes> SliceRowBatch(const LogBatchView& batch, int32_t first, int32_t count);

}  // namespace thalweg::format
