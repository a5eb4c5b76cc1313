#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/client/admin.h"
#include "thalweg/client/connection.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/schema/table_config.h"

namespace thalweg::pb {
class FetchLogResponse;
class PbFetchLogRespForBucket;
}  // namespace thalweg::pb

namespace thalweg::client {

/// Where one bucket is read.
struct BucketRange {
  PartitionId partition = kNoPartition;
  BucketId bucket{};
  LogOffset from{};
  /// Exclusive; absent: for ever.
  std::optional<LogOffset> end{};
};

/// Rows that stand one behind the other in a bucket.
struct FetchedRows {
  PartitionId partition = kNoPartition;
  BucketId bucket{};
  LogOffset first{};
  int64_t commit_timestamp_ms = 0;
  std::shared_ptr<arrow::RecordBatch> rows;
  /// Of a table with a primary key: what each row is; empty otherwise.
  std::vector<format::ChangeType> changes{};
  /// What `rows` may refer to: they must not outlive it.
  Bytes memory{};
};

/// Reads some buckets of a log table, or of the changelog of a table with a primary key, each in order, with one request under way ahead of the rows handed out. Rows of
/// older schema versions come with nulls for the columns that they lack.
/// Thread safety: one thread at a time, together with the connection.
class LogReader {
 public:
  /// `columns`: positions in the table's schema, in any order, none twice; empty for all. Rows have them in that order.
  /// INVALID_COLUMN_PROJECTION where there is no such column.
  static arrow::Result<std::unique_ptr<LogReader>> Make(Connection& connection, TableInfo table,
                                                        std::vector<int32_t> columns);

  /// Buckets to read (on). One whose range is empty already is left out.
  void Add(const BucketRange& range);
  /// Whether every bucket has been read to its end.
  bool done() const { return ranges_.empty(); }

  /// What one request brings, after at most `wait_ms` where nothing is there yet. CORRUPT_RECORD where a batch cannot be
  /// read; the message names bucket and offset.
  arrow::Result<std::vector<FetchedRows>> Next(int32_t wait_ms);

  const std::shared_ptr<arrow::Schema>& schema() const { return output_schema_; }

 private:
  using BucketKey = std::pair<PartitionId, BucketId>;

  LogReader(Connection& connection, TableInfo table) : connection_(connection), table_(std::move(table)) {}

  bool projects() const { return !projection_.empty(); }
  arrow::Status SendFetch(int32_t wait_ms);
  arrow::Status Take(const pb::PbFetchLogRespForBucket& part, std::vector<FetchedRows>* to);
  arrow::Status TakeRemote(const pb::PbFetchLogRespForBucket& part, BucketRange& range, std::vector<FetchedRows>* to);
  arrow::Status TakeRecords(ByteView records, bool projected, BucketRange& range, std::vector<FetchedRows>* to);
  arrow::Result<std::vector<format::ChangeType>> ChangesOf(const format::LogBatchView& batch) const;
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Decode(const format::LogBatchView& batch, bool projected);
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> DecodeRows(const format::LogBatchView& batch, SchemaId id);
  /// Whole rows of some schema version as the columns that are asked for.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Shape(const arrow::RecordBatch& rows) const;
  arrow::Result<const schema::Schema*> SchemaOf(SchemaId id);

  Connection& connection_;
  const TableInfo table_;
  schema::TableConfig config_;
  std::vector<int32_t> columns_;     ///< as asked for; all of them where nobody chose
  std::vector<int32_t> projection_;  ///< ascending, as the server wants them; empty: whole rows
  std::shared_ptr<arrow::Schema> output_schema_;
  std::map<BucketKey, BucketRange> ranges_;
  std::map<SchemaId, schema::Schema> schemas_;
  std::optional<int32_t> request_id_;
};

}  // namespace thalweg::client
