#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/arrow_metadata.h"
#include "thalweg/format/log_batch.h"

namespace thalweg::format {

/// What a batch may take once decompressed: whoever sent it chose how well it compresses.
inline constexpr uint64_t kDecodedBytesMax = 512u << 20;

/// How far the bytes of a batch are trusted.
enum class BatchOrigin : uint8_t {
  kAnybody,  ///< everything is checked, each value too
  /// Built here from rows (changelog_builder.h), its CRC verified: Arrow's structure is sound, but values are as clients
  /// sent them. Text that is no UTF-8 and a time of day beyond 24 hours are accepted, as Fluss does.
  kOwnChangelog,
};

/// The rows of an ARROW batch, decompressed where they were compressed; `schema` is the Arrow schema of the batch's
/// schema id. Columns that were not compressed refer to `batch.bytes`, which must outlive the result.
/// CORRUPT_RECORD where the bytes are not a sound record batch of that schema (checked by Arrow's full validation),
/// RECORD_TOO_LARGE where its buffers say that they become more than kDecodedBytesMax.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> DecodeArrowBatch(const LogBatchView& batch,
                                                                    const std::shared_ptr<arrow::Schema>& schema,
                                                                    BatchOrigin origin = BatchOrigin::kAnybody);

/// Only `count` rows from the `first`-th on, which must lie within the batch; only these are looked at by the validation.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> DecodeArrowRows(const LogBatchView& batch,
                                                                   const std::shared_ptr<arrow::Schema>& schema,
                                                                   int32_t first, int32_t count);

/// Metadata and body of the one Arrow message in an ARROW batch that is not empty. CORRUPT_RECORD where they do not fit it.
struct ArrowMessageParts {
  ByteView metadata;  ///< without the prefix
  ByteView body;
};
arrow::Result<ArrowMessageParts> SplitArrowBatch(const LogBatchView& batch);

/// The change types of an ARROW batch, one a record; empty when all are appends. CORRUPT_RECORD where they do not fit.
arrow::Result<ByteView> ArrowChangeTypes(const LogBatchView& batch);

/// The codec of an ARROW batch's body.
arrow::Result<BodyCodec> ArrowBatchCodec(const LogBatchView& batch);

/// A batch of magic 0 that holds `rows`. `header` gives base offset, time, schema id, writer and sequence; length,
/// counts, the append-only attribute and the CRC follow from the rest. `change_types`: one for each row, or empty for
/// appends.
arrow::Result<Bytes> EncodeArrowBatch(const BatchHeader& header, const arrow::RecordBatch& rows, ByteView change_types,
                                      BodyCodec codec);

}  // namespace thalweg::format
