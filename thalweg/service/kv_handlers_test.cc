// PUT_KV, LOOKUP, PREFIX_LOOKUP, and what LIMIT_SCAN and GET_TABLE_STATS say of tables with a primary key.

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/format/key_encoder.h"
#include "thalweg/format/kv_batch.h"
#include "thalweg/format/row_format.h"
#include "thalweg/format/value_batch.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using wire::ApiKey;

const schema::DataType kId = schema::NotNull(schema::MakeType(schema::TypeKind::kBigInt));
const schema::DataType kName = schema::MakeType(schema::TypeKind::kString);

std::string Key(int64_t id) {
  return std::string(
      AsText(format::EncodeKey(format::KeyFormat::kCompacted, {{format::Datum{id}}}, {{kId}}).ValueOrDie()));
}

std::string Row(int64_t id, const std::string& name) {
  const std::vector<format::Datum> values = {{id}, {name}};
  const std::vector<schema::DataType> types = {kId, kName};
  return std::string(AsText(format::EncodeRow(format::RowFormat::kCompacted, values, types).ValueOrDie()));
}

std::string Name(std::string_view value) {
  const std::vector<schema::DataType> types = {kId, kName};
  const auto stored = format::ParseStoredValue(AsBytes(value)).ValueOrDie();
  EXPECT_EQ(stored.schema_id, SchemaId(1));
  return *(*format::DecodeRow(format::RowFormat::kCompacted, stored.row, types))[1].get_if<std::string>();
}

class KvHandlersTest : public ServiceTest {
 protected:
  void SetUp() override {
    Start();
    keyed_ = CreateTable("keyed", KeyTable());
  }

  /// Rows "name of id", or deletions.
  pb::PutKvRequest Request(const std::vector<std::pair<int64_t, std::optional<std::string>>>& puts) const {
    format::KvBatchBuilder batch;
    for (const auto& [id, name] : puts) {
      const std::string row = name ? Row(id, *name) : "";
      batch.Append(AsBytes(Key(id)), name ? std::optional(AsBytes(row)) : std::nullopt);
    }
    pb::PutKvRequest request;
    request.set_acks(-1);
    request.set_table_id(keyed_);
    request.set_timeout_ms(10'000);
    auto* bucket = request.add_buckets_req();
    bucket->set_bucket_id(0);
    bucket->set_records(std::string(AsText(batch.Finish(SchemaId(1), kNoWriter, -1))));
    return request;
  }
  pb::PbPutKvRespForBucket Put(const pb::PutKvRequest& request) {
    const auto answer = client_->Call<pb::PutKvResponse>(ApiKey::kPutKv, request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->buckets_resp(0) : pb::PbPutKvRespForBucket();
  }
  pb::PbLookupRespForBucket LookUp(int64_t table, const std::vector<int64_t>& ids) {
    pb::LookupRequest request;
    request.set_table_id(table);
    auto* bucket = request.add_buckets_req();
    bucket->set_bucket_id(0);
    for (const int64_t id : ids) bucket->add_keys(Key(id));
    const auto answer = client_->Call<pb::LookupResponse>(ApiKey::kLookup, request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->buckets_resp(0) : pb::PbLookupRespForBucket();
  }

  int64_t keyed_ = 0;
};

TEST_F(KvHandlersTest, WhatIsPutIsFoundUntilItIsDeleted) {
  EXPECT_EQ(Put(Request({{1, "a"}, {2, "b"}})).log_end_offset(), 2);
  EXPECT_EQ(Put(Request({{1, "c"}, {2, std::nullopt}})).log_end_offset(), 5);
  const auto found = LookUp(keyed_, {1, 2, 3});
  EXPECT_FALSE(found.has_error_code());
  ASSERT_EQ(found.values_size(), 3);
  EXPECT_EQ(Name(found.values(0).values()), "c");
  EXPECT_FALSE(found.values(1).has_values());
  EXPECT_FALSE(found.values(2).has_values());
}

TEST_F(KvHandlersTest, LookupsThatPutWhatIsMissingPutItOnce) {
  auto numbered = KeyTable();
  numbered.schema = schema::Schema::Make({.columns = {{.name = "id", .type = kId},
                                                      {.name = "number", .type = {.kind = schema::TypeKind::kBigInt}}},
                                          .primary_key = {"id"},
                                          .auto_increment_columns = {"number"}})
                        .ValueOrDie();
  const int64_t table = CreateTable("numbered", numbered);
  pb::LookupRequest request;
  request.set_table_id(table);
  request.set_insert_if_not_exists(true);
  request.set_timeout_ms(10'000);
  request.add_buckets_req()->set_bucket_id(0);
  const auto other = server_->Connect();
  std::vector<std::pair<TestClient*, int32_t>> sent;
  // Whatever it says of acks: what it puts it has to find again.
  for (const int32_t acks : {-1, 0, 1, 0, -1}) {
    request.set_acks(acks);
    auto* bucket = request.mutable_buckets_req(0);
    bucket->clear_keys();
    for (const int32_t id : {10 + acks, 7}) bucket->add_keys(Key(id));
    for (TestClient* const client : {client_.get(), other.get()}) {
      sent.emplace_back(client, client->Send(ApiKey::kLookup, request));
    }
  }
  std::set<std::string> rows;
  for (const auto& [client, id] : sent) {
    const auto answer = client->Receive<pb::LookupResponse>(id);
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_EQ(answer->buckets_resp(0).values_size(), 2) << answer->buckets_resp(0).error_message();
    for (const auto& value : answer->buckets_resp(0).values()) {
      EXPECT_TRUE(value.has_values());
      rows.insert(value.values());
    }
  }
  EXPECT_EQ(rows.size(), 4u) << "each key has one row for all";
  EXPECT_EQ(FetchedOne(Fetch(table)).high_watermark(), 4) << "and one change";
}

TEST_F(KvHandlersTest, ALookupThatHasToPutRefusesAcksThatItDoesNotKnow) {
  Put(Request({{1, "a"}}));
  pb::LookupRequest request;
  request.set_table_id(keyed_);
  request.set_insert_if_not_exists(true);
  request.set_timeout_ms(10'000);
  request.set_acks(2);
  auto* bucket = request.add_buckets_req();
  bucket->set_bucket_id(0);
  bucket->add_keys(Key(1));
  const auto there = client_->Call<pb::LookupResponse>(ApiKey::kLookup, request);
  ASSERT_TRUE(there.ok()) << there.status();
  EXPECT_TRUE(there->buckets_resp(0).values(0).has_values()) << "nothing has to be put";
  bucket->add_keys(Key(2));
  const auto missing = client_->Call<pb::LookupResponse>(ApiKey::kLookup, request);
  EXPECT_EQ(CodeOf(missing.status()), ErrorCode::kInvalidRequiredAcks) << missing.status();
  EXPECT_FALSE(LookUp(keyed_, {2}).values(0).has_values());
}

TEST_F(KvHandlersTest, APutOfMoreRecordsThanOneRequestMayHaveIsRefused) {
  format::KvBatchBuilder batch;
  for (int i = 0; i < 600'000; ++i) batch.Append(AsBytes("k"), std::nullopt);
  auto request = Request({});
  request.mutable_buckets_req(0)->set_records(std::string(AsText(batch.Finish(SchemaId(1), kNoWriter, -1))));
  EXPECT_FALSE(Put(request).has_error_code());
  *request.add_buckets_req() = request.buckets_req(0);
  const auto refused = client_->Call<pb::PutKvResponse>(ApiKey::kPutKv, request);
  EXPECT_EQ(CodeOf(refused.status()), ErrorCode::kRecordTooLarge) << refused.status();
}

TEST_F(KvHandlersTest, PrefixesFindTheRowsBehindThem) {
  Put(Request({{1, "a"}, {200, "b"}, {201, "c"}}));
  pb::PrefixLookupRequest request;
  request.set_table_id(keyed_);
  auto* bucket = request.add_buckets_req();
  bucket->set_bucket_id(0);
  bucket->add_keys(Key(200));
  bucket->add_keys("");
  bucket->add_keys("nothing");
  const auto answer = client_->Call<pb::PrefixLookupResponse>(ApiKey::kPrefixLookup, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  const auto& found = answer->buckets_resp(0);
  ASSERT_EQ(found.value_lists_size(), 3);
  ASSERT_EQ(found.value_lists(0).values_size(), 1);
  EXPECT_EQ(Name(found.value_lists(0).values(0)), "b");
  EXPECT_EQ(found.value_lists(1).values_size(), 3);
  EXPECT_EQ(found.value_lists(2).values_size(), 0);
}

TEST_F(KvHandlersTest, ALimitScanGivesTheFirstRowsByKey) {
  pb::LimitScanRequest request;
  request.set_table_id(keyed_);
  request.set_bucket_id(0);
  request.set_limit(2);
  const auto names = [&] {
    const auto answer = client_->Call<pb::LimitScanResponse>(ApiKey::kLimitScan, request);
    EXPECT_TRUE(answer.ok() && !answer->has_error_code() && !answer->is_log_table());
    std::vector<std::string> found;
    for (const ByteView value : format::ParseValueBatch(AsBytes(answer->records())).ValueOrDie()) {
      found.push_back(Name(AsText(value)));
    }
    return found;
  };
  EXPECT_THAT(names(), IsEmpty());
  Put(Request({{3, "c"}, {1, "a"}, {2, "b"}}));
  EXPECT_THAT(names(), ElementsAre("a", "b"));
}

TEST_F(KvHandlersTest, ALimitScanOfMoreThanAnAnswerMayTakeIsNotCutShort) {
  for (int64_t id = 0; id < 18; ++id) {
    ASSERT_FALSE(Put(Request({{id, std::string(1 << 20, static_cast<char>('a' + id))}})).has_error_code());
  }
  pb::LimitScanRequest request;
  request.set_table_id(keyed_);
  request.set_bucket_id(0);
  request.set_limit(18);
  auto answer = client_->Call<pb::LimitScanResponse>(ApiKey::kLimitScan, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(CodeIn(*answer), ErrorCode::kRecordTooLarge);
  EXPECT_THAT(answer->error_message(), ::testing::HasSubstr("ask for fewer rows"));
  request.set_limit(2);
  answer = client_->Call<pb::LimitScanResponse>(ApiKey::kLimitScan, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(CodeIn(*answer), ErrorCode::kNone) << answer->error_message();
  EXPECT_EQ(format::ParseValueBatch(AsBytes(answer->records())).ValueOrDie().size(), 2u) << "larger rows than most";
}

TEST_F(KvHandlersTest, RowsAreCounted) {
  Put(Request({{1, "a"}, {2, "b"}, {1, "c"}, {2, std::nullopt}}));
  pb::GetTableStatsRequest request;
  request.set_table_id(keyed_);
  request.add_buckets_req()->set_bucket_id(0);
  const auto answer = client_->Call<pb::GetTableStatsResponse>(ApiKey::kGetTableStats, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->buckets_resp(0).row_count(), 1);
}

TEST_F(KvHandlersTest, OnlyTheServerWritesTheChangelog) {
  EXPECT_EQ(CodeIn(Append(keyed_, EncodeTestBatch({.count = 2}))), ErrorCode::kInvalidTable);
}

TEST_F(KvHandlersTest, RefusesWhatMakesNoSense) {
  const int64_t plain = CreateTable("plain");
  auto request = Request({{1, "a"}});
  request.set_table_id(plain);
  EXPECT_EQ(CodeIn(Put(request)), ErrorCode::kNonPrimaryKeyTable);
  EXPECT_EQ(CodeIn(LookUp(plain, {1})), ErrorCode::kNonPrimaryKeyTable);
  request = Request({{1, "a"}});
  request.mutable_buckets_req(0)->set_bucket_id(7);
  EXPECT_EQ(CodeIn(Put(request)), ErrorCode::kUnknownTableOrBucket);
  request = Request({{1, "a"}});
  request.mutable_buckets_req(0)->mutable_records()->back() ^= 1;
  EXPECT_EQ(CodeIn(Put(request)), ErrorCode::kCorruptRecord);
  request = Request({{1, "a"}});
  request.add_target_columns(1);
  EXPECT_EQ(CodeIn(Put(request)), ErrorCode::kInvalidTargetColumn);
  request = Request({{1, "a"}});
  request.set_acks(2);
  EXPECT_EQ(CodeOf(client_->Call<pb::PutKvResponse>(ApiKey::kPutKv, request).status()),
            ErrorCode::kInvalidRequiredAcks);
  EXPECT_EQ(LookUp(keyed_, {1}).values(0).has_values(), false);
}

}  // namespace
}  // namespace thalweg::service
