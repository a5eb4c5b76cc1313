#pragma once

#include <cstdint>
#include <vector>

#include "arrow/result.h"
#include "thalweg/format/arrow_metadata.h"
#include "thalweg/format/column_shape.h"

namespace thalweg::format {

/// Nodes and buffers of a column in which every row is null, the buffers written out in full: arrow-rs refuses a value
/// buffer that is shorter than its rows, though nothing in it is read.
struct NullColumn {
  std::vector<FieldNode> nodes;
  std::vector<BodyBuffer> buffers;  ///< offsets from the start of `body`, each a multiple of 8
  std::vector<uint8_t> body;        ///< a multiple of 8 long
};

/// `row_count` nulls of `shape`, compressed as `codec` says. CORRUPT_RECORD where that takes more than 64 MiB a buffer,
/// as no batch of a sane size holds so many rows.
arrow::Result<NullColumn> MakeNullColumn(const ColumnShape& shape, int64_t row_count, BodyCodec codec);

}  // namespace thalweg::format
