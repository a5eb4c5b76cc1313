#include "thalweg/flight/sql_stream.h"

#include <utility>

#include "arrow/record_batch.h"
#include "proto/thalweg/flight/v1/flight.pb.h"
#include "thalweg/flight/flight_status.h"
#include "thalweg/flight/message_rows.h"
#include "thalweg/flight/sql_statements.h"

namespace thalweg::flight {

SqlStream::SqlStream(const Call& call, SqlSessions::Lease lease, std::shared_ptr<sql::Statement> statement,
                     sql::Answer answer, RunningQueries::Entry running)
    : message_bytes_(call.services.limits.message_bytes),
      lease_(std::move(lease)),
      statement_(std::move(statement)),
      rows_(std::move(answer.rows)),
      statement_token_(std::move(answer.token)),
      running_(std::move(running)) {
  sql::Session* session = &**lease_;
  entry_ = call.services.watch.Watch(call.context, [session](const arrow::Status&) { session->Cancel(); });
}

SqlStream::SqlStream(const Call& call, std::shared_ptr<arrow::RecordBatchReader> rows, std::string token)
    : message_bytes_(call.services.limits.message_bytes), rows_(std::move(rows)), token_(std::move(token)) {}

SqlStream::~SqlStream() { (void)Close(); }

std::shared_ptr<arrow::Schema> SqlStream::schema() { return rows_->schema(); }

arrow::Result<arrow::flight::FlightPayload> SqlStream::GetSchemaPayload() { return SchemaMessage(*rows_->schema()); }

arrow::Result<arrow::flight::FlightPayload> SqlStream::Next() {
  entry_.Sent();
  auto payload = Payload();
  if (!payload.ok()) {
    // What it was cancelled for says more than that it was.
    const arrow::Status why = entry_.why();
    return ToFlightStatus(why.ok() ? payload.status() : why);
  }
  entry_.Sending();
  return payload;
}

arrow::Result<arrow::flight::FlightPayload> SqlStream::Payload() {
  if (ended_) return arrow::flight::FlightPayload();
  while (!batch_ || sent_rows_ >= batch_->num_rows()) {
    batch_.reset();
    ARROW_RETURN_NOT_OK(rows_->ReadNext(&batch_));
    if (!batch_) return Last();
    sent_rows_ = 0;
    rows_at_a_time_ = RowsWithin(*batch_, message_bytes_);
  }
  const auto rows = batch_->Slice(sent_rows_, rows_at_a_time_);
  sent_rows_ += rows->num_rows();
  return RowsMessage(*rows, "");
}

arrow::Result<arrow::flight::FlightPayload> SqlStream::Last() {
  ended_ = true;
  if (statement_token_) token_ = TokenText(statement_token_, message_bytes_);
  if (token_.empty()) return arrow::flight::FlightPayload();
  ARROW_ASSIGN_OR_RAISE(const auto none, arrow::RecordBatch::MakeEmpty(rows_->schema()));
  v1::ReadPosition position;
  position.set_token(token_);
  return RowsMessage(*none, position.SerializeAsString());
}

arrow::Status SqlStream::Close() {
  entry_ = {};
  running_.reset();
  if (!lease_) return arrow::Status::OK();
  const arrow::Status status = rows_->Close();
  batch_.reset();
  rows_.reset();
  statement_.reset();
  lease_.reset();
  return status;
}

}  // namespace thalweg::flight
