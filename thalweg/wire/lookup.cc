#include "thalweg/wire/lookup.h"

#include <algorithm>
#include <memory>

#include "thalweg/base/check.h"
#include "thalweg/wire/frame.h"
#include "thalweg/wire/message_reader.h"
#include "thalweg/wire/message_writer.h"

namespace thalweg::wire {
namespace {

// Field numbers: proto/fluss.proto.
constexpr uint32_t kTableId = 1, kBucketsReq = 2, kInsertIfNotExists = 3, kAcks = 4, kTimeoutMs = 5;
constexpr uint32_t kPartitionId = 1, kBucketId = 2, kKeys = 3, kOriginalPartitionName = 4;
constexpr uint32_t kBucketsResp = 1, kErrorCode = 3, kErrorMessage = 4, kValues = 5, kOriginalPartitionNameResp = 6;
constexpr uint32_t kValue = 1;  // of both PbValue and PbValueList

arrow::Status Malformed() {
  return Error(ErrorCode::kUnknownServerError, "The body of the LOOKUP request is malformed or incomplete.");
}

arrow::Status TooMany(const char* what, size_t most) {
  return Error(ErrorCode::kRecordTooLarge, "A lookup names more than {} {}: ask for fewer at once.", most, what);
}

/// `keys_max`: keys beyond so many are counted and not kept.
bool DecodeBucket(ByteView message, size_t keys_max, LookupRequest::Bucket* to, size_t* keys) {
  bool has_bucket = false;
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
      case Field(kKeys, WireType::kBytes):
        if (++*keys <= keys_max) to->keys.push_back(in.bytes());
        break;
      case Field(kOriginalPartitionName, WireType::kBytes):
        to->original_partition_name = AsText(in.bytes());
        break;
    }
  }
  return in.ok() && has_bucket;
}

/// What the results of both kinds have in front.
template <typename Result>
size_t HeadBytes(const Result& r) {
  size_t size = NumberFieldBytes(kBucketId, r.bucket.value);
  if (r.partition != kNoPartition) size += NumberFieldBytes(kPartitionId, r.partition.value);
  if (r.error != ErrorCode::kNone) {
    size += NumberFieldBytes(kErrorCode, static_cast<int32_t>(r.error));
    size += LengthFieldBytes(kErrorMessage, r.error_message.size());
  }
  return size;
}

template <typename Result>
void PutHead(const Result& r, MessageWriter& out) {
  if (r.partition != kNoPartition) out.PutNumber(kPartitionId, r.partition.value);
  out.PutNumber(kBucketId, r.bucket.value);
  if (r.error != ErrorCode::kNone) {
    out.PutNumber(kErrorCode, static_cast<int32_t>(r.error));
    out.PutText(kErrorMessage, r.error_message);
  }
}

size_t ValueBytes(const std::optional<ByteView>& value) { return value ? LengthFieldBytes(kValue, value->size()) : 0; }

size_t ListBytes(const std::vector<ByteView>& list) {
  size_t size = 0;
  for (const ByteView value : list) size += LengthFieldBytes(kValue, value.size());
  return size;
}

size_t ResultBytes(const LookupResult& r) {
  size_t size = HeadBytes(r);
  for (const auto& value : r.values) size += LengthFieldBytes(kValues, ValueBytes(value));
  if (r.original_partition_name) {
    size += LengthFieldBytes(kOriginalPartitionNameResp, r.original_partition_name->size());
  }
  return size;
}

size_t ResultBytes(const PrefixLookupResult& r) {
  size_t size = HeadBytes(r);
  for (const auto& list : r.value_lists) size += LengthFieldBytes(kValues, ListBytes(list));
  return size;
}

void PutResult(const LookupResult& r, MessageWriter& out) {
  PutHead(r, out);
  for (const auto& value : r.values) {
    out.PutLength(kValues, ValueBytes(value));
    if (value) out.PutText(kValue, AsText(*value));
  }
  if (r.original_partition_name) out.PutText(kOriginalPartitionNameResp, *r.original_partition_name);
}

void PutResult(const PrefixLookupResult& r, MessageWriter& out) {
  PutHead(r, out);
  for (const auto& list : r.value_lists) {
    out.PutLength(kValues, ListBytes(list));
    for (const ByteView value : list) out.PutText(kValue, AsText(value));
  }
}

template <typename Result>
Bytes Encode(int32_t request_id, std::span<const Result> results) {
  // Sizes once: with a thousand values to a request they are most of the work.
  std::vector<size_t> sizes;
  sizes.reserve(results.size());
  size_t body_bytes = 0;
  for (const Result& r : results) body_bytes += LengthFieldBytes(kBucketsResp, sizes.emplace_back(ResultBytes(r)));

  auto frame = std::make_shared<Buffer>(kResponseHeadBytes + body_bytes);
  std::ranges::copy(EncodeResponseHead(request_id, body_bytes), frame->data());
  MessageWriter out(frame->data() + kResponseHeadBytes);
  for (size_t i = 0; i < results.size(); ++i) {
    out.PutLength(kBucketsResp, sizes[i]);
    PutResult(results[i], out);
  }
  TW_CHECK(out.position() == frame->data() + frame->size());
  return Bytes(std::move(frame));
}

}  // namespace

arrow::Result<LookupRequest> DecodeLookupRequest(ByteView body) {
  LookupRequest request;
  bool has_table = false;
  size_t keys = 0;
  MessageReader in(body);
  while (in.Next()) {
    switch (in.field()) {
      case Field(kTableId, WireType::kVarint):
        request.table = TableId(in.int64());
        has_table = true;
        break;
      case Field(kBucketsReq, WireType::kBytes):
        if (request.buckets.size() == kLookupBucketsMax) return TooMany("buckets", kLookupBucketsMax);
        if (!DecodeBucket(in.bytes(), kLookupKeysMax, &request.buckets.emplace_back(), &keys)) return Malformed();
        if (keys > kLookupKeysMax) return TooMany("keys", kLookupKeysMax);
        break;
      case Field(kInsertIfNotExists, WireType::kVarint):
        request.insert_if_not_exists = in.boolean();
        break;
      case Field(kAcks, WireType::kVarint):
        request.acks = in.int32();
        break;
      case Field(kTimeoutMs, WireType::kVarint):
        request.timeout_ms = in.int32();
        break;
    }
  }
  if (!in.ok() || !has_table) return Malformed();
  return request;
}

Bytes EncodeLookupResponse(int32_t request_id, std::span<const LookupResult> results) {
  return Encode(request_id, results);
}

Bytes EncodePrefixLookupResponse(int32_t request_id, std::span<const PrefixLookupResult> results) {
  return Encode(request_id, results);
}

}  // namespace thalweg::wire
