#include "thalweg/client/appender.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <vector>

#include "arrow/record_batch.h"
#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/format/arrow_batch.h"
#include "thalweg/format/arrow_datum.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/format/row_format.h"
#include "thalweg/format/row_records.h"

namespace thalweg::client {
namespace {

constexpr int32_t kAcksAll = -1;
constexpr int32_t kTimeoutMs = 30'000;
constexpr runtime::Nanos kFirstPause = std::chrono::milliseconds(50);

format::BodyCodec CodecOf(schema::CompressionType compression) {
  switch (compression) {
    case schema::CompressionType::kNone:
      return format::BodyCodec::kNone;
    case schema::CompressionType::kLz4Frame:
      return format::BodyCodec::kLz4Frame;
    case schema::CompressionType::kZstd:
      return format::BodyCodec::kZstd;
  }
  return format::BodyCodec::kNone;
}

}  // namespace

arrow::Result<std::unique_ptr<Appender>> Appender::Open(Connection& connection, TableInfo table,
                                                        AppenderLimits limits) {
  std::unique_ptr<Appender> appender(new Appender(connection, std::move(table), limits));
  ARROW_ASSIGN_OR_RAISE(appender->config_, schema::TableConfig::Make(appender->table_.descriptor.properties));
  pb::InitWriterRequest request;
  auto* path = request.add_table_path();
  path->set_database_name(appender->table_.path.database);
  path->set_table_name(appender->table_.path.table);
  pb::InitWriterResponse answer;
  ARROW_RETURN_NOT_OK(connection.Call(wire::ApiKey::kInitWriter, request, &answer));
  appender->writer_ = WriterId(answer.writer_id());
  return appender;
}

arrow::Result<Bytes> Appender::Encode(const arrow::RecordBatch& rows, int32_t sequence) const {
  const format::BatchHeader header{.schema_id = table_.schema_id, .writer_id = writer_, .batch_sequence = sequence};
  if (config_.log_format == schema::LogFormat::kArrow) {
    return format::EncodeArrowBatch(header, rows, {}, CodecOf(config_.compression));
  }
  const auto format =
      config_.log_format == schema::LogFormat::kIndexed ? format::RowFormat::kIndexed : format::RowFormat::kCompacted;
  const auto& columns = table_.descriptor.schema.columns();
  std::vector<schema::DataType> types;
  for (const auto& column : columns) types.push_back(column.type);
  std::vector<std::vector<uint8_t>> encoded;
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    std::vector<format::Datum> values;
    for (int column = 0; column < rows.num_columns(); ++column) {
      values.push_back(format::DatumAt(*rows.column(column), row));
    }
    ARROW_ASSIGN_OR_RAISE(encoded.emplace_back(), format::EncodeRow(format, values, types));
  }
  const std::vector<ByteView> views(encoded.begin(), encoded.end());
  format::BatchHeader appended = header;
  appended.attributes = format::kAppendOnlyAttribute;
  return format::EncodeRowBatch(appended, views, {});
}

bool Appender::Full(const BucketState& bucket, size_t bytes) const {
  return bucket.in_flight >= limits_.bucket_batches_max || in_flight_.size() >= limits_.batches_max ||
         in_flight_bytes_ + bytes > limits_.bytes_max;
}

arrow::Status Appender::Append(PartitionId partition, BucketId bucket, const arrow::RecordBatch& rows) {
  if (rows.num_rows() == 0) return arrow::Status::OK();
  const BucketKey key{partition, bucket};
  BucketState& state = buckets_[key];
  ARROW_ASSIGN_OR_RAISE(Bytes records, Encode(rows, state.next_sequence));
  while (!in_flight_.empty() && Full(state, records.size())) ARROW_RETURN_NOT_OK(AwaitOldest());
  ++state.next_sequence;
  ++state.in_flight;
  in_flight_bytes_ += records.size();
  in_flight_.push_back({.bucket = key, .records = std::move(records), .rows = static_cast<uint64_t>(rows.num_rows())});
  // A send that fails is found by whoever awaits it.
  (void)Send(in_flight_.back());
  return arrow::Status::OK();
}

arrow::Status Appender::Flush() {
  while (!in_flight_.empty()) ARROW_RETURN_NOT_OK(AwaitOldest());
  return arrow::Status::OK();
}

arrow::Status Appender::Send(InFlight& batch) {
  pb::ProduceLogRequest request;
  request.set_acks(kAcksAll);
  request.set_table_id(table_.id.value);
  request.set_timeout_ms(kTimeoutMs);
  auto* part = request.add_buckets_req();
  if (batch.bucket.first != kNoPartition) part->set_partition_id(batch.bucket.first.value);
  part->set_bucket_id(batch.bucket.second.value);
  part->set_records(batch.records.data(), batch.records.size());
  batch.request_id = -1;
  ARROW_ASSIGN_OR_RAISE(batch.request_id, connection_.Send(wire::ApiKey::kProduceLog, request));
  return arrow::Status::OK();
}

arrow::Status Appender::ReceiveAnswer(InFlight& batch) {
  if (batch.request_id < 0) return Error(ErrorCode::kNetwork, "The connection was lost.");
  pb::ProduceLogResponse answer;
  ARROW_RETURN_NOT_OK(connection_.Receive(std::exchange(batch.request_id, -1), &answer));
  if (answer.buckets_resp_size() != 1) {
    return Error(ErrorCode::kUnknownServerError, "The server answered for {} buckets instead of one.",
                 answer.buckets_resp_size());
  }
  const auto& result = answer.buckets_resp(0);
  if (result.has_error_code() && result.error_code() != 0) {
    return MakeError(static_cast<ErrorCode>(result.error_code()), result.error_message());
  }
  batch.acknowledged = true;
  return arrow::Status::OK();
}

arrow::Status Appender::AwaitOldest() {
  while (true) {
    const arrow::Status answered = ReceiveAnswer(in_flight_.front());
    if (answered.ok()) break;
    if (!IsRetriable(CodeOf(answered))) return answered;
    ARROW_RETURN_NOT_OK(Repeat(answered));
    if (in_flight_.front().acknowledged) break;
  }
  tries_ = 0;
  Drop();
  return arrow::Status::OK();
}

void Appender::Drop() {
  while (!in_flight_.empty() && in_flight_.front().acknowledged) {
    const InFlight& batch = in_flight_.front();
    --buckets_[batch.bucket].in_flight;
    in_flight_bytes_ -= batch.records.size();
    acknowledged_rows_ += batch.rows;
    in_flight_.pop_front();
  }
}

arrow::Status Appender::Repeat(const arrow::Status& why) {
  if (++tries_ >= limits_.tries_max) {
    return Error(CodeOf(why), "Gave up after {} tries: {}", tries_, why.message());
  }
  const auto pause = kFirstPause * (1 << std::min(tries_ - 1, 10));
  connection_.Sleep(std::min<runtime::Nanos>(pause, limits_.pause_max));
  // What else is under way is answered first: batches behind the one that failed were refused for their sequence, those
  // of other buckets may be on disk.
  bool lost = CodeOf(why) == ErrorCode::kNetwork || CodeOf(why) == ErrorCode::kRequestTimeOut;
  for (auto& batch : in_flight_) {
    if (batch.acknowledged || lost) continue;
    const arrow::Status answered = ReceiveAnswer(batch);
    lost = CodeOf(answered) == ErrorCode::kNetwork || CodeOf(answered) == ErrorCode::kRequestTimeOut;
  }
  if (lost) {
    const arrow::Status connected = connection_.Reconnect();
    // One that is not back yet is found by the next try, which counts.
    if (!connected.ok() && !IsRetriable(CodeOf(connected))) return connected;
  }
  for (auto& batch : in_flight_) {
    if (batch.acknowledged) continue;
    const arrow::Status sent = Send(batch);
    if (!sent.ok() && !IsRetriable(CodeOf(sent))) return sent;
  }
  return arrow::Status::OK();
}

}  // namespace thalweg::client
