#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/service/test_server_internal.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using wire::ApiKey;

/// Over real files, which alone can be sent; a small tail, so that both it and the files are read.
class FetchLogTest : public ServiceTest {
 protected:
  void SetUp() override {
    std::string pattern = "/var/tmp/thalweg_service_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    Start({.fs = &fs_, .directory = root_});
  }
  void TearDown() override {
    client_.reset();
    server_.reset();
    std::filesystem::remove_all(root_);
  }

  void FlushToFiles() { server_->sim.RunFor(seconds(5)); }

  static void Project(pb::FetchLogRequest& request, const std::vector<int32_t>& fields) {
    auto* table = request.mutable_tables_req(0);
    table->set_projection_pushdown_enabled(true);
    for (const int32_t field : fields) table->add_projected_fields(field);
  }
  /// id > bound
  static void Filter(pb::FetchLogRequest& request, int64_t bound, int32_t schema = 1) {
    auto* table = request.mutable_tables_req(0);
    auto* predicate = table->mutable_filter_predicate();
    predicate->set_type(0);
    predicate->mutable_leaf()->set_function(4);
    predicate->mutable_leaf()->set_field_id(0);
    auto* literal = predicate->mutable_leaf()->add_literals();
    literal->set_literal_type(4);
    literal->set_is_null(false);
    literal->set_bigint_value(bound);
    table->set_filter_schema_id(schema);
  }
  static void Wait(pb::FetchLogRequest& request, int32_t min_bytes, int32_t max_wait_ms) {
    request.set_min_bytes(min_bytes);
    request.set_max_wait_ms(max_wait_ms);
  }
  static std::shared_ptr<arrow::Schema> Columns(const std::vector<std::string>& names) {
    std::vector<std::shared_ptr<arrow::Field>> fields;
    for (const auto& name : names) fields.push_back(arrow::field(name, name == "id" ? arrow::int64() : arrow::utf8()));
    return arrow::schema(fields);
  }
  void AddColumn(const std::string& table) {
    pb::AlterTableRequest request;
    *request.mutable_table_path() = PathOf(table);
    request.set_ignore_if_not_exists(false);
    auto* column = request.add_add_columns();
    column->set_column_name("extra");
    column->set_data_type_json(R"({"type":"STRING"})");
    column->set_column_position_type(0);
    const auto answer = client_->Call<pb::AlterTableResponse>(ApiKey::kAlterTable, request);
    ASSERT_TRUE(answer.ok()) << answer.status();
  }

  io::PosixFileSystem fs_;
  std::string root_;
};

TEST_F(FetchLogTest, GivesWholeBatchesFromMemoryAndFromFiles) {
  const int64_t table = CreateTable("t");
  for (int64_t i = 0; i < 10; ++i) Append(table, EncodeTestBatch({.first = 10 * i, .count = 10}));
  for (const char* place : {"memory", "files"}) {
    for (const int64_t from : {int64_t{0}, int64_t{25}, int64_t{99}, int64_t{-2}}) {
      const auto bucket = FetchedOne(Fetch(table, from));
      EXPECT_FALSE(bucket.has_error_code()) << bucket.error_message();
      EXPECT_EQ(bucket.high_watermark(), 100) << place;
      EXPECT_EQ(bucket.log_start_offset(), 0);
      EXPECT_THAT(IdsIn(bucket.records()), ElementsAreArray(Range(std::max<int64_t>(from, 0) / 10 * 10, 100))) << place;
    }
    EXPECT_THAT(FetchedOne(Fetch(table, 100)).records(), IsEmpty());
    EXPECT_EQ(CodeIn(FetchedOne(Fetch(table, 101))), ErrorCode::kLogOffsetOutOfRange);
    EXPECT_EQ(CodeIn(FetchedOne(Fetch(table, -3))), ErrorCode::kLogOffsetOutOfRange);
    FlushToFiles();
  }
}

TEST_F(FetchLogTest, OnesFilesAreReadThroughTheTailFollows) {
  const int64_t table = CreateTable("t");
  Append(table, EncodeTestBatch({.count = 10}));
  FlushToFiles();
  Append(table, EncodeTestBatch({.first = 10, .count = 10}));
  const auto first = FetchedOne(Fetch(table, 0));
  ASSERT_THAT(IdsIn(first.records()), ElementsAreArray(Range(0, 10)));
  EXPECT_THAT(IdsIn(FetchedOne(Fetch(table, 10)).records()), ElementsAreArray(Range(10, 20)));
}

TEST_F(FetchLogTest, NamesWhatIsWrongWithABucketBesideSoundOnes) {
  const int64_t table = CreateTable("t", LogTable(2));
  Append(table, EncodeTestBatch({}), 1);
  auto request = Fetch(table);
  AddBucket(request, 1, 0);
  AddBucket(request, 2, 0);
  auto* unknown = request.add_tables_req();
  *unknown = request.tables_req(0);
  unknown->set_table_id(table + 50);
  Wait(request, 1, 10'000);
  const auto answer = Fetched(request);
  EXPECT_EQ(CodeIn(answer.tables_resp(0).buckets_resp(2)), ErrorCode::kUnknownTableOrBucket);
  EXPECT_THAT(IdsIn(answer.tables_resp(0).buckets_resp(1).records()), ElementsAreArray(Range(0, 1)));
  EXPECT_TRUE(answer.tables_resp(0).buckets_resp(0).has_high_watermark());
  EXPECT_TRUE(answer.tables_resp(0).buckets_resp(0).has_records()) << "clients need the field even when it is empty";
  EXPECT_EQ(CodeIn(answer.tables_resp(1).buckets_resp(0)), ErrorCode::kUnknownTableOrBucket);
}

TEST_F(FetchLogTest, AnAppendWakesAWaitingFetch) {
  const int64_t table = CreateTable("t", LogTable(2));
  auto request = Fetch(table);
  AddBucket(request, 1, 0);
  Wait(request, 1, 20'000);
  const auto writer = server_->Connect();
  const int32_t fetch = client_->Send(ApiKey::kFetchLog, request);
  server_->sim.RunFor(seconds(3));
  ASSERT_FALSE(client_->Has(fetch));
  const int64_t began_ns = server_->clock.MonotonicNs();
  ASSERT_TRUE(writer->Call<pb::ProduceLogResponse>(ApiKey::kProduceLog, Produce(table, EncodeTestBatch({}), 1)).ok());
  const auto answer = client_->Receive<pb::FetchLogResponse>(fetch);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(IdsIn(answer->tables_resp(0).buckets_resp(1).records()), ElementsAreArray(Range(0, 1)));
  EXPECT_LT(server_->clock.MonotonicNs() - began_ns, 5'000'000) << "no timer was waited for";
}

TEST_F(FetchLogTest, WaitsForMinBytesAndNoLongerThanMaxWait) {
  const int64_t table = CreateTable("t");
  const std::string batch = EncodeTestBatch({.count = 10});
  Append(table, batch);
  auto request = Fetch(table);
  Wait(request, static_cast<int32_t>(2 * batch.size()), 5'000);
  int64_t began_ns = server_->clock.MonotonicNs();
  EXPECT_THAT(IdsIn(FetchedOne(request).records()), ElementsAreArray(Range(0, 10)));
  EXPECT_GE(server_->clock.MonotonicNs() - began_ns, 5'000'000'000) << "half of what was asked for";
  EXPECT_LE(server_->clock.MonotonicNs() - began_ns, 5'010'000'000);

  const auto writer = server_->Connect();
  const int32_t fetch = client_->Send(ApiKey::kFetchLog, request);
  server_->sim.RunFor(seconds(1));
  ASSERT_TRUE(writer
                  ->Call<pb::ProduceLogResponse>(ApiKey::kProduceLog,
                                                 Produce(table, EncodeTestBatch({.first = 10, .count = 10})))
                  .ok());
  EXPECT_TRUE(client_->Receive<pb::FetchLogResponse>(fetch).ok());

  began_ns = server_->clock.MonotonicNs();
  Wait(request, 0, 5'000);
  Fetched(request);
  request = Fetch(table, 20);
  Fetched(request);
  EXPECT_LT(server_->clock.MonotonicNs() - began_ns, 10'000'000) << "who asks for no bytes does not wait";
}

TEST_F(FetchLogTest, AFetchOfADroppedTableEnds) {
  const int64_t table = CreateTable("t");
  Append(table, EncodeTestBatch({}));
  auto request = Fetch(table, 1);
  Wait(request, 1, 20'000);
  const int32_t fetch = client_->Send(ApiKey::kFetchLog, request);
  server_->sim.RunFor(milliseconds(100));
  const auto other = server_->Connect();
  pb::DropTableRequest drop;
  *drop.mutable_table_path() = PathOf("t");
  drop.set_ignore_if_not_exists(false);
  const int64_t began_ns = server_->clock.MonotonicNs();
  ASSERT_TRUE(other->Call<pb::DropTableResponse>(ApiKey::kDropTable, drop).ok());
  const auto answer = client_->Receive<pb::FetchLogResponse>(fetch);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(CodeIn(answer->tables_resp(0).buckets_resp(0)), ErrorCode::kUnknownTableOrBucket);
  EXPECT_LT(server_->clock.MonotonicNs() - began_ns, 1'000'000'000);
}

TEST_F(FetchLogTest, BucketsShareTheBytesAndEveryoneGetsItsTurn) {
  const int64_t table = CreateTable("t", LogTable(8));
  const std::string batch = EncodeTestBatch({.count = 100});
  for (int32_t bucket = 0; bucket < 8; ++bucket) Append(table, batch, bucket);
  std::set<int32_t> served;
  for (int round = 0; round < 100; ++round) {
    auto request = Fetch(table);
    for (int32_t bucket = 1; bucket < 8; ++bucket) AddBucket(request, bucket, 0);
    request.set_max_bytes(static_cast<int32_t>(3 * batch.size() + batch.size() / 2));
    const auto answer = Fetched(request);
    size_t bytes = 0;
    for (const auto& bucket : answer.tables_resp(0).buckets_resp()) {
      bytes += bucket.records().size();
      if (!bucket.records().empty()) served.insert(bucket.bucket_id());
    }
    ASSERT_EQ(bytes, 3 * batch.size());
    request.set_max_bytes(1);
    const auto one = Fetched(request);
    EXPECT_EQ(
        std::ranges::count_if(one.tables_resp(0).buckets_resp(), [](const auto& b) { return !b.records().empty(); }), 1)
        << "a batch above the limit is sent all the same, but only one";
  }
  EXPECT_EQ(served.size(), 8u) << "somebody was never served";
}

TEST_F(FetchLogTest, ABucketsLimitCutsBetweenBatches) {
  const int64_t table = CreateTable("t");
  const std::string batch = EncodeTestBatch({.count = 10});
  for (int64_t i = 0; i < 5; ++i) Append(table, EncodeTestBatch({.first = 10 * i, .count = 10}));
  for (int place = 0; place < 2; ++place) {
    const auto two = FetchedOne(Fetch(table, 0, static_cast<int32_t>(2 * batch.size() + batch.size() / 2)));
    EXPECT_THAT(IdsIn(two.records()), ElementsAreArray(Range(0, 20)));
    EXPECT_THAT(IdsIn(FetchedOne(Fetch(table, 20, 1)).records()), ElementsAreArray(Range(20, 30)));
    FlushToFiles();
  }
}

TEST_F(FetchLogTest, ManyBucketsAnswerAtOnce) {
  const int64_t table = CreateTable("t", LogTable(100));
  for (int32_t bucket = 0; bucket < 100; ++bucket) {
    Append(table, EncodeTestBatch({.first = bucket, .count = 1 + bucket % 3}), bucket);
  }
  for (int place = 0; place < 2; ++place) {
    auto request = Fetch(table);
    for (int32_t bucket = 1; bucket < 100; ++bucket) AddBucket(request, bucket, 0);
    const auto answer = Fetched(request);
    ASSERT_EQ(answer.tables_resp(0).buckets_resp_size(), 100);
    for (int32_t bucket = 0; bucket < 100; ++bucket) {
      const auto& got = answer.tables_resp(0).buckets_resp(bucket);
      ASSERT_EQ(got.bucket_id(), bucket);
      ASSERT_THAT(IdsIn(got.records()), ElementsAreArray(Range(bucket, bucket + 1 + bucket % 3)));
    }
    FlushToFiles();
  }
}

TEST_F(FetchLogTest, SendsTheColumnsThatWereAskedFor) {
  const int64_t table = CreateTable("t");
  for (int64_t i = 0; i < 6; ++i) {
    const auto codec = static_cast<format::BodyCodec>(i % 3);
    Append(table, EncodeTestBatch({.first = 2000 * i, .count = 2000, .codec = codec}));
  }
  for (int place = 0; place < 2; ++place) {
    auto request = Fetch(table, 0, 8 << 20);
    const size_t whole = FetchedOne(request).records().size();
    Project(request, {0});
    const auto ids = FetchedOne(request);
    EXPECT_FALSE(ids.has_error_code()) << ids.error_message();
    EXPECT_THAT(IdsIn(ids.records(), Columns({"id"})), ElementsAreArray(Range(0, 12'000)));
    EXPECT_LT(ids.records().size(), whole / 2);
    request = Fetch(table, 0, 8 << 20);
    Project(request, {0, 1});
    EXPECT_THAT(IdsIn(FetchedOne(request).records(), Columns({"id", "name"})), ElementsAreArray(Range(0, 12'000)));
    FlushToFiles();
  }
}

TEST_F(FetchLogTest, RefusesColumnsThatAreNoneOfTheTables) {
  const int64_t table = CreateTable("t");
  Append(table, EncodeTestBatch({}));
  for (const std::vector<int32_t>& fields : {std::vector<int32_t>{2}, {-1}, {1, 0}, {0, 0}}) {
    auto request = Fetch(table);
    Project(request, fields);
    EXPECT_EQ(CodeIn(FetchedOne(request)), ErrorCode::kInvalidColumnProjection) << ::testing::PrintToString(fields);
  }
  auto rows = LogTable();
  rows.properties["table.log.format"] = "indexed";
  const int64_t indexed = CreateTable("rows", rows);
  auto request = Fetch(indexed);
  Project(request, {0});
  EXPECT_EQ(CodeIn(FetchedOne(request)), ErrorCode::kInvalidColumnProjection);
}

TEST_F(FetchLogTest, AColumnThatABatchDoesNotKnowIsNull) {
  const int64_t table = CreateTable("t");
  Append(table, EncodeTestBatch({.count = 5}));
  AddColumn("t");
  for (int place = 0; place < 2; ++place) {
    auto request = Fetch(table);
    Project(request, {0, 2});
    const auto bucket = FetchedOne(request);
    ASSERT_FALSE(bucket.has_error_code()) << bucket.error_message();
    const auto batch = format::ParseBatch(AsBytes(bucket.records()));
    ASSERT_TRUE(batch.ok()) << batch.status();
    const auto rows = format::DecodeArrowBatch(*batch, Columns({"id", "extra"}));
    ASSERT_TRUE(rows.ok()) << rows.status();
    EXPECT_EQ((*rows)->num_rows(), 5);
    EXPECT_EQ((*rows)->column(1)->null_count(), 5);
    FlushToFiles();
  }
}

TEST_F(FetchLogTest, AFilterDropsWholeBatchesAndSaysHowFarItLooked) {
  const int64_t table = CreateTable("t");
  for (int64_t i = 0; i < 10; ++i) Append(table, EncodeTestBatch({.first = 10 * i, .count = 10, .statistics = true}));
  for (int place = 0; place < 2; ++place) {
    auto request = Fetch(table);
    Filter(request, 75);
    const auto some = FetchedOne(request);
    EXPECT_THAT(IdsIn(some.records()), ElementsAreArray(Range(70, 100))) << "whole batches, in format V0";
    EXPECT_FALSE(some.has_filtered_end_offset()) << "the last batch was sent";

    request = Fetch(table);
    Filter(request, 1000);
    Wait(request, 1, 20'000);
    const int64_t began_ns = server_->clock.MonotonicNs();
    const auto none = FetchedOne(request);
    EXPECT_THAT(none.records(), IsEmpty());
    EXPECT_EQ(none.filtered_end_offset(), 100);
    EXPECT_LT(server_->clock.MonotonicNs() - began_ns, 1'000'000'000) << "news of progress is not held back";

    request = Fetch(table, 50);
    Filter(request, 75);
    Project(request, {0});
    EXPECT_THAT(IdsIn(FetchedOne(request).records(), Columns({"id"})), ElementsAreArray(Range(70, 100)));
    FlushToFiles();
  }
}

TEST_F(FetchLogTest, BatchesWithoutStatisticsPassEveryFilter) {
  const int64_t table = CreateTable("t");
  Append(table, EncodeTestBatch({.count = 10}));
  Append(table, EncodeTestBatch({.first = 10, .count = 10, .statistics = true}));
  auto request = Fetch(table);
  Filter(request, 1000);
  const auto bucket = FetchedOne(request);
  EXPECT_THAT(IdsIn(bucket.records()), ElementsAreArray(Range(0, 10)));
  EXPECT_EQ(bucket.filtered_end_offset(), 20);
}

TEST_F(FetchLogTest, AFilterThatMakesNoSenseDropsNothing) {
  const int64_t table = CreateTable("t");
  Append(table, EncodeTestBatch({.count = 10, .statistics = true}));
  for (const int32_t schema : {0, 2, 70'000, -1}) {
    auto request = Fetch(table);
    Filter(request, 1000, schema);
    EXPECT_THAT(IdsIn(FetchedOne(request).records()), ElementsAreArray(Range(0, 10))) << schema;
  }
  auto request = Fetch(table);
  Filter(request, 1000);
  request.mutable_tables_req(0)->mutable_filter_predicate()->mutable_leaf()->set_function(99);
  EXPECT_THAT(IdsIn(FetchedOne(request).records()), ElementsAreArray(Range(0, 10)));
}

}  // namespace
}  // namespace thalweg::service
