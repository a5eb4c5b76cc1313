#pragma once

#include <memory>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/schema/schema.h"

namespace thalweg::cli {

/// The rows of a query's answer as RowSink wants rows: in types that tables have; values of other types (intervals, unions, …) as text.
class AnswerRows {
 public:
  explicit AnswerRows(const arrow::Schema& schema);

  /// Names may come twice.
  const std::vector<schema::Column>& columns() const { return columns_; }
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Convert(const arrow::RecordBatch& rows) const;

 private:
  std::vector<schema::Column> columns_;
  std::vector<bool> as_text_;
};

}  // namespace thalweg::cli
