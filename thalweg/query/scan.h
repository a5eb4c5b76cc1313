#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/ids.h"
#include "thalweg/query/scan_request.h"
#include "thalweg/query/session.h"
#include "thalweg/query/token.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"

namespace thalweg::query {

/// Rows of one bucket. Of a log they are in the order of offsets, and so are the batches of that bucket in a stream.
struct ScanBatch {
  std::shared_ptr<arrow::RecordBatch> rows;  ///< of Scan::schema(); null at the end of the stream. May have no rows.
  TableBucket bucket;
  LogOffset next;  ///< the scan of this bucket goes on here; of current rows: what the rows reflect
};

struct ScanStats {
  uint64_t rows_read = 0;  ///< decoded, before the filter
  uint64_t rows_given = 0;
  uint64_t bytes_read = 0;  ///< as they are stored
  uint64_t batches_read = 0;
  uint64_t batches_pruned = 0;  ///< left out by their statistics
  uint64_t buckets_pruned = 0;  ///< left out by the filter
};

class Scan;

/// One of the streams that a scan is read through; several threads read several of them. Ends early without harm.
/// Thread safety: one call at a time, by anybody.
class ScanStream {
 public:
  virtual ~ScanStream() = default;
  /// The next rows; ScanBatch::rows is null at the end. After an error, the same error. Resumes on `home`.
  ///
  /// CORRUPT_RECORD names bucket and offset; LOG_OFFSET_OUT_OF_RANGE where the range went from under the scan; UNKNOWN_TABLE_OR_BUCKET
  /// where the table was dropped; TOO_MANY_SCANNERS; REQUEST_TIME_OUT at the deadline; that of Cancel.
  virtual runtime::Task<arrow::Result<ScanBatch>> Next(runtime::Executor& home) = 0;
  const Scan& scan() const { return *scan_; }
  const std::shared_ptr<Scan>& shared_scan() const { return scan_; }

 protected:
  explicit ScanStream(std::shared_ptr<Scan> scan) : scan_(std::move(scan)) {}

 private:
  const std::shared_ptr<Scan> scan_;
};

/// One read of a table: planned once, read through one stream or several.
///
///   TW_CO_ASSIGN_OR_RETURN(auto scan, co_await Scan::Open(session, {.table = table, .limit = 10}, home));
///   for (auto& stream : scan->Split(2)) …                  // or one: scan->Split(1)
///     while (true) { batch = co_await stream->Next(home); … }
///
/// A scan that does not follow ends, of each bucket of a log, at what was visible when it was opened; current rows are those of
/// the moment at which their bucket is begun with, all of one bucket of one moment.
///
/// Thread safety: all calls but Split, which is called once.
class Scan : public std::enable_shared_from_this<Scan> {
 public:
  /// Checks, waits for request.at_least, plans. AUTHORIZATION without READ on the table; INVALID_COLUMN_PROJECTION;
  /// INVALID_SCAN_REQUEST; UNKNOWN_TABLE_OR_BUCKET; REQUEST_TIME_OUT. Resumes on `home`.
  static runtime::Task<arrow::Result<std::shared_ptr<Scan>>> Open(Session session, ScanRequest request,
                                                                  runtime::Executor& home);
  virtual ~Scan() = default;

  const ScanRequest& request() const { return request_; }
  const Environment& environment() const { return session_.environment(); }
  /// Of the batches.
  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }
  /// How many streams are of use at most: at least 1.
  virtual size_t streams_max() const = 0;
  /// 1 to `count` streams that share the work; together they bring every row once.
  virtual std::vector<std::unique_ptr<ScanStream>> Split(size_t count) = 0;

  /// What the rows that were given so far reflect; all of the read once its streams have ended.
  virtual Token token() const = 0;
  virtual ScanStats stats() const = 0;

  /// Ends it: whoever waits, and all later calls of Next, get `why`, which is an error (arrow::Status::Cancelled where nobody knows
  /// better). The first one counts. Does not wait.
  virtual void Cancel(arrow::Status why) = 0;

 protected:
  Scan(Session session, ScanRequest request, std::shared_ptr<arrow::Schema> schema)
      : session_(std::move(session)), request_(std::move(request)), schema_(std::move(schema)) {}

  const Session session_;
  const ScanRequest request_;
  const std::shared_ptr<arrow::Schema> schema_;
};

}  // namespace thalweg::query
