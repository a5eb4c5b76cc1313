// What happens to tables without a request, through the eyes of a client: partitions that come and go, records that go.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/service/test_server_internal.h"
#include "thalweg/service/test_tables_internal.h"
#include "thalweg/tablet/bucket_store.h"
#include "thalweg/upkeep/auto_partition.h"
#include "thalweg/upkeep/log_retention.h"

namespace thalweg::service {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using wire::ApiKey;

class UpkeepTest : public ServiceTest {
 protected:
  /// Partitioned by "name", automatically.
  static schema::TableDescriptor Table(std::map<std::string, std::string> options,
                                       std::vector<std::string> keys = {"name"}) {
    schema::TableDescriptor table = LogTable(1, std::move(keys));
    table.properties = {{"table.auto-partition.enabled", "true"}};
    for (auto& [key, value] : options) table.properties["table.auto-partition." + key] = value;
    return table;
  }
  std::vector<std::string> Partitions(const std::string& table) {
    std::vector<std::string> names;
    for (const auto& partition : *server_->catalog->view()->ListPartitions({"fluss", table}, {})) {
      names.push_back(partition->name);
    }
    return names;
  }
  void Tick() { server_->sim.Await(server_->auto_partition->ApplyToAll()); }
  void SetTime(int64_t wall_ms) {
    const int64_t real_ms = testing::SimClock::kStartWallMs + server_->sim.now_ns() / 1'000'000;
    server_->clock.SetWallSkewMs(wall_ms - real_ms);
  }
  void PassDays(int days) { SetTime(server_->clock.WallMs() + days * 86'400'000ll); }
  arrow::Status CreatePartition(const std::string& table, const std::string& value) {
    pb::CreatePartitionRequest request;
    *request.mutable_table_path() = PathOf(table);
    auto* pair = request.mutable_partition_spec()->add_partition_key_values();
    pair->set_key("name");
    pair->set_value(value);
    request.set_ignore_if_not_exists(false);
    return client_->Call<pb::CreatePartitionResponse>(ApiKey::kCreatePartition, request).status();
  }
};

// The clock of tests stands at 2026-01-01 00:00 UTC.
TEST_F(UpkeepTest, ANewTableHasItsFirstPartitionsWhenTheCallReturns) {
  CreateTable("day", Table({}));
  EXPECT_THAT(Partitions("day"), ElementsAre("20260101", "20260102"));
  CreateTable("hour", Table({{"time-unit", "hour"}, {"num-precreate", "3"}, {"time-zone", "GMT+2"}}));
  EXPECT_THAT(Partitions("hour"), ElementsAre("2026010102", "2026010103", "2026010104"));
  CreateTable("format", Table({{"time-format", "yyyy-MM-dd"}, {"num-precreate", "1"}}));
  EXPECT_THAT(Partitions("format"), ElementsAre("2026-01-01"));
  CreateTable("off", Table({{"enabled", "false"}}));
  EXPECT_THAT(Partitions("off"), IsEmpty());
}

TEST_F(UpkeepTest, PartitionsComeWithTheTimeAndGoWhenTheyAreTooOld) {
  CreateTable("month", Table({{"time-unit", "MONTH"}, {"num-retention", "2"}}));
  EXPECT_THAT(Partitions("month"), ElementsAre("202601", "202602"));
  for (const auto* name : {"202511", "202510", "202601x", "a"}) ASSERT_TRUE(CreatePartition("month", name).ok());
  Tick();
  EXPECT_THAT(Partitions("month"), ElementsAre("202511", "202601", "202601x", "202602", "a"))
      << "two are kept beside the present one; what is greater as text stays";
  PassDays(45);
  Tick();
  EXPECT_THAT(Partitions("month"), ElementsAre("202601", "202601x", "202602", "202603", "a"));
  EXPECT_THAT(server_->reports, IsEmpty());
}

TEST_F(UpkeepTest, TablesByTheDayAreSpreadOverTheDay) {
  const TableId id(CreateTable("day", Table({{"num-retention", "1"}})));
  const int64_t delay = upkeep::AutoPartition::DelayMinutes(id);
  ASSERT_GT(delay, 0);
  ASSERT_LT(delay, 23 * 60);
  const int64_t next_day = testing::SimClock::kStartWallMs + 2 * 86'400'000ll;
  SetTime(next_day + delay * 60'000 - 1000);
  Tick();
  EXPECT_THAT(Partitions("day"), ElementsAre("20260101", "20260102", "20260103")) << "its clock is late: the 2nd";
  SetTime(next_day + delay * 60'000);
  Tick();
  EXPECT_THAT(Partitions("day"), ElementsAre("20260102", "20260103", "20260104"));
}

TEST_F(UpkeepTest, OfSeveralPartitionKeysOneIsTheTime) {
  const std::map<std::string, std::string> options{{"key", "name"}, {"time-unit", "YEAR"}, {"num-retention", "1"}};
  schema::TableDescriptor table = Table(options, {"region", "name"});
  table.schema = schema::Schema::Make({.columns = {{.name = "name", .type = {.kind = schema::TypeKind::kString}},
                                                   {.name = "region", .type = {.kind = schema::TypeKind::kString}}}})
                     .ValueOrDie();
  CreateTable("two", table);
  EXPECT_THAT(Partitions("two"), IsEmpty()) << "nobody knows the regions";
  for (const auto& [region, year] : std::vector<std::pair<std::string, std::string>>{
           {"eu", "2024"}, {"eu", "2025"}, {"us", "2023"}, {"us", "2026"}}) {
    ASSERT_TRUE(server_->sim
                    .Await(server_->catalog->CreatePartition({"fluss", "two"}, {{"region", region}, {"name", year}},
                                                             false, *server_->shards[0]))
                    .ok());
  }
  Tick();
  EXPECT_THAT(Partitions("two"), ElementsAre("eu$2025", "us$2026"));
}

TEST_F(UpkeepTest, ANegativeRetentionKeepsAll) {
  CreateTable("keep", Table({{"time-unit", "YEAR"}, {"num-retention", "-1"}}));
  ASSERT_TRUE(CreatePartition("keep", "1999").ok());
  Tick();
  EXPECT_THAT(Partitions("keep"), Contains("1999"));
}

TEST_F(UpkeepTest, AlteredOptionsTakeEffectAtOnce) {
  CreateTable("alter", Table({{"time-unit", "YEAR"}, {"num-precreate", "1"}}));
  pb::AlterTableRequest request;
  *request.mutable_table_path() = PathOf("alter");
  request.set_ignore_if_not_exists(false);
  auto* change = request.add_config_changes();
  change->set_config_key("table.auto-partition.num-precreate");
  change->set_config_value("3");
  change->set_op_type(0);
  ASSERT_TRUE(client_->Call<pb::AlterTableResponse>(ApiKey::kAlterTable, request).ok());
  EXPECT_THAT(Partitions("alter"), ElementsAre("2026", "2027", "2028"));
}

TEST_F(UpkeepTest, TooManyPartitionsAreReportedAndTheTableWorks) {
  CreateTable("many", Table({{"time-unit", "DAY"}, {"num-precreate", "1000000"}}));
  EXPECT_EQ(Partitions("many").size(), 1000u);
  EXPECT_THAT(server_->reports, ElementsAre(HasSubstr("may have no more")));
}

TEST_F(UpkeepTest, AnUnknownTimeZoneIsReportedOnce) {
  CreateTable("zone", Table({{"time-zone", "Moon/Tycho"}, {"time-unit", "YEAR"}}));
  Tick();
  Tick();
  EXPECT_THAT(Partitions("zone"), ElementsAre("2026", "2027"));
  EXPECT_THAT(server_->reports, ElementsAre(HasSubstr("Moon/Tycho")));
}

TEST_F(UpkeepTest, DroppedPartitionsTakeTheirDataWithThem) {
  const int64_t table = CreateTable("data", Table({{"time-unit", "YEAR"}, {"num-retention", "0"}}));
  const int64_t partition =
      server_->catalog->view()->FindTable(TableId(table))->partitions.Find("2026")->get()->id.value;
  auto request = Produce(table, EncodeTestBatch({.count = 5}));
  request.mutable_buckets_req(0)->set_partition_id(partition);
  ASSERT_TRUE(client_->Call<pb::ProduceLogResponse>(ApiKey::kProduceLog, request).ok());
  PassDays(400);
  Tick();
  EXPECT_THAT(Partitions("data"), ElementsAre("2027", "2028"));
  const auto answer = client_->Call<pb::ProduceLogResponse>(ApiKey::kProduceLog, request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(CodeIn(answer->buckets_resp(0)), ErrorCode::kUnknownTableOrBucket);
}

TEST_F(UpkeepTest, ADroppedTableLeavesNoFiles) {
  const int64_t table = CreateTable("t");
  ASSERT_TRUE(Append(table, EncodeTestBatch({.count = 5})).has_base_offset());
  server_->sim.RunFor(std::chrono::seconds(5));
  const std::string folder = tablet::TableDirectory("d/log", TableId(table));
  ASSERT_TRUE(*server_->disk.Exists(folder));
  pb::DropTableRequest request;
  *request.mutable_table_path() = PathOf("t");
  request.set_ignore_if_not_exists(false);
  ASSERT_TRUE(client_->Call<pb::DropTableResponse>(ApiKey::kDropTable, request).ok());
  server_->sim.RunFor(std::chrono::seconds(1));
  EXPECT_FALSE(*server_->disk.Exists(folder));
  EXPECT_THAT(*server_->sim.Await(server_->catalog->ListDropped(*server_->shards[0])), IsEmpty());
}

TEST_F(UpkeepTest, WhatACrashLeftOfADropGoesAtTheNextStart) {
  const int64_t table = CreateTable("t", Table({{"time-unit", "YEAR"}}));
  const auto partition = server_->catalog->view()->FindTable(TableId(table))->partitions.Find("2026")->get()->id;
  auto request = Produce(table, EncodeTestBatch({.count = 5}));
  request.mutable_buckets_req(0)->set_partition_id(partition.value);
  ASSERT_TRUE(client_->Call<pb::ProduceLogResponse>(ApiKey::kProduceLog, request).ok());
  server_->sim.RunFor(std::chrono::seconds(5));
  // The catalog knows, and then the server is gone.
  auto& home = *server_->shards[0];
  ASSERT_TRUE(
      server_->sim.Await(server_->catalog->DropPartition({"fluss", "t"}, {{"name", "2026"}}, false, home)).ok());
  const auto left = *server_->sim.Await(server_->catalog->ListDropped(home));
  ASSERT_THAT(left, ElementsAre(catalog::Dropped{TableId(table), partition}));
  const std::string folder = fmt::format("d/log/t{}/p{}", table, partition);
  ASSERT_TRUE(*server_->disk.Exists(folder));
  server_->sim.Await(server_->dropped_data->RemoveLeftovers(left, home));
  EXPECT_FALSE(*server_->disk.Exists(folder));
  EXPECT_THAT(*server_->sim.Await(server_->catalog->ListDropped(home)), IsEmpty());
  EXPECT_THAT(server_->reports, IsEmpty());
}

class RetentionTest : public UpkeepTest {
 protected:
  static constexpr uint64_t kSegmentBytes = 2000;

  void SetUp() override { Start({.segment_bytes = kSegmentBytes}); }
  void Clean() {
    server_->sim.Await(upkeep::DropExpiredRecords(*server_->catalog, *server_->engine, server_->clock, server_->pool,
                                                  [this](std::string what) { server_->reports.push_back(what); }));
  }
  void Fill(int64_t table, int64_t from) {
    for (int64_t i = from; i < from + 20; ++i) Append(table, EncodeTestBatch({.first = i * 10, .count = 10}));
    server_->sim.RunFor(std::chrono::seconds(10));  // the files, and a checkpoint
  }
  int64_t Earliest(int64_t table) {
    pb::ListOffsetsRequest request;
    request.set_follower_server_id(-1);
    request.set_offset_type(0);
    request.set_table_id(table);
    request.add_bucket_id(0);
    return client_->Call<pb::ListOffsetsResponse>(ApiKey::kListOffsets, request)->buckets_resp(0).offset();
  }
};

TEST_F(RetentionTest, RecordsLiveAsLongAsTheirTableSays) {
  schema::TableDescriptor forever = LogTable();
  forever.properties["table.log.ttl"] = "0 ms";
  schema::TableDescriptor short_lived = LogTable();
  short_lived.properties["table.log.ttl"] = "1 h";
  const int64_t week = CreateTable("week");
  const int64_t hour = CreateTable("hour", short_lived);
  const int64_t all = CreateTable("all", forever);
  for (const int64_t table : {week, hour, all}) Fill(table, 0);
  Clean();
  for (const int64_t table : {week, hour, all}) EXPECT_EQ(Earliest(table), 0);

  PassDays(1);
  for (const int64_t table : {week, hour, all}) Fill(table, 20);
  Clean();
  EXPECT_EQ(Earliest(week), 0);
  EXPECT_EQ(Earliest(all), 0);
  const int64_t start = Earliest(hour);
  EXPECT_GT(start, 100) << "segments of the first day";
  EXPECT_LE(start, 200) << "but nothing of the second";
  EXPECT_EQ(CodeIn(FetchedOne(Fetch(hour, 0))), ErrorCode::kLogOffsetOutOfRange);

  PassDays(7);
  Clean();
  EXPECT_GT(Earliest(week), 200);
  EXPECT_EQ(Earliest(all), 0);
  EXPECT_THAT(server_->reports, IsEmpty());
}

TEST_F(RetentionTest, AClockThatIsWrongRemovesNothingOfTheFuture) {
  const int64_t table = CreateTable("week");
  Fill(table, 0);
  SetTime(0);  // 1970
  Clean();
  EXPECT_EQ(Earliest(table), 0);
}

}  // namespace
}  // namespace thalweg::service
