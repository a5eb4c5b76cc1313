#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/service/test_server_internal.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using wire::ApiKey;

enum : int32_t { kEarliestType = 0, kLatestType = 1, kTimestampType = 2 };

class BucketHandlersTest : public ServiceTest {
 protected:
  pb::PbListOffsetsRespForBucket OffsetOf(int64_t table, int32_t type, std::optional<int64_t> time_ms = {},
                                          int32_t bucket = 0) {
    pb::ListOffsetsRequest request;
    request.set_follower_server_id(-1);
    request.set_offset_type(type);
    request.set_table_id(table);
    request.add_bucket_id(bucket);
    if (time_ms) request.set_starttimestamp(*time_ms);
    const auto answer = client_->Call<pb::ListOffsetsResponse>(ApiKey::kListOffsets, request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->buckets_resp(0) : pb::PbListOffsetsRespForBucket();
  }
};

TEST_F(BucketHandlersTest, OffsetsByEndAndByTime) {
  const int64_t table = CreateTable("t");
  EXPECT_EQ(OffsetOf(table, kEarliestType).offset(), 0);
  EXPECT_EQ(OffsetOf(table, kLatestType).offset(), 0);
  EXPECT_EQ(OffsetOf(table, kTimestampType, server_->clock.WallMs()).offset(), 0) << "nothing is as late as that";
  std::vector<int64_t> times;
  for (int64_t i = 0; i < 5; ++i) {
    server_->sim.RunFor(std::chrono::seconds(1));
    times.push_back(server_->clock.WallMs());
    Append(table, EncodeTestBatch({.first = 10 * i, .count = 10}));
  }
  for (int place = 0; place < 2; ++place) {
    EXPECT_EQ(OffsetOf(table, kEarliestType).offset(), 0);
    EXPECT_EQ(OffsetOf(table, kLatestType).offset(), 50);
    EXPECT_EQ(OffsetOf(table, kTimestampType, 0).offset(), 0);
    for (int64_t i = 0; i < 5; ++i) {
      EXPECT_EQ(OffsetOf(table, kTimestampType, times[i]).offset(), 10 * i) << i;
      EXPECT_EQ(OffsetOf(table, kTimestampType, times[i] + 500).offset(), i == 4 && place == 0 ? 50 : 10 * (i + 1))
          << i;
      if (i == 3) server_->sim.RunFor(std::chrono::seconds(1));
    }
    server_->sim.RunFor(std::chrono::seconds(5));  // the second time from files
  }
}

TEST_F(BucketHandlersTest, RefusesTimesToComeAndTypesUnknown) {
  const int64_t table = CreateTable("t");
  EXPECT_EQ(CodeIn(OffsetOf(table, kTimestampType, server_->clock.WallMs() + 60'000)), ErrorCode::kInvalidTimestamp);
  EXPECT_EQ(CodeIn(OffsetOf(table, kTimestampType)), ErrorCode::kInvalidTimestamp);
  EXPECT_NE(CodeIn(OffsetOf(table, 7)), ErrorCode::kNone);
  EXPECT_EQ(CodeIn(OffsetOf(table, kLatestType, {}, 4)), ErrorCode::kUnknownTableOrBucket);
  EXPECT_EQ(CodeIn(OffsetOf(table + 9, kLatestType)), ErrorCode::kUnknownTableOrBucket);
}

TEST_F(BucketHandlersTest, StatsCountTheRowsOfEachBucket) {
  const int64_t table = CreateTable("t", LogTable(3));
  Append(table, EncodeTestBatch({.count = 7}), 1);
  pb::GetTableStatsRequest request;
  request.set_table_id(table);
  for (const int32_t bucket : {0, 1, 5}) request.add_buckets_req()->set_bucket_id(bucket);
  const auto answer = client_->Call<pb::GetTableStatsResponse>(ApiKey::kGetTableStats, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->buckets_resp(0).row_count(), 0);
  EXPECT_EQ(answer->buckets_resp(1).row_count(), 7);
  EXPECT_EQ(CodeIn(answer->buckets_resp(2)), ErrorCode::kUnknownTableOrBucket);
  EXPECT_EQ(answer->buckets_resp(2).bucket_id(), 5);
  request.set_table_id(table + 9);
  const auto missing = client_->Call<pb::GetTableStatsResponse>(ApiKey::kGetTableStats, request);
  ASSERT_TRUE(missing.ok()) << missing.status();
  EXPECT_EQ(CodeIn(missing->buckets_resp(2)), ErrorCode::kUnknownTableOrBucket);
  EXPECT_EQ(missing->buckets_resp(2).bucket_id(), 5);

  request.set_table_id(CreateTable("keyed", KeyTable()));
  const auto keyed = client_->Call<pb::GetTableStatsResponse>(ApiKey::kGetTableStats, request);
  ASSERT_TRUE(keyed.ok()) << keyed.status();
  EXPECT_FALSE(keyed->buckets_resp(0).has_error_code());
  EXPECT_EQ(keyed->buckets_resp(0).row_count(), 0);
}

}  // namespace
}  // namespace thalweg::service
