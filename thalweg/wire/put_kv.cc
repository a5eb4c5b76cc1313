#include "thalweg/wire/put_kv.h"

#include <algorithm>
#include <memory>

#include "thalweg/base/check.h"
#include "thalweg/wire/frame.h"
#include "thalweg/wire/message_reader.h"
#include "thalweg/wire/message_writer.h"

namespace thalweg::wire {
namespace {

// Field numbers: proto/fluss.proto.
constexpr uint32_t kAcks = 1, kTableId = 2, kTimeoutMs = 3, kTargetColumns = 4, kBucketsReq = 5, kAggMode = 6;
constexpr uint32_t kPartitionId = 1, kBucketId = 2, kRecords = 3;
constexpr uint32_t kBucketsResp = 1, kErrorCode = 3, kErrorMessage = 4, kLogEndOffset = 5;

arrow::Status Malformed() {
  return Error(ErrorCode::kUnknownServerError, "The body of the PUT_KV request is malformed or incomplete.");
}

bool DecodeBucket(ByteView message, PutKvRequest::Bucket* to) {
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
        to->records = in.bytes();
        has_records = true;
        break;
    }
  }
  return in.ok() && has_bucket && has_records;
}

size_t ResultBytes(const PutKvResult& r) {
  size_t size = NumberFieldBytes(kBucketId, r.bucket.value);
  if (r.partition != kNoPartition) size += NumberFieldBytes(kPartitionId, r.partition.value);
  if (r.error != ErrorCode::kNone) {
    size += NumberFieldBytes(kErrorCode, static_cast<int32_t>(r.error));
    size += LengthFieldBytes(kErrorMessage, r.error_message.size());
  }
  if (r.log_end_offset) size += NumberFieldBytes(kLogEndOffset, r.log_end_offset->value);
  return size;
}

void PutResult(const PutKvResult& r, MessageWriter& out) {
  if (r.partition != kNoPartition) out.PutNumber(kPartitionId, r.partition.value);
  out.PutNumber(kBucketId, r.bucket.value);
  if (r.error != ErrorCode::kNone) {
    out.PutNumber(kErrorCode, static_cast<int32_t>(r.error));
    out.PutText(kErrorMessage, r.error_message);
  }
  if (r.log_end_offset) out.PutNumber(kLogEndOffset, r.log_end_offset->value);
}

}  // namespace

arrow::Result<PutKvRequest> DecodePutKvRequest(ByteView body) {
  PutKvRequest request;
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
      case Field(kTargetColumns, WireType::kBytes):
        if (!ReadPacked(in.bytes(), &request.target_columns)) return Malformed();
        break;
      case Field(kTargetColumns, WireType::kVarint):
        request.target_columns.push_back(in.int32());
        break;
      case Field(kBucketsReq, WireType::kBytes):
        if (request.buckets.size() == kPutBucketsMax) {
          return Error(ErrorCode::kRecordTooLarge,
                       "A PUT_KV request names more than {} buckets: send smaller requests.", kPutBucketsMax);
        }
        if (!DecodeBucket(in.bytes(), &request.buckets.emplace_back())) return Malformed();
        break;
      case Field(kAggMode, WireType::kVarint):
        request.agg_mode = in.int32();
        break;
    }
  }
  if (!in.ok() || !has_acks || !has_table || !has_timeout) return Malformed();
  return request;
}

Bytes EncodePutKvResponse(int32_t request_id, std::span<const PutKvResult> results) {
  size_t body_bytes = 0;
  for (const PutKvResult& r : results) body_bytes += LengthFieldBytes(kBucketsResp, ResultBytes(r));

  auto frame = std::make_shared<Buffer>(kResponseHeadBytes + body_bytes);
  std::ranges::copy(EncodeResponseHead(request_id, body_bytes), frame->data());
  MessageWriter out(frame->data() + kResponseHeadBytes);
  for (const PutKvResult& r : results) {
    out.PutLength(kBucketsResp, ResultBytes(r));
    PutResult(r, out);
  }
  TW_CHECK(out.position() == frame->data() + frame->size());
  return Bytes(std::move(frame));
}

}  // namespace thalweg::wire
