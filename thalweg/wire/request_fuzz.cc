// Any bytes as a request frame: the head, and the body as the message that its key names. The decoders that we wrote
// ourselves must say what protobuf's say.

#include "google/protobuf/message_lite.h"
#include "proto/fluss.pb.h"
#include "proto/fluss_admin.pb.h"
#include "thalweg/base/check.h"
#include "thalweg/testing/fuzz.h"
#include "thalweg/wire/fetch_log.h"
#include "thalweg/wire/frame.h"
#include "thalweg/wire/produce_log.h"

namespace thalweg::wire {
namespace {

template <typename Message>
bool SameAsProtobuf(ByteView body, Message* message) {
  return message->ParsePartialFromArray(body.data(), static_cast<int>(body.size())) && message->IsInitialized();
}

// One way only: protobuf drops the surplus bits of an overlong varint, we refuse it.
void CheckProduceLog(ByteView body) {
  const auto decoded = DecodeProduceLogRequest(body);
  if (!decoded.ok()) return;
  pb::ProduceLogRequest expected;
  TW_CHECK(SameAsProtobuf(body, &expected));
  TW_CHECK(decoded->acks == expected.acks() && decoded->table.value == expected.table_id() &&
           decoded->timeout_ms == expected.timeout_ms());
  TW_CHECK(decoded->buckets.size() == static_cast<size_t>(expected.buckets_req_size()));
  for (size_t i = 0; i < decoded->buckets.size(); ++i) {
    const auto& bucket = decoded->buckets[i];
    const auto& other = expected.buckets_req(static_cast<int>(i));
    TW_CHECK(bucket.bucket.value == other.bucket_id());
    TW_CHECK(bucket.partition.value == (other.has_partition_id() ? other.partition_id() : -1));
    TW_CHECK(AsText(body.subspan(bucket.records_offset, bucket.records_bytes)) == other.records());
  }
}

void CheckFetchTable(const FetchLogRequest::Table& table, const pb::PbFetchLogReqForTable& expected) {
  TW_CHECK(table.table.value == expected.table_id());
  TW_CHECK(table.projection_pushdown_enabled == expected.projection_pushdown_enabled());
  TW_CHECK(std::ranges::equal(table.projected_fields, expected.projected_fields()));
  TW_CHECK((table.filter != nullptr) == expected.has_filter_predicate());
  if (table.filter) {
    TW_CHECK(table.filter->SerializeAsString() == expected.filter_predicate().SerializeAsString());
  }
  TW_CHECK(table.filter_schema_id.value_or(0) == expected.filter_schema_id());
  TW_CHECK(table.buckets.size() == static_cast<size_t>(expected.buckets_req_size()));
  for (size_t i = 0; i < table.buckets.size(); ++i) {
    const auto& bucket = table.buckets[i];
    const auto& other = expected.buckets_req(static_cast<int>(i));
    TW_CHECK(bucket.bucket.value == other.bucket_id() && bucket.fetch_offset.value == other.fetch_offset() &&
             bucket.max_fetch_bytes == other.max_fetch_bytes());
    TW_CHECK(bucket.partition.value == (other.has_partition_id() ? other.partition_id() : -1));
  }
}

void CheckFetchLog(ByteView body) {
  const auto decoded = DecodeFetchLogRequest(body);
  if (!decoded.ok()) return;
  pb::FetchLogRequest expected;
  TW_CHECK(SameAsProtobuf(body, &expected));
  TW_CHECK(decoded->follower_server_id == expected.follower_server_id() && decoded->max_bytes == expected.max_bytes());
  TW_CHECK(decoded->max_wait_ms.value_or(0) == expected.max_wait_ms());
  TW_CHECK(decoded->min_bytes.value_or(0) == expected.min_bytes());
  TW_CHECK(decoded->tables.size() == static_cast<size_t>(expected.tables_req_size()));
  for (size_t i = 0; i < decoded->tables.size(); ++i) {
    CheckFetchTable(decoded->tables[i], expected.tables_req(static_cast<int>(i)));
  }
}

template <typename Message>
void CheckBody(ByteView body) {
  Message message;
  if (!ParseBody(body, &message).ok()) return;
  const std::string again = message.SerializeAsString();
  Message copy;
  TW_CHECK(ParseBody(AsBytes(again), &copy).ok() && copy.SerializeAsString() == again);
}

void CheckRequest(const Request& request) {
  switch (request.key) {
    case ApiKey::kProduceLog:
      return CheckProduceLog(request.body);
    case ApiKey::kFetchLog:
      return CheckFetchLog(request.body);
    case ApiKey::kApiVersions:
      return CheckBody<pb::ApiVersionsRequest>(request.body);
    case ApiKey::kAuthenticate:
      return CheckBody<pb::AuthenticateRequest>(request.body);
    case ApiKey::kGetMetadata:
      return CheckBody<pb::MetadataRequest>(request.body);
    case ApiKey::kCreateTable:
      return CheckBody<pb::CreateTableRequest>(request.body);
    case ApiKey::kAlterTable:
      return CheckBody<pb::AlterTableRequest>(request.body);
    case ApiKey::kCreatePartition:
      return CheckBody<pb::CreatePartitionRequest>(request.body);
    case ApiKey::kListOffsets:
      return CheckBody<pb::ListOffsetsRequest>(request.body);
    case ApiKey::kCreateAcls:
      return CheckBody<pb::CreateAclsRequest>(request.body);
    default:
      return CheckBody<pb::LimitScanRequest>(request.body);
  }
}

std::string Frame(ApiKey key, const google::protobuf::MessageLite& body) {
  return std::string(AsText(EncodeRequest(key, 0, 7, body).view().subspan(kLengthBytes)));
}

pb::FetchLogRequest FetchWithFilter() {
  pb::FetchLogRequest fetch;
  fetch.set_follower_server_id(-1);
  fetch.set_max_bytes(1 << 20);
  fetch.set_max_wait_ms(500);
  auto* table = fetch.add_tables_req();
  table->set_table_id(3);
  table->set_projection_pushdown_enabled(true);
  table->add_projected_fields(0);
  table->add_projected_fields(2);
  auto* bucket = table->add_buckets_req();
  bucket->set_bucket_id(1);
  bucket->set_fetch_offset(-2);
  bucket->set_max_fetch_bytes(4096);
  auto* leaf = table->mutable_filter_predicate()->mutable_leaf();
  leaf->ParsePartialFromString(std::string("\x08\x01\x10\x02", 4));
  return fetch;
}

}  // namespace
}  // namespace thalweg::wire

std::vector<std::string> FuzzSeeds() {
  using namespace thalweg::wire;
  namespace pb = thalweg::pb;
  pb::ProduceLogRequest produce;
  produce.set_acks(-1);
  produce.set_table_id(3);
  produce.set_timeout_ms(30'000);
  auto* bucket = produce.add_buckets_req();
  bucket->set_partition_id(5);
  bucket->set_bucket_id(2);
  bucket->set_records("records");
  pb::FetchLogRequest fetch = FetchWithFilter();
  pb::FetchLogRequest plain = fetch;
  plain.mutable_tables_req(0)->clear_filter_predicate();
  pb::CreateTableRequest create;
  create.mutable_table_path()->set_database_name("db");
  create.mutable_table_path()->set_table_name("t");
  create.set_table_json("{\"version\":1}");
  create.set_ignore_if_exists(false);
  pb::ApiVersionsRequest versions;
  versions.set_client_software_name("fluss");
  versions.set_client_software_version("0.1.0");
  return {Frame(ApiKey::kProduceLog, produce),   Frame(ApiKey::kFetchLog, plain),
          Frame(ApiKey::kFetchLog, fetch),       Frame(ApiKey::kCreateTable, create),
          Frame(ApiKey::kApiVersions, versions), Frame(ApiKey::kGetMetadata, pb::MetadataRequest())};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto request = thalweg::wire::DecodeRequest({data, size});
  TW_CHECK(request.ok() == (size >= thalweg::wire::kRequestHeadBytes));
  if (request.ok()) thalweg::wire::CheckRequest(*request);
  return 0;
}
