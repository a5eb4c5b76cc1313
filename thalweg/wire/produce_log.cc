#include "thalweg/wire/produce_log.h"

#include <algorithm>
#include <memory>

#include "thalweg/base/check.h"
#include "thalweg/wire/frame.h"
#include "thalweg/wire/message_reader.h"
#include "thalweg/wire/message_writer.h"

namespace thalweg::wire {
namespace {

// Field numbers: proto/fluss.proto.
constexpr uint32_t kAcks = 1, kTableId = 2, kTimeoutMs = 3, kBucketsReq = 4;
constexpr uint32_t kPartitionId = 1, kBucketId = 2, kRecords = 3;
constexpr uint32_t kBucketsResp = 1, kErrorCode = 3, kErrorMessage = 4, kBaseOffset = 5;

arrow::Status Malformed() {
  return Error(ErrorCode::kUnknownServerError, "The body of the PRODUCE_LOG request is malformed or incomplete.");
}

bool DecodeBucket(ByteView message, const uint8_t* body, ProduceLogRequest::Bucket* to) {
  bool has_bucket = false, has_records = false;
  MessageReader in(message);
  while (in.Next()) {
    switch (in.field()) {
      case Field(kPartitionId, WireType::kVarint):
        to->partition = PartitionId(in.int64());
        break;
      case Field(kBucketId, WireType::kVarint):
        to->bucket = BucketId(in.int32());
        has_bucket = true;
        break;
      case Field(kRecords, WireType::kBytes):
        to->records_offset = static_cast<size_t>(in.bytes().data() - body);
        to->records_bytes = in.bytes().size();
        has_records = true;
        break;
    }
  }
  return in.ok() && has_bucket && has_records;
}

size_t ResultBytes(const ProduceLogResult& r) {
  size_t size = NumberFieldBytes(kBucketId, r.bucket.value);
  if (r.partition != kNoPartition) size += NumberFieldBytes(kPartitionId, r.partition.value);
  if (r.error != ErrorCode::kNone) {
    size += NumberFieldBytes(kErrorCode, static_cast<int32_t>(r.error));
    size += LengthFieldBytes(kErrorMessage, r.error_message.size());
  }
  if (r.base_offset) size += NumberFieldBytes(kBaseOffset, r.base_offset->value);
  return size;
}

void PutResult(const ProduceLogResult& r, MessageWriter& out) {
  if (r.partition != kNoPartition) out.PutNumber(kPartitionId, r.partition.value);
  out.PutNumber(kBucketId, r.bucket.value);
  if (r.error != ErrorCode::kNone) {
    out.PutNumber(kErrorCode, static_cast<int32_t>(r.error));
    out.PutText(kErrorMessage, r.error_message);
  }
  if (r.base_offset) out.PutNumber(kBaseOffset, r.base_offset->value);
}

}  // namespace

arrow::Result<ProduceLogRequest> DecodeProduceLogRequest(ByteView body) {
  ProduceLogRequest request;
  bool has_acks = false, has_table = false, has_timeout = false;
  MessageReader in(body);
  while (in.Next()) {
    switch (in.field()) {
      case Field(kAcks, WireType::kVarint):
        request.acks = in.int32();
        has_acks = true;
        break;
      case Field(kTableId, WireType::kVarint):
        request.table = TableId(in.int64());
        has_table = true;
        break;
      case Field(kTimeoutMs, WireType::kVarint):
        request.timeout_ms = in.int32();
        has_timeout = true;
        break;
      case Field(kBucketsReq, WireType::kBytes):
        if (!DecodeBucket(in.bytes(), body.data(), &request.buckets.emplace_back())) return Malformed();
        break;
    }
  }
  if (!in.ok() || !has_acks || !has_table || !has_timeout) return Malformed();
  return request;
}

Bytes EncodeProduceLogResponse(int32_t request_id, std::span<const ProduceLogResult> results) {
  size_t body_bytes = 0;
  for (const ProduceLogResult& r : results) body_bytes += LengthFieldBytes(kBucketsResp, ResultBytes(r));

  auto frame = std::make_shared<Buffer>(kResponseHeadBytes + body_bytes);
  std::ranges::copy(EncodeResponseHead(request_id, body_bytes), frame->data());
  MessageWriter out(frame->data() + kResponseHeadBytes);
  for (const ProduceLogResult& r : results) {
    out.PutLength(kBucketsResp, ResultBytes(r));
    PutResult(r, out);
  }
  TW_CHECK(out.position() == frame->data() + frame->size());
  return Bytes(std::move(frame));
}

}  // namespace thalweg::wire
