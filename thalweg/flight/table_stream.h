#pragma once

#include <memory>
#include <string>

#include "arrow/flight/server.h"
#include "arrow/result.h"
#include "thalweg/flight/call.h"
#include "thalweg/query/scan.h"
#include "thalweg/query/scan_reader.h"

namespace thalweg::flight {

/// The rows of a scan as messages: each with where it is in its bucket, the last one without rows and with the token.
/// Lives no longer than the call. Thread safety: none.
class TableStream final : public arrow::flight::FlightDataStream {
 public:
  /// `follows`: the token goes with every batch, since there is no last one.
  TableStream(const Call& call, std::shared_ptr<query::Scan> scan, bool follows);

  ~TableStream() override { (void)Close(); }

  std::shared_ptr<arrow::Schema> schema() override { return scan_->schema(); }
  arrow::Result<arrow::flight::FlightPayload> GetSchemaPayload() override;
  arrow::Result<arrow::flight::FlightPayload> Next() override;
  arrow::Status Close() override;

 private:
  arrow::Result<arrow::flight::FlightPayload> Payload();
  arrow::Result<arrow::flight::FlightPayload> Piece();
  arrow::Result<arrow::flight::FlightPayload> Last();
  arrow::Result<arrow::flight::FlightPayload> NoRows(const query::Token& token) const;
  std::string Position() const;

  const Call call_;
  const std::shared_ptr<query::Scan> scan_;
  const bool follows_;
  query::Token given_;  ///< what the batches sent so far amount to: the scan itself is ahead of them
  const std::unique_ptr<query::ScanReader> reader_;
  CallWatch::Entry entry_;

  query::ScanBatch batch_;                ///< what is being sent
  int64_t sent_rows_ = 0;                 ///< of it
  int64_t rows_at_a_time_ = 0;            ///< of it
  PartitionId partition_ = kNoPartition;  ///< whose name it is
  std::string partition_name_;
  bool begun_ = false;
  bool ended_ = false;
};

}  // namespace thalweg::flight
