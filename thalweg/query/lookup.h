#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/query/session.h"
#include "thalweg/query/table.h"
#include "thalweg/query/token.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"

namespace thalweg::query {

struct LookupRequest {
  TablePtr table{};  ///< of kind kPrimaryKey
  /// The keys: columns are found by name, in any order, and must be of the table's types or cast to them without loss.
  std::shared_ptr<arrow::RecordBatch> keys{};
  /// Of the result: positions in the table's schema. Absent: all.
  std::optional<std::vector<int>> columns{};
  Token at_least{};
  int64_t at_least_wait_ms = 10'000;
  /// Of the values found; beyond it RECORD_TOO_LARGE, which says to ask for fewer keys.
  uint64_t bytes_max = 64u << 20;
};

/// The rows under some keys.
struct LookupAnswer {
  /// As many rows as keys, in their order; where there is none, all columns are null. Every field is nullable.
  std::shared_ptr<arrow::RecordBatch> rows;
  std::shared_ptr<arrow::BooleanArray> found;
  Token token;  ///< at least that is reflected, of the buckets that were asked
};
/// The rows under whole primary keys. `keys` has exactly the primary key's columns. READ. INVALID_TABLE where a key column is
/// missing, unknown or null; NON_PRIMARY_KEY_TABLE. A partition that is not there has no rows. Resumes on `home`.
runtime::Task<arrow::Result<LookupAnswer>> Lookup(Session session, LookupRequest request, runtime::Executor& home);

/// The rows under prefixes of keys.
struct PrefixAnswer {
  std::shared_ptr<arrow::RecordBatch> rows;  ///< of the table's columns that were asked for
  /// Of each row, which of the keys it belongs to: ascending; within a key, rows ascend by primary key as it is encoded.
  std::shared_ptr<arrow::Int32Array> key_index;
  Token token;
};
/// All rows whose primary key begins with the columns that `keys` has: the partition key, and of the rest of the primary key a
/// prefix that contains the bucket key. INVALID_TABLE where they are not that. Otherwise as Lookup.
runtime::Task<arrow::Result<PrefixAnswer>> PrefixLookup(Session session, LookupRequest request,
                                                        runtime::Executor& home);

}  // namespace thalweg::query
