#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/client/admin.h"
#include "thalweg/client/connection.h"
#include "thalweg/format/batch_encoder.h"

namespace thalweg::client {

struct AppenderLimits {
  /// Batches of one bucket that are sent and not acknowledged; servers recognise a repetition among the last 5.
  size_t bucket_batches_max = 5;
  /// Of all buckets together.
  size_t batches_max = 32;
  size_t bytes_max = 64u << 20;
  /// How often in a row the same batches may fail, and the longest wait between two tries.
  int tries_max = 8;
  runtime::Nanos pause_max = std::chrono::seconds(2);
};

/// What rows are for in a table with a primary key.
enum class RowsMean : uint8_t {
  kPut,     ///< each stands under its key from now on
  kDelete,  ///< whatever stands under their keys goes; other columns are not looked at
};

struct AppenderOptions {
  RowsMean mean = RowsMean::kPut;
  /// Positions of the only columns that rows put change, with those of the primary key among them; none: whole rows.
  std::vector<int32_t> target_columns{};
};

/// Appends rows to a log table, or puts them under their keys (or deletes these) where the table has a primary key, each
/// batch once: batches carry a writer id and a sequence, and what was not acknowledged is sent again, in order, when the
/// server asks for it or the connection breaks.
///
/// Invariants: 1. the batches of one bucket are acknowledged in the order of Append; 2. a row counts as acknowledged once
/// the server has it on disk; 3. after an error no further row is sent: what was acknowledged until then stays.
/// Thread safety: one thread at a time, together with the connection.
class Appender {
 public:
  /// INVALID_TABLE for deletes from a log table, and for some columns of one.
  static arrow::Result<std::unique_ptr<Appender>> Open(Connection& connection, TableInfo table,
                                                       AppenderLimits limits = {}, AppenderOptions options = {});

  /// Sends `rows`, of the table's Arrow schema, to one bucket as one batch. Waits for earlier acknowledgements where too
  /// many are outstanding.
  arrow::Status Append(PartitionId partition, BucketId bucket, const arrow::RecordBatch& rows);
  /// Waits until all is acknowledged.
  arrow::Status Flush();

  uint64_t acknowledged_rows() const { return acknowledged_rows_; }
  const TableInfo& table() const { return table_; }

 private:
  using BucketKey = std::pair<PartitionId, BucketId>;
  struct InFlight {
    BucketKey bucket;
    Bytes records;
    uint64_t rows = 0;
    int32_t request_id = -1;  ///< -1: has to be sent (again)
    bool acknowledged = false;
  };
  struct BucketState {
    int32_t next_sequence = 0;
    size_t in_flight = 0;
  };

  Appender(Connection& connection, TableInfo table, format::BatchEncoder encoder, AppenderLimits limits,
           AppenderOptions options)
      : connection_(connection),
        table_(std::move(table)),
        encoder_(std::move(encoder)),
        limits_(limits),
        options_(std::move(options)) {}

  bool Full(const BucketState& bucket, size_t bytes) const;
  arrow::Status Send(InFlight& batch);
  arrow::Status ReceiveAnswer(InFlight& batch);
  /// Waits for the oldest batch, whatever that takes.
  arrow::Status AwaitOldest();
  arrow::Status Repeat(const arrow::Status& why);
  void Drop();

  Connection& connection_;
  const TableInfo table_;
  const format::BatchEncoder encoder_;
  const AppenderLimits limits_;
  const AppenderOptions options_;
  WriterId writer_ = kNoWriter;
  std::map<BucketKey, BucketState> buckets_;
  std::deque<InFlight> in_flight_;
  size_t in_flight_bytes_ = 0;
  uint64_t acknowledged_rows_ = 0;
  int tries_ = 0;
};

}  // namespace thalweg::client
