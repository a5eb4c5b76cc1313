#include "thalweg/client/appender.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "arrow/record_batch.h"
#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"

namespace thalweg::client {
namespace {

constexpr int32_t kAcksAll = -1;
constexpr int32_t kTimeoutMs = 30'000;
constexpr runtime::Nanos kFirstPause = std::chrono::milliseconds(50);

/// PRODUCE_LOG and PUT_KV, which say the same of one batch.
template <typename Request>
Request RequestOf(const TableInfo& table, PartitionId partition, BucketId bucket, const Bytes& records) {
  Request request;
  request.set_acks(kAcksAll);
  request.set_table_id(table.id.value);
  request.set_timeout_ms(kTimeoutMs);
  auto* part = request.add_buckets_req();
  if (partition != kNoPartition) part->set_partition_id(partition.value);
  part->set_bucket_id(bucket.value);
  part->set_records(records.data(), records.size());
  return request;
}

template <typename Response>
arrow::Status CheckAnswer(Connection& connection, int32_t request_id) {
  Response answer;
  ARROW_RETURN_NOT_OK(connection.Receive(request_id, &answer));
  if (answer.buckets_resp_size() != 1) {
    return Error(ErrorCode::kUnknownServerError, "The server answered for {} buckets instead of one.",
                 answer.buckets_resp_size());
  }
  const auto& result = answer.buckets_resp(0);
  if (!result.has_error_code() || result.error_code() == 0) return arrow::Status::OK();
  return MakeError(static_cast<ErrorCode>(result.error_code()), result.error_message());
}

}  // namespace

arrow::Result<std::unique_ptr<Appender>> Appender::Open(Connection& connection, TableInfo table, AppenderLimits limits,
                                                        AppenderOptions options) {
  if (!options.target_columns.empty() && !table.descriptor.HasPrimaryKey()) {
    return Error(ErrorCode::kInvalidTable, "{} has no primary key: rows are appended to it whole.", table.path);
  }
  if (options.mean == RowsMean::kDelete && !table.descriptor.HasPrimaryKey()) {
    return Error(ErrorCode::kInvalidTable, "{} has no primary key, so that none of its rows can be deleted.",
                 table.path);
  }
  ARROW_ASSIGN_OR_RAISE(auto encoder, format::BatchEncoder::Make(table.schema_id, table.descriptor));
  std::unique_ptr<Appender> appender(
      new Appender(connection, std::move(table), std::move(encoder), limits, std::move(options)));
  pb::InitWriterRequest request;
  auto* path = request.add_table_path();
  path->set_database_name(appender->table_.path.database);
  path->set_table_name(appender->table_.path.table);
  pb::InitWriterResponse answer;
  ARROW_RETURN_NOT_OK(connection.Call(wire::ApiKey::kInitWriter, request, &answer));
  appender->writer_ = WriterId(answer.writer_id());
  return appender;
}

bool Appender::Full(const BucketState& bucket, size_t bytes) const {
  return bucket.in_flight >= limits_.bucket_batches_max || in_flight_.size() >= limits_.batches_max ||
         in_flight_bytes_ + bytes > limits_.bytes_max;
}

arrow::Status Appender::Append(PartitionId partition, BucketId bucket, const arrow::RecordBatch& rows) {
  if (rows.num_rows() == 0) return arrow::Status::OK();
  const BucketKey key{partition, bucket};
  BucketState& state = buckets_[key];
  ARROW_ASSIGN_OR_RAISE(Bytes records, options_.mean == RowsMean::kDelete
                                           ? encoder_.EncodeDeletes(rows, writer_, state.next_sequence)
                                           : encoder_.Encode(rows, writer_, state.next_sequence));
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
  const auto [partition, bucket] = batch.bucket;
  batch.request_id = -1;
  if (table_.descriptor.HasPrimaryKey()) {
    auto request = RequestOf<pb::PutKvRequest>(table_, partition, bucket, batch.records);
    request.mutable_target_columns()->Assign(options_.target_columns.begin(), options_.target_columns.end());
    ARROW_ASSIGN_OR_RAISE(batch.request_id, connection_.Send(wire::ApiKey::kPutKv, request));
  } else {
    ARROW_ASSIGN_OR_RAISE(batch.request_id,
                          connection_.Send(wire::ApiKey::kProduceLog,
                                           RequestOf<pb::ProduceLogRequest>(table_, partition, bucket, batch.records)));
  }
  return arrow::Status::OK();
}

arrow::Status Appender::ReceiveAnswer(InFlight& batch) {
  if (batch.request_id < 0) return Error(ErrorCode::kNetwork, "The connection was lost.");
  const int32_t request_id = std::exchange(batch.request_id, -1);
  ARROW_RETURN_NOT_OK(table_.descriptor.HasPrimaryKey() ? CheckAnswer<pb::PutKvResponse>(connection_, request_id)
                                                        : CheckAnswer<pb::ProduceLogResponse>(connection_, request_id));
  batch.acknowledged = true;
  return arrow::Status::OK();
}

arrow::Status Appender::AwaitOldest() {
  while (true) {
    arrow::Status answered = ReceiveAnswer(in_flight_.front());
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
