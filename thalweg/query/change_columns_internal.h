#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/ids.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/query/log_decoder_internal.h"
#include "thalweg/query/table.h"

namespace thalweg::query {

/// Which columns of a table a scan takes in hand, and what of the base table has to be read for them.
struct ScanColumns {
  std::vector<int> scanned;   ///< positions in table.schema(), ascending: of output and filter
  std::vector<int> read;      ///< positions in the base table's latest schema, ascending
  bool change_types = false;  ///< these have to be read, too

  static ScanColumns Of(const Table& table, std::vector<int> scanned);
};

/// Rows, and the offset of each: ascending, and dense unless there is a binlog.
struct OffsetRows {
  arrow::ArrayVector columns;  ///< ScanColumns::scanned
  int64_t rows = 0;
  LogOffset first;               ///< of the first row,
  std::vector<int64_t> offsets;  ///< or of each, in a binlog
};

/// What the records of a batch are as rows of `table`. `decoded` has the columns `columns.read`.
arrow::Result<OffsetRows> MakeOffsetRows(const Table& table, const ScanColumns& columns,
                                         const format::BatchHeader& header, DecodedBatch decoded);

}  // namespace thalweg::query
