#include "thalweg/wire/lookup_call.h"

#include <memory>
#include <string>

#include "thalweg/base/check.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/wire/frame.h"
#include "thalweg/wire/message_reader.h"
#include "thalweg/wire/message_writer.h"

namespace thalweg::wire {
namespace {

// Field numbers: proto/fluss.proto. Both messages have the same ones.
constexpr uint32_t kTableId = 1, kBucketsReq = 2;
constexpr uint32_t kPartitionId = 1, kBucketId = 2, kKeys = 3;
constexpr uint32_t kBucketsResp = 1, kErrorCode = 3, kErrorMessage = 4, kValues = 5;
constexpr uint32_t kValue = 1;
constexpr int16_t kVersion = 0;

size_t BucketBytes(const LookupRequest::Bucket& bucket) {
  size_t size = NumberFieldBytes(kBucketId, bucket.bucket.value);
  if (bucket.partition != kNoPartition) size += NumberFieldBytes(kPartitionId, bucket.partition.value);
  for (const ByteView key : bucket.keys) size += LengthFieldBytes(kKeys, key.size());
  return size;
}

bool AddValue(ByteView message, LookupResult* to) {
  auto& value = to->values.emplace_back();
  MessageReader in(message);
  while (in.Next()) {
    if (in.field() == Field(kValue, WireType::kBytes)) value = in.bytes();
  }
  return in.ok();
}

bool AddValue(ByteView message, PrefixLookupResult* to) {
  auto& list = to->value_lists.emplace_back();
  MessageReader in(message);
  while (in.Next()) {
    if (in.field() == Field(kValue, WireType::kBytes)) list.push_back(in.bytes());
  }
  return in.ok();
}

template <typename Result>
bool DecodeResult(ByteView message, Result* to) {
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
      case Field(kErrorCode, WireType::kVarint):
        to->error = static_cast<ErrorCode>(in.int32());
        break;
      case Field(kErrorMessage, WireType::kBytes):
        to->error_message = std::string(AsText(in.bytes()));
        break;
      case Field(kValues, WireType::kBytes):
        if (!AddValue(in.bytes(), to)) return false;
        break;
    }
  }
  return in.ok() && has_bucket;
}

template <typename Result>
arrow::Result<std::vector<Result>> Decode(ByteView body) {
  std::vector<Result> results;
  MessageReader in(body);
  bool sound = true;
  while (sound && in.Next()) {
    if (in.field() == Field(kBucketsResp, WireType::kBytes)) sound = DecodeResult(in.bytes(), &results.emplace_back());
  }
  if (sound && in.ok()) return results;
  return Error(ErrorCode::kCorruptMessage, "The server's answer of {} bytes to a lookup is malformed.", body.size());
}

}  // namespace

Bytes EncodeLookupRequest(ApiKey key, int32_t request_id, const LookupRequest& request) {
  std::vector<size_t> sizes;
  size_t body_bytes = NumberFieldBytes(kTableId, request.table.value);
  for (const auto& bucket : request.buckets) {
    body_bytes += LengthFieldBytes(kBucketsReq, sizes.emplace_back(BucketBytes(bucket)));
  }
  constexpr size_t kHeadBytes = kLengthBytes + kRequestHeadBytes;
  TW_CHECK(kRequestHeadBytes + body_bytes <= kFrameBytesMax);
  auto frame = std::make_shared<Buffer>(kHeadBytes + body_bytes);
  StoreBig(frame->data(), static_cast<int32_t>(kRequestHeadBytes + body_bytes));
  StoreBig(frame->data() + 4, static_cast<int16_t>(key));
  StoreBig(frame->data() + 6, kVersion);
  StoreBig(frame->data() + 8, request_id);
  MessageWriter out(frame->data() + kHeadBytes);
  out.PutNumber(kTableId, request.table.value);
  for (size_t i = 0; i < request.buckets.size(); ++i) {
    const auto& bucket = request.buckets[i];
    out.PutLength(kBucketsReq, sizes[i]);
    if (bucket.partition != kNoPartition) out.PutNumber(kPartitionId, bucket.partition.value);
    out.PutNumber(kBucketId, bucket.bucket.value);
    for (const ByteView one : bucket.keys) out.PutText(kKeys, AsText(one));
  }
  TW_CHECK(out.position() == frame->data() + frame->size());
  return Bytes(std::shared_ptr<const Buffer>(std::move(frame)));
}

arrow::Result<std::vector<LookupResult>> DecodeLookupResponse(ByteView body) { return Decode<LookupResult>(body); }

arrow::Result<std::vector<PrefixLookupResult>> DecodePrefixLookupResponse(ByteView body) {
  return Decode<PrefixLookupResult>(body);
}

}  // namespace thalweg::wire
