#include "thalweg/flight/table_stream.h"

#include <utility>

#include "arrow/record_batch.h"
#include "proto/thalweg/flight/v1/flight.pb.h"
#include "thalweg/flight/flight_status.h"
#include "thalweg/flight/message_rows.h"
#include "thalweg/flight/read_request.h"

namespace thalweg::flight {
namespace {

std::unique_ptr<query::ScanReader> ReaderOf(query::Scan& scan) {
  auto streams = scan.Split(1);
  return query::ScanReader::Make(std::move(streams.front()));
}

}  // namespace

TableStream::TableStream(const Call& call, std::shared_ptr<query::Scan> scan, bool follows)
    : call_(call),
      scan_(std::move(scan)),
      follows_(follows),
      given_(scan_->token()),
      reader_(ReaderOf(*scan_)),
      entry_(call.services.watch.Watch(call.context,
                                       [scan = scan_](arrow::Status why) { scan->Cancel(std::move(why)); })) {}

arrow::Result<arrow::flight::FlightPayload> TableStream::GetSchemaPayload() { return SchemaMessage(*scan_->schema()); }

arrow::Result<arrow::flight::FlightPayload> TableStream::Next() {
  entry_.Sent();
  auto payload = Payload();
  if (!payload.ok()) return ToFlightStatus(payload.status());
  entry_.Sending();
  return payload;
}

arrow::Result<arrow::flight::FlightPayload> TableStream::Payload() {
  if (ended_) return arrow::flight::FlightPayload();
  // Where it begins, for who is cut off before anything has come.
  if (follows_ && !std::exchange(begun_, true)) return NoRows(given_);
  if (!batch_.rows || sent_rows_ >= batch_.rows->num_rows()) {
    batch_ = {};
    ARROW_ASSIGN_OR_RAISE(batch_, reader_->NextBatch());
    if (!batch_.rows) return Last();
    sent_rows_ = 0;
    if (batch_.bucket.partition != partition_) {
      partition_ = batch_.bucket.partition;
      partition_name_ = PartitionNameOf(call_, partition_);
    }
    rows_at_a_time_ = RowsWithin(*batch_.rows, call_.services.limits.message_bytes);
  }
  return Piece();
}

arrow::Result<arrow::flight::FlightPayload> TableStream::Piece() {
  const auto rows = batch_.rows->Slice(sent_rows_, rows_at_a_time_);
  sent_rows_ += rows->num_rows();
  if (sent_rows_ < batch_.rows->num_rows()) return RowsMessage(*rows, "");
  given_.Add(batch_.bucket, batch_.next);
  return RowsMessage(*rows, Position());
}

std::string TableStream::Position() const {
  v1::ReadPosition position;
  position.set_partition(partition_name_);
  position.set_bucket(batch_.bucket.bucket.value);
  position.set_next_offset(batch_.next.value);
  if (follows_) position.set_token(given_.ToString());
  return position.SerializeAsString();
}

arrow::Result<arrow::flight::FlightPayload> TableStream::Last() {
  ended_ = true;
  return NoRows(scan_->token());
}

arrow::Result<arrow::flight::FlightPayload> TableStream::NoRows(const query::Token& token) const {
  ARROW_ASSIGN_OR_RAISE(const auto none, arrow::RecordBatch::MakeEmpty(scan_->schema()));
  v1::ReadPosition position;
  position.set_token(token.ToString());
  return RowsMessage(*none, position.SerializeAsString());
}

arrow::Status TableStream::Close() {
  entry_ = {};
  // Nobody waits any more for what it waits for.
  scan_->Cancel(CallCancelled());
  return reader_->Close();
}

}  // namespace thalweg::flight
