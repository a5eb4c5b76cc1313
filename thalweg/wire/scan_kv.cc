#include "thalweg/wire/scan_kv.h"

#include <algorithm>
#include <memory>

#include "thalweg/base/check.h"
#include "thalweg/wire/frame.h"
#include "thalweg/wire/message_reader.h"
#include "thalweg/wire/message_writer.h"

namespace thalweg::wire {
namespace {

// Field numbers: proto/fluss.proto.
constexpr uint32_t kScannerId = 1, kBucketScanReq = 2, kCallSeqId = 3, kBatchSizeBytes = 4, kCloseScanner = 5;
constexpr uint32_t kTableId = 1, kPartitionId = 2, kBucketId = 3, kLimit = 4;
constexpr uint32_t kErrorCode = 1, kErrorMessage = 2, kScannerIdResp = 3, kHasMore = 4, kRecords = 5, kLogOffset = 6;

arrow::Status Malformed() {
  return Error(ErrorCode::kUnknownServerError, "The body of the SCAN_KV request is malformed or incomplete.");
}

bool DecodeBucket(ByteView message, ScanKvBucket* to) {
  bool has_table = false;
  bool has_bucket = false;
  MessageReader in(message);
  while (in.Next()) {
    switch (in.field()) {
      case Field(kTableId, WireType::kVarint):
        to->table = TableId(in.int64());
        has_table = true;
        break;
      case Field(kPartitionId, WireType::kVarint):
        to->partition = PartitionId(in.int64());
        break;
      case Field(kBucketId, WireType::kVarint):
        to->bucket = BucketId(in.int32());
        has_bucket = true;
        break;
      case Field(kLimit, WireType::kVarint):
        to->limit = in.int64();
        break;
    }
  }
  return in.ok() && has_table && has_bucket;
}

size_t BodyBytes(const ScanKvResult& result) {
  if (result.error != ErrorCode::kNone) {
    return NumberFieldBytes(kErrorCode, static_cast<int32_t>(result.error)) +
           LengthFieldBytes(kErrorMessage, result.error_message.size());
  }
  size_t size = NumberFieldBytes(kHasMore, result.has_more);
  if (!result.scanner_id.empty()) size += LengthFieldBytes(kScannerIdResp, result.scanner_id.size());
  if (!result.records.empty()) size += LengthFieldBytes(kRecords, result.records.size());
  if (result.offset) size += NumberFieldBytes(kLogOffset, result.offset->value);
  return size;
}

}  // namespace

arrow::Result<ScanKvRequest> DecodeScanKvRequest(ByteView body) {
  ScanKvRequest request;
  MessageReader in(body);
  while (in.Next()) {
    switch (in.field()) {
      case Field(kScannerId, WireType::kBytes):
        request.scanner_id = AsText(in.bytes());
        break;
      case Field(kBucketScanReq, WireType::kBytes):
        if (!DecodeBucket(in.bytes(), &request.open.emplace())) return Malformed();
        break;
      case Field(kCallSeqId, WireType::kVarint):
        request.call_sequence = in.int32();
        break;
      case Field(kBatchSizeBytes, WireType::kVarint):
        request.batch_bytes = in.int32();
        break;
      case Field(kCloseScanner, WireType::kVarint):
        request.close = in.boolean();
        break;
    }
  }
  if (!in.ok()) return Malformed();
  return request;
}

Bytes EncodeScanKvResponse(int32_t request_id, const ScanKvResult& result) {
  const size_t body_bytes = BodyBytes(result);
  auto frame = std::make_shared<Buffer>(kResponseHeadBytes + body_bytes);
  std::ranges::copy(EncodeResponseHead(request_id, body_bytes), frame->data());
  MessageWriter out(frame->data() + kResponseHeadBytes);
  if (result.error != ErrorCode::kNone) {
    out.PutNumber(kErrorCode, static_cast<int32_t>(result.error));
    out.PutText(kErrorMessage, result.error_message);
  } else {
    if (!result.scanner_id.empty()) out.PutText(kScannerIdResp, result.scanner_id);
    out.PutNumber(kHasMore, result.has_more);
    if (!result.records.empty()) out.PutText(kRecords, AsText(result.records));
    if (result.offset) out.PutNumber(kLogOffset, result.offset->value);
  }
  TW_CHECK(out.position() == frame->data() + frame->size());
  return Bytes(std::move(frame));
}

}  // namespace thalweg::wire
