#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/bytes.h"
#include "thalweg/format/arrow_batch.h"
#include "thalweg/format/arrow_metadata.h"
#include "thalweg/format/body_inflation.h"
#include "thalweg/format/column_shape.h"
#include "thalweg/format/log_batch.h"

namespace thalweg::format {

/// Reads some of the columns of ARROW batches of one schema version, and touches the bytes of no others.
/// Thread safety: none: it keeps what decompresses.
class ArrowColumns {
 public:
  /// Brings runs of a batch's bytes to where they belong.
  using Load = std::function<arrow::Status(std::span<const ByteView> runs)>;

  /// `schema`: of the batches. `columns`: positions in it, in any order.
  static arrow::Result<ArrowColumns> Make(std::shared_ptr<arrow::Schema> schema, std::vector<int> columns);

  /// The columns, in the order in which they were asked for. What was not compressed refers to the bytes of `batch`, which
  /// `owner` keeps alive (unless it is misplaced in memory). CORRUPT_RECORD and RECORD_TOO_LARGE as for DecodeArrowBatch, as far as
  /// these columns go. With `load`, of the batch there need be no more than what stands before the body of its Arrow message
  /// (ProjectionFrontBytes): what the columns take of the body, and nothing else, is loaded, in ascending runs.
  arrow::Result<arrow::ArrayVector> Decode(const LogBatchView& batch, const std::shared_ptr<const void>& owner,
                                           BatchOrigin origin, const Load& load = nullptr);

 private:
  /// Where a column's nodes and buffers stand among those of a batch.
  struct Place {
    int column = 0;
    size_t node_begin = 0, node_count = 0;
    size_t buffer_begin = 0, buffer_count = 0;
  };

  ArrowColumns() = default;
  arrow::Result<BufferInflater*> InflaterOf(BodyCodec codec);
  /// What the columns take of `body`. CORRUPT_RECORD where that is not in it.
  arrow::Result<std::vector<ByteView>> RunsOf(const ArrowMetadata& metadata, ByteView body) const;

  std::shared_ptr<arrow::Schema> schema_;
  std::vector<Place> places_;
  size_t node_count_ = 0, buffer_count_ = 0;
  std::array<std::optional<BufferInflater>, kBodyCodecCount> inflaters_;
};

}  // namespace thalweg::format
