#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/arrow_metadata.h"
#include "thalweg/format/column_shape.h"

namespace thalweg::format {

/// A run of bytes that a projected batch takes from its source batch, or from memory made for it.
struct BodyPiece {
  enum class Source : uint8_t { kBatch, kInline };
  Source source = Source::kBatch;
  size_t offset = 0;  ///< from the start of the source batch, or of `inline_bytes`
  size_t length = 0;
};

/// A batch cut to some columns: `front`, then the pieces in order. The CRC in the header is that of the source batch,
/// as Fluss leaves it and its clients expect: they do not check it on projected batches.
struct ProjectedBatch {
  Bytes front;  ///< header, change types, Arrow prefix and metadata
  std::vector<BodyPiece> pieces;
  Bytes inline_bytes;
  size_t total_bytes = 0;
};

/// How many bytes from the start of a batch of magic 0 Project() wants to see, as far as `have`, its first bytes, tell.
/// Read on until this is no more than what is there: 48, then 56 and the change types, then also the metadata.
/// CORRUPT_RECORD where the batch cannot be one of Arrow.
arrow::Result<size_t> ProjectionFrontBytes(ByteView have);

/// Cuts Arrow batches of one schema to some of their columns without touching the buffers: their metadata is rewritten,
/// their bytes are named by range, still compressed.
/// Thread safety: immutable once made.
class ProjectionPlan {
 public:
  /// `batch_columns`: the columns of the schema that the batches were written with. `table_columns`: those of the
  /// schema that `fields`, positions in it, refer to. A field behind the last batch column is answered by nulls.
  /// INVALID_COLUMN_PROJECTION: fields empty, not strictly ascending, or beyond the table's columns.
  static arrow::Result<ProjectionPlan> Make(std::span<const ColumnShape> batch_columns,
                                            std::span<const ColumnShape> table_columns,
                                            std::span<const int32_t> fields);

  /// `front`: at least ProjectionFrontBytes() of a batch of magic 0; the whole batch will do. An empty batch comes back
  /// as it is. CORRUPT_RECORD: metadata that is unsound, does not fit the schema, or points outside the batch.
  arrow::Result<ProjectedBatch> Project(ByteView front) const;

 private:
  struct Column {
    size_t node_begin = 0, node_count = 0;
    size_t buffer_begin = 0, buffer_count = 0;
    ColumnShape absent;  ///< the shape to fill with nulls; empty for a column that batches have
    bool is_absent() const { return !absent.nodes.empty(); }
  };
  class Projector;

  ProjectionPlan() = default;

  std::vector<Column> columns_;
  size_t batch_nodes_ = 0, batch_buffers_ = 0;
  size_t nodes_ = 0, buffers_ = 0;
  std::array<ArrowMetadataTemplate, kBodyCodecCount> templates_;
};

/// Front and pieces in one run of memory; `batch` is the whole source batch.
Bytes Assemble(const ProjectedBatch& projected, ByteView batch);

}  // namespace thalweg::format
