#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/array/array_primitive.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/builder_primitive.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "gtest/gtest.h"
#include "proto/fluss.pb.h"
#include "thalweg/format/aligned_row.h"
#include "thalweg/format/arrow_batch.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/service/test_server_internal.h"

namespace thalweg::service {

/// Rows (id, "name of id") from `first` on; with `columns` 1 only ids. For tests.
inline std::shared_ptr<arrow::RecordBatch> TestRows(int64_t first, int64_t count) {
  arrow::Int64Builder ids;
  arrow::StringBuilder names;
  for (int64_t i = first; i < first + count; ++i) {
    TW_CHECK(ids.Append(i).ok() && names.Append("name of " + std::to_string(i)).ok());
  }
  return arrow::RecordBatch::Make(
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("name", arrow::utf8())}), count,
      {ids.Finish().ValueOrDie(), names.Finish().ValueOrDie()});
}

struct TestBatch {
  int64_t first = 0;
  int64_t count = 1;
  WriterId writer = kNoWriter;
  int32_t sequence = -1;
  SchemaId schema{1};
  format::BodyCodec codec = format::BodyCodec::kNone;
  bool statistics = false;  ///< of id, as magic 1
};

inline std::string EncodeTestBatch(const TestBatch& batch) {
  const format::BatchHeader header{
      .schema_id = batch.schema, .writer_id = batch.writer, .batch_sequence = batch.sequence};
  const Bytes plain =
      format::EncodeArrowBatch(header, *TestRows(batch.first, batch.count), {}, batch.codec).ValueOrDie();
  if (!batch.statistics) return std::string(AsText(plain.view()));
  const std::vector<schema::DataType> types{{.kind = schema::TypeKind::kBigInt}};
  std::string block{1, 1, 0, 0, 0, 0, 0, 0, 0};
  for (const int64_t edge : {batch.first, batch.first + batch.count - 1}) {
    const format::Datum value{edge};
    const auto row = format::EncodeAlignedRow({&value, 1}, types).ValueOrDie();
    uint8_t size[4];
    StoreLittle(size, static_cast<int32_t>(row.size()));
    block.append(AsText(size)).append(AsText(row));
  }
  uint8_t block_size[4];
  StoreLittle(block_size, static_cast<int32_t>(block.size()));
  std::string made(AsText(plain.view().first(format::kHeaderBytesV0)));
  made.append(AsText(block_size)).append(block).append(AsText(plain.view().subspan(format::kHeaderBytesV0)));
  auto* bytes = reinterpret_cast<uint8_t*>(made.data());
  bytes[format::kMagicAt] = 1;
  StoreLittle(bytes + format::kLengthAt, static_cast<int32_t>(made.size() - format::kLengthPrefixBytes));
  format::StoreCrc({bytes, made.size()});
  return made;
}

/// The ids in a run of batches, for which `schema` is right. The CRC of projected batches is that of the whole ones.
inline std::vector<int64_t> IdsIn(const std::string& records, const std::shared_ptr<arrow::Schema>& schema,
                                  bool projected = true) {
  std::vector<int64_t> ids;
  for (format::BatchIterator it(AsBytes(records)); !it.AtEnd();) {
    const auto batch = it.Next();
    EXPECT_TRUE(batch.ok() && (projected || format::VerifyCrc(*batch).ok()));
    if (!batch.ok()) break;
    const auto rows = format::DecodeArrowBatch(*batch, schema);
    EXPECT_TRUE(rows.ok()) << rows.status();
    if (!rows.ok()) break;
    const auto column = std::static_pointer_cast<arrow::Int64Array>((*rows)->GetColumnByName("id"));
    for (int64_t i = 0; column && i < column->length(); ++i) ids.push_back(column->Value(i));
  }
  return ids;
}
inline std::vector<int64_t> IdsIn(const std::string& records) {
  return IdsIn(records, TestRows(0, 0)->schema(), false);
}

inline std::vector<int64_t> Range(int64_t first, int64_t end) {
  std::vector<int64_t> range;
  for (int64_t i = first; i < end; ++i) range.push_back(i);
  return range;
}

inline pb::PbTablePath PathOf(const std::string& table) {
  pb::PbTablePath path;
  path.set_database_name("fluss");
  path.set_table_name(table);
  return path;
}

inline schema::TableDescriptor LogTable(int32_t buckets = 1, std::vector<std::string> partition_keys = {}) {
  schema::TableDescriptor table;
  table.schema = schema::Schema::Make({.columns = {{.name = "id", .type = {.kind = schema::TypeKind::kBigInt}},
                                                   {.name = "name", .type = {.kind = schema::TypeKind::kString}}}})
                     .ValueOrDie();
  table.partition_keys = std::move(partition_keys);
  table.bucket_count = buckets;
  return table;
}

inline schema::TableDescriptor KeyTable() {
  schema::TableDescriptor table = LogTable();
  table.schema = schema::Schema::Make({.columns = table.schema.columns(), .primary_key = {"id"}}).ValueOrDie();
  return table;
}

/// A server with one connected client and the calls that most tests need.
class ServiceTest : public ::testing::Test {
 protected:
  void Start(TestServerOptions options = {}) {
    client_.reset();
    server_ = std::make_unique<TestServer>(std::move(options));
    client_ = server_->Connect();
  }
  void SetUp() override { Start(); }
  void TearDown() override { client_.reset(); }

  int64_t CreateTable(const std::string& name, const schema::TableDescriptor& table = LogTable()) {
    pb::CreateTableRequest request;
    *request.mutable_table_path() = PathOf(name);
    request.set_table_json(table.ToJson());
    request.set_ignore_if_exists(false);
    const auto created = client_->Call<pb::CreateTableResponse>(wire::ApiKey::kCreateTable, request);
    EXPECT_TRUE(created.ok()) << created.status();
    return server_->catalog->view()->FindTable({"fluss", name})->id.value;
  }

  static pb::ProduceLogRequest Produce(int64_t table, const std::string& records, int32_t bucket = 0,
                                       int32_t acks = -1) {
    pb::ProduceLogRequest request;
    request.set_acks(acks);
    request.set_table_id(table);
    request.set_timeout_ms(10'000);
    auto* part = request.add_buckets_req();
    part->set_bucket_id(bucket);
    part->set_records(records);
    return request;
  }
  pb::PbProduceLogRespForBucket Append(int64_t table, const std::string& records, int32_t bucket = 0,
                                       int32_t acks = -1) {
    const auto answer =
        client_->Call<pb::ProduceLogResponse>(wire::ApiKey::kProduceLog, Produce(table, records, bucket, acks));
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->buckets_resp(0) : pb::PbProduceLogRespForBucket();
  }

  static pb::FetchLogRequest Fetch(int64_t table, int64_t from = 0, int32_t bytes_max = 1 << 20) {
    pb::FetchLogRequest request;
    request.set_follower_server_id(-1);
    request.set_max_bytes(16 << 20);
    auto* wanted = request.add_tables_req();
    wanted->set_table_id(table);
    wanted->set_projection_pushdown_enabled(false);
    AddBucket(request, 0, from, bytes_max);
    return request;
  }
  static void AddBucket(pb::FetchLogRequest& request, int32_t number, int64_t from, int32_t bytes_max = 1 << 20) {
    auto* bucket = request.mutable_tables_req(0)->add_buckets_req();
    bucket->set_bucket_id(number);
    bucket->set_fetch_offset(from);
    bucket->set_max_fetch_bytes(bytes_max);
  }
  pb::FetchLogResponse Fetched(const pb::FetchLogRequest& request) {
    const auto answer = client_->Call<pb::FetchLogResponse>(wire::ApiKey::kFetchLog, request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : pb::FetchLogResponse();
  }
  pb::PbFetchLogRespForBucket FetchedOne(const pb::FetchLogRequest& request) {
    return Fetched(request).tables_resp(0).buckets_resp(0);
  }

  static ErrorCode CodeIn(const auto& answer) { return static_cast<ErrorCode>(answer.error_code()); }

  std::unique_ptr<TestServer> server_;
  std::unique_ptr<TestClient> client_;
};

}  // namespace thalweg::service
