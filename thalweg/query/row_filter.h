#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "thalweg/format/predicate.h"
#include "thalweg/schema/schema.h"

namespace thalweg::query {

/// A predicate, applied to rows exactly: each leaf is true, or not (also where the value is null, NULL tests apart).
/// Numbers compare as numbers, texts and bytes by their bytes, NaN equals NaN and is above all other numbers.
/// Thread safety: immutable once made.
class RowFilter {
 public:
  /// `columns`: of the batches, those of `schema` by position; all columns that the predicate names must be among them.
  /// INVALID_SCAN_REQUEST: a column that there is not, a literal that is not of its column's type, a comparison of a type that has
  /// none (only the null tests are for all types).
  static arrow::Result<RowFilter> Make(const format::Predicate& predicate, const schema::Schema& schema,
                                       const std::vector<int>& columns);
  RowFilter(RowFilter&&) noexcept;
  RowFilter& operator=(RowFilter&&) noexcept;
  ~RowFilter();

  /// Positions of the columns of `schema` that a predicate names, ascending. INVALID_SCAN_REQUEST where there is no such column.
  static arrow::Result<std::vector<int>> ColumnsOf(const format::Predicate& predicate, const schema::Schema& schema);

  /// The rows that match: `rows` itself where all do, copies of them otherwise; null where none does.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Apply(const std::shared_ptr<arrow::RecordBatch>& rows) const;
  /// One byte for each row, 1 where it matches, written over `mask`.
  void Match(const arrow::RecordBatch& rows, std::vector<uint8_t>* mask) const;

 private:
  struct Node;
  explicit RowFilter(std::unique_ptr<Node> root);

  std::unique_ptr<Node> root_;
};

}  // namespace thalweg::query
