#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/format/row_view.h"
#include "thalweg/format/row_writer.h"
#include "thalweg/schema/schema.h"

namespace thalweg::kv {

/// What becomes of two rows with the same key: the heart of a merge engine, a pure function of the two. All rows are read as
/// rows of the table's latest schema; a column that a row's version lacks is null.
/// Thread safety: none; some keep memory between calls.
class RowCombiner {
 public:
  enum class Outcome : uint8_t {
    kOld,      ///< the old row stays, and nothing has happened
    kNew,      ///< the new row as it came
    kWritten,  ///< the row that was written to `out`
    kGone,     ///< no row
  };

  virtual ~RowCombiner() = default;
  /// There is no old row. kNew or kWritten.
  virtual arrow::Result<Outcome> Insert(const format::RowView& fresh, format::RowWriter* out);
  /// kOld, kNew or kWritten.
  virtual arrow::Result<Outcome> Update(const format::RowView& old, const format::RowView& fresh,
                                        format::RowWriter* out) = 0;
  /// The key is deleted. kGone or kWritten. Asked only where deletes are allowed.
  virtual arrow::Result<Outcome> Remove(const format::RowView& old, format::RowWriter* out);
};

/// The last row wins.
std::unique_ptr<RowCombiner> MakeLastRow();

/// The first row stays.
std::unique_ptr<RowCombiner> MakeFirstRow();

/// The new row wins unless its version is smaller; null is the smallest. INVALID_CONFIG where the column is missing, or not INT,
/// BIGINT, TIMESTAMP or TIMESTAMP_LTZ.
arrow::Result<std::unique_ptr<RowCombiner>> MakeVersionedRow(const schema::Schema& schema,
                                                             const std::string& version_column);

/// The columns that a write names, by position. INVALID_TARGET_COLUMN unless they exist, have all of the primary key, and all
/// columns outside of it may be null.
arrow::Result<std::vector<bool>> CheckTargetColumns(const schema::Schema& schema,
                                                    std::span<const int32_t> target_columns);

/// The columns of `targets` come from the new row, the others stay, or are null. Deleted: the targets outside the primary key
/// become null; a row whose other columns all are goes.
std::unique_ptr<RowCombiner> MakePartialRow(const schema::Schema& schema, std::vector<bool> targets);

/// Each column has its function (schema::AggFunction); the primary key takes the last value, and so do columns without a function where
/// it is not null. With `targets`, columns that are not among them stay, and deletes are as those of MakePartialRow; else a
/// deleted row goes. Sums and products wrap around; of DECIMAL they are rounded half up, and null where they have more digits
/// than the type (sums of up to 18 digits: where they do not fit 64 bits).
arrow::Result<std::unique_ptr<RowCombiner>> MakeAggregatedRow(const schema::Schema& schema, std::vector<bool> targets);

}  // namespace thalweg::kv
