#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/format/predicate.h"
#include "thalweg/query/scan_outline.h"
#include "thalweg/query/session.h"
#include "thalweg/query/table.h"
#include "thalweg/schema/schema.h"

namespace thalweg::sql {

class SessionState;

/// What a query wants of a source.
struct SourceRequest {
  std::vector<int> columns{};  ///< positions, none twice; none at all: rows are only counted
  std::optional<format::Predicate> filter{};
  std::optional<int64_t> limit{};
  size_t streams_max = 1;
};

/// Where the rows behind a name come from: a table, or what the server knows of itself. Immutable, and of no user: rights are those
/// of the session that opens it.
class RowSource {
 public:
  virtual ~RowSource() = default;

  virtual const schema::Schema& columns() const = 0;
  /// Whether Open applies filters and limits, exactly.
  virtual bool filters() const = 0;
  /// For the order of joins.
  virtual std::optional<int64_t> EstimateRows() const { return std::nullopt; }
  /// How rows that match the filter are come to; nothing where there is nothing to tell.
  virtual std::optional<query::ScanOutline> Outline(const std::optional<format::Predicate>&) const {
    return std::nullopt;
  }
  /// The table to write to; null where there is none.
  virtual query::TablePtr table() const { return nullptr; }
  /// One to `streams_max` streams that together give each row once. Batches have the columns asked for, in that order, as
  /// ToArrowType has them. They end with an error once `session` is told to cancel. May block.
  virtual arrow::Result<std::vector<std::shared_ptr<arrow::RecordBatchReader>>> Open(const SourceRequest& request,
                                                                                     SessionState& session) const = 0;
};
using RowSourcePtr = std::shared_ptr<const RowSource>;

/// `environment` outlives it.
RowSourcePtr MakeTableSource(const query::Environment& environment, query::TablePtr table);

}  // namespace thalweg::sql
