#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/ids.h"
#include "thalweg/query/session.h"
#include "thalweg/query/table.h"
#include "thalweg/query/token.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"

namespace thalweg::query {

enum class WriteKind : uint8_t {
  kAppend,  ///< to a log table
  kUpsert,  ///< rows under their keys; columns that the rows do not have stay as they are (a partial update)
  kDelete,  ///< of the keys that the rows have; other columns are not looked at
};

struct WriterOptions {
  TablePtr table{};
  WriteKind kind = WriteKind::kAppend;
  /// Past the table's merge engine: what AGGREGATION tables call overwrite.
  bool overwrite = false;
  int64_t timeout_ms = 30'000;  ///< of each write
};

struct BucketWritten {
  TableBucket bucket;
  LogOffset base;  ///< of kAppend: of the first row; else as `end`
  LogOffset end;   ///< behind what was written, or changed
  int64_t rows = 0;
};

/// What a write has brought about, durable and visible.
struct WriteAnswer {
  std::vector<BucketWritten> buckets;
  Token token;
  int64_t rows = 0;
};

/// Rows that are on their way into the buckets.
class Writing {
 public:
  virtual ~Writing() = default;
  /// Resumes on `home` when all is durable, or has failed. Once; before what its Writer works with goes.
  ///
  /// After errors of the storage (those of Engine::Append and Put) some buckets may have the rows and others not: the message says how
  /// many rows are in. Upserts and deletes may simply be repeated.
  virtual runtime::Task<arrow::Result<WriteAnswer>> Wait(runtime::Executor& home) = 0;
};

/// Writes rows into a table as Fluss's clients do: finds the partition that their values name, creating it where it is missing,
/// and the bucket by the bucket key's hash, or each bucket in turn; the order of rows of one bucket is kept.
///
/// Thread safety: one Start at a time.
class Writer {
 public:
  /// WRITE on the table. INVALID_TABLE where the kind of write is not of that table, or it is virtual; DELETION_DISABLED.
  static arrow::Result<std::unique_ptr<Writer>> Make(Session session, WriterOptions options);
  virtual ~Writer() = default;

  /// Hands `rows` to all their buckets at once, behind what was handed over before, and resumes on `home` without waiting for the device.
  /// Columns are found by name, in any order; they must be of the table's types or cast to them without loss. Columns that are missing are
  /// null (kAppend, where they may be).
  ///
  /// INVALID_TABLE for a column that the table does not have, a null where none may be, a value that does not fit;
  /// PARTITION_SPEC_INVALID, PARTITION_MAX_NUM: nothing of `rows` was written then.
  virtual runtime::Task<arrow::Result<std::unique_ptr<Writing>>> Start(std::shared_ptr<arrow::RecordBatch> rows,
                                                                       runtime::Executor& home) = 0;
  /// Start, and the end of it. The errors of both.
  runtime::Task<arrow::Result<WriteAnswer>> Write(std::shared_ptr<arrow::RecordBatch> rows, runtime::Executor& home);
};

}  // namespace thalweg::query
