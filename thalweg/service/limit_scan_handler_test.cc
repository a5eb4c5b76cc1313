#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/format/row_records.h"
#include "thalweg/service/test_server_internal.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using wire::ApiKey;

class LimitScanTest : public ServiceTest {
 protected:
  static pb::LimitScanRequest Request(int64_t table, int32_t limit, int32_t bucket = 0) {
    pb::LimitScanRequest request;
    request.set_table_id(table);
    request.set_bucket_id(bucket);
    request.set_limit(limit);
    return request;
  }
  arrow::Result<pb::LimitScanResponse> Scan(const pb::LimitScanRequest& request) {
    return client_->Call<pb::LimitScanResponse>(ApiKey::kLimitScan, request);
  }
};

TEST_F(LimitScanTest, GivesTheLastRowsCutToTheLimit) {
  const int64_t table = CreateTable("t");
  for (int64_t i = 0; i < 5; ++i) {
    const auto codec = static_cast<format::BodyCodec>(i % 3);
    Append(table, EncodeTestBatch({.first = 10 * i, .count = 10, .codec = codec}));
  }
  for (int place = 0; place < 2; ++place) {
    for (const int32_t limit : {0, 1, 9, 10, 11, 25, 49, 50, 51, INT32_MAX}) {
      const auto answer = Scan(Request(table, limit));
      ASSERT_TRUE(answer.ok()) << answer.status();
      const int64_t first = std::max<int64_t>(0, 50 - int64_t{limit});
      EXPECT_THAT(IdsIn(answer->records()), ElementsAreArray(Range(first, 50))) << limit;
      EXPECT_TRUE(answer->is_log_table());
      if (limit == 0) continue;
      const auto batch = format::ParseBatch(AsBytes(answer->records()));
      EXPECT_EQ(batch->header.base_offset, LogOffset(first)) << limit;
      EXPECT_GT(batch->header.commit_timestamp_ms, 0) << "a cut batch keeps its time";
    }
    server_->sim.RunFor(std::chrono::seconds(5));  // the second time from files
  }
}

TEST_F(LimitScanTest, CountsNoRowThatCameWhileItRan) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Start({.seed = seed});
    const int64_t table = CreateTable("t");
    Append(table, EncodeTestBatch({.count = 10}));
    const auto writer = server_->Connect();
    std::vector<int32_t> appends;
    for (int64_t i = 1; i < 4; ++i) {
      appends.push_back(
          writer->Send(ApiKey::kProduceLog, Produce(table, EncodeTestBatch({.first = 10 * i, .count = 10}))));
    }
    for (int i = 0; i < 3; ++i) {
      const auto answer = Scan(Request(table, 5));
      ASSERT_TRUE(answer.ok()) << answer.status();
      ASSERT_EQ(IdsIn(answer->records()).size(), 5u) << "seed " << seed;
    }
    for (const int32_t id : appends) ASSERT_TRUE(writer->Receive<pb::ProduceLogResponse>(id).ok());
  }
}

TEST_F(LimitScanTest, TheNewestRowsAreNotMissingWhereAllAreTooMuch) {
  auto described = LogTable();
  described.properties["table.log.format"] = "indexed";
  const int64_t table = CreateTable("rows", described);
  for (int i = 0; i < 18; ++i) {
    const std::string row(1 << 20, static_cast<char>('a' + i));
    const std::vector<ByteView> rows = {AsBytes(row)};
    const Bytes batch = format::EncodeRowBatch({.schema_id = SchemaId(1)}, rows, {});
    ASSERT_EQ(Append(table, std::string(AsText(batch.view()))).base_offset(), i);
  }
  const auto all = Scan(Request(table, 18));
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(CodeIn(*all), ErrorCode::kRecordTooLarge);
  const auto some = Scan(Request(table, 2));
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_EQ(CodeIn(*some), ErrorCode::kNone) << some->error_message();
  EXPECT_GT(some->records().size(), 2u << 20);
}

TEST_F(LimitScanTest, CutsBatchesOfRowsToo) {
  auto described = LogTable();
  described.properties["table.log.format"] = "indexed";
  const int64_t table = CreateTable("rows", described);
  std::vector<std::string> texts;
  for (char c = 'a'; c < 'k'; ++c)
    texts.push_back(std::string(7, c));  // what a row holds is the clients' business here
  for (size_t i = 0; i < 10; i += 5) {
    std::vector<ByteView> rows;
    for (size_t j = i; j < i + 5; ++j) rows.push_back(AsBytes(texts[j]));
    const Bytes batch = format::EncodeRowBatch({.schema_id = SchemaId(1)}, rows, {});
    ASSERT_EQ(Append(table, std::string(AsText(batch.view()))).base_offset(), static_cast<int64_t>(i));
  }
  const auto answer = Scan(Request(table, 7));
  ASSERT_TRUE(answer.ok()) << answer.status();
  std::vector<std::string> got;
  for (format::BatchIterator it(AsBytes(answer->records())); !it.AtEnd();) {
    const auto batch = it.Next();
    ASSERT_TRUE(batch.ok() && format::VerifyCrc(*batch).ok());
    EXPECT_EQ(batch->header.base_offset, LogOffset(3 + static_cast<int64_t>(got.size())));
    for (ByteView rest = batch->body(); !rest.empty();) {
      const auto record = format::NextRowRecord(&rest);
      ASSERT_TRUE(record.ok()) << record.status();
      got.emplace_back(AsText(record->row));
    }
  }
  EXPECT_THAT(got, ElementsAreArray(std::vector(texts.begin() + 3, texts.end())));
}

TEST_F(LimitScanTest, AnEmptyBucketHasNoRows) {
  const int64_t table = CreateTable("t");
  const auto answer = Scan(Request(table, 10));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(answer->records(), IsEmpty());
}

TEST_F(LimitScanTest, RefusesWhatMakesNoSense) {
  const int64_t table = CreateTable("t");
  const int64_t keyed = CreateTable("keyed", KeyTable());
  EXPECT_EQ(CodeIn(*Scan(Request(table, -1))), ErrorCode::kInvalidScanRequest);
  EXPECT_EQ(CodeIn(*Scan(Request(table, 1, 1))), ErrorCode::kUnknownTableOrBucket);
  EXPECT_EQ(CodeIn(*Scan(Request(table + 9, 1))), ErrorCode::kUnknownTableOrBucket);
  EXPECT_EQ(CodeIn(*Scan(Request(keyed, -1))), ErrorCode::kInvalidScanRequest);
}

}  // namespace
}  // namespace thalweg::service
