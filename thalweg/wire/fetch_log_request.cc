#include "proto/fluss.pb.h"
#include "thalweg/wire/fetch_log.h"
#include "thalweg/wire/message_reader.h"

namespace thalweg::wire {
namespace {

// Field numbers: proto/fluss.proto.
constexpr uint32_t kFollowerServerId = 1, kMaxBytes = 2, kTablesReq = 3, kMaxWaitMs = 4, kMinBytes = 5,
                   kReadPreference = 6;
constexpr uint32_t kTableId = 1, kProjectionEnabled = 2, kProjectedFields = 3, kBucketsReq = 4, kFilterPredicate = 5,
                   kFilterSchemaId = 6;
constexpr uint32_t kPartitionId = 1, kBucketId = 2, kFetchOffset = 3, kMaxFetchBytes = 4;

arrow::Status Malformed() {
  return Error(ErrorCode::kUnknownServerError, "The body of the FETCH_LOG request is malformed or incomplete.");
}

bool DecodeBucket(ByteView message, FetchLogRequest::Bucket* to) {
  bool has_bucket = false, has_offset = false, has_max = false;
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
      case Field(kFetchOffset, WireType::kVarint):
        to->fetch_offset = LogOffset(in.int64());
        has_offset = true;
        break;
      case Field(kMaxFetchBytes, WireType::kVarint):
        to->max_fetch_bytes = in.int32();
        has_max = true;
        break;
    }
  }
  return in.ok() && has_bucket && has_offset && has_max;
}

// A message field that comes twice is merged, not replaced: hence the one predicate for all calls.
bool MergePredicate(ByteView message, std::shared_ptr<pb::PbPredicate>& to) {
  if (!to) to = std::make_shared<pb::PbPredicate>();
  pb::PbPredicate part;
  if (!part.ParsePartialFromArray(message.data(), static_cast<int>(message.size()))) return false;
  to->MergeFrom(part);
  return true;
}

bool DecodeTable(ByteView message, FetchLogRequest::Table* to) {
  bool has_table = false, has_projection = false;
  std::shared_ptr<pb::PbPredicate> filter;
  MessageReader in(message);
  while (in.Next()) {
    switch (in.field()) {
      case Field(kTableId, WireType::kVarint):
        to->table = TableId(in.int64());
        has_table = true;
        break;
      case Field(kProjectionEnabled, WireType::kVarint):
        to->projection_pushdown_enabled = in.boolean();
        has_projection = true;
        break;
      case Field(kProjectedFields, WireType::kBytes):
        if (!ReadPacked(in.bytes(), &to->projected_fields)) return false;
        break;
      case Field(kProjectedFields, WireType::kVarint):
        to->projected_fields.push_back(in.int32());
        break;
      case Field(kBucketsReq, WireType::kBytes):
        if (!DecodeBucket(in.bytes(), &to->buckets.emplace_back())) return false;
        break;
      case Field(kFilterPredicate, WireType::kBytes):
        if (!MergePredicate(in.bytes(), filter)) return false;
        break;
      case Field(kFilterSchemaId, WireType::kVarint):
        to->filter_schema_id = in.int32();
        break;
    }
  }
  if (filter && !filter->IsInitialized()) return false;
  to->filter = std::move(filter);
  return in.ok() && has_table && has_projection;
}

}  // namespace

arrow::Result<FetchLogRequest> DecodeFetchLogRequest(ByteView body) {
  FetchLogRequest request;
  bool has_follower = false, has_max = false;
  MessageReader in(body);
  while (in.Next()) {
    switch (in.field()) {
      case Field(kFollowerServerId, WireType::kVarint):
        request.follower_server_id = in.int32();
        has_follower = true;
        break;
      case Field(kMaxBytes, WireType::kVarint):
        request.max_bytes = in.int32();
        has_max = true;
        break;
      case Field(kTablesReq, WireType::kBytes):
        if (!DecodeTable(in.bytes(), &request.tables.emplace_back())) return Malformed();
        break;
      case Field(kMaxWaitMs, WireType::kVarint):
        request.max_wait_ms = in.int32();
        break;
      case Field(kMinBytes, WireType::kVarint):
        request.min_bytes = in.int32();
        break;
      case Field(kReadPreference, WireType::kVarint):
        request.read_preference = in.int32();
        break;
    }
  }
  if (!in.ok() || !has_follower || !has_max) return Malformed();
  return request;
}

}  // namespace thalweg::wire
