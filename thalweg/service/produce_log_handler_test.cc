#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/service/test_server_internal.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAreArray;
using wire::ApiKey;

class ProduceLogTest : public ServiceTest {
 protected:
  std::vector<int64_t> AllIds(int64_t table) { return IdsIn(FetchedOne(Fetch(table)).records()); }
};

TEST_F(ProduceLogTest, GivesDenseOffsetsWhateverTheAcks) {
  const int64_t table = CreateTable("t");
  int64_t next = 0;
  for (const int32_t acks : {-1, 1, 0, -1}) {
    const auto result = Append(table, EncodeTestBatch({.first = next, .count = 3}), 0, acks);
    EXPECT_FALSE(result.has_error_code()) << result.error_message();
    EXPECT_EQ(result.base_offset(), next) << "acks " << acks;
    next += 3;
  }
  EXPECT_THAT(AllIds(table), ElementsAreArray(Range(0, 12)));
}

TEST_F(ProduceLogTest, RefusesAcksThatMeanNothing) {
  const int64_t table = CreateTable("t");
  for (const int32_t acks : {-2, 2, 100}) {
    const auto answer =
        client_->Call<pb::ProduceLogResponse>(ApiKey::kProduceLog, Produce(table, EncodeTestBatch({}), 0, acks));
    EXPECT_EQ(CodeOf(answer.status()), ErrorCode::kInvalidRequiredAcks) << answer.status();
  }
  EXPECT_THAT(AllIds(table), ::testing::IsEmpty());
}

TEST_F(ProduceLogTest, NamesWhatIsWrongWithABucket) {
  const int64_t table = CreateTable("t");
  const int64_t keyed = CreateTable("keyed", KeyTable());
  const std::string batch = EncodeTestBatch({});
  EXPECT_EQ(CodeIn(Append(table, batch, 1)), ErrorCode::kUnknownTableOrBucket);
  EXPECT_EQ(CodeIn(Append(table, batch, -1)), ErrorCode::kUnknownTableOrBucket);
  EXPECT_EQ(CodeIn(Append(table + 77, batch)), ErrorCode::kUnknownTableOrBucket);
  EXPECT_EQ(CodeIn(Append(keyed, batch)), ErrorCode::kInvalidTable);
  auto request = Produce(table, batch);
  request.mutable_buckets_req(0)->set_partition_id(5);
  const auto answer = client_->Call<pb::ProduceLogResponse>(ApiKey::kProduceLog, request);
  EXPECT_EQ(CodeIn(answer->buckets_resp(0)), ErrorCode::kUnknownTableOrBucket);
}

TEST_F(ProduceLogTest, OneBadBucketDoesNotHoldUpTheOthers) {
  const int64_t table = CreateTable("t", LogTable(3));
  auto request = Produce(table, EncodeTestBatch({.count = 2}), 0);
  *request.add_buckets_req() = Produce(table, EncodeTestBatch({}), 9).buckets_req(0);
  *request.add_buckets_req() = Produce(table, EncodeTestBatch({.count = 4}), 2).buckets_req(0);
  const auto answer = client_->Call<pb::ProduceLogResponse>(ApiKey::kProduceLog, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->buckets_resp_size(), 3);
  EXPECT_EQ(answer->buckets_resp(0).base_offset(), 0);
  EXPECT_EQ(CodeIn(answer->buckets_resp(1)), ErrorCode::kUnknownTableOrBucket);
  EXPECT_EQ(answer->buckets_resp(2).base_offset(), 0);
  EXPECT_EQ(answer->buckets_resp(2).bucket_id(), 2);
}

TEST_F(ProduceLogTest, RefusesRecordsThatAreDamaged) {
  const int64_t table = CreateTable("t");
  const std::string sound = EncodeTestBatch({.count = 3});
  for (size_t at = format::kCrcAtV0; at < sound.size(); at += 7) {
    std::string bad = sound;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    EXPECT_EQ(CodeIn(Append(table, bad)), ErrorCode::kCorruptRecord) << at;
  }
  EXPECT_EQ(CodeIn(Append(table, "")), ErrorCode::kCorruptRecord);
  EXPECT_EQ(CodeIn(Append(table, sound.substr(0, sound.size() - 1))), ErrorCode::kCorruptRecord);
  EXPECT_EQ(Append(table, sound).base_offset(), 0) << "no offset was used up";
}

TEST_F(ProduceLogTest, RefusesBatchesOfASchemaThatTheTableDoesNotHave) {
  const int64_t table = CreateTable("t");
  EXPECT_EQ(CodeIn(Append(table, EncodeTestBatch({.schema = SchemaId(2)}))), ErrorCode::kSchemaNotExist)
      << "readers could never project it";
}

TEST_F(ProduceLogTest, RecognisesRepetitionsAndGaps) {
  const int64_t table = CreateTable("t");
  const auto batch = [](int32_t sequence) {
    return EncodeTestBatch({.first = 10 * sequence, .count = 10, .writer = WriterId(5), .sequence = sequence});
  };
  EXPECT_EQ(CodeIn(Append(table, batch(1))), ErrorCode::kOutOfOrderSequence);
  for (int32_t sequence = 0; sequence < 7; ++sequence) {
    EXPECT_EQ(Append(table, batch(sequence)).base_offset(), 10 * sequence);
  }
  for (int32_t sequence = 2; sequence < 7; ++sequence) {
    const auto again = Append(table, batch(sequence));
    EXPECT_FALSE(again.has_error_code()) << again.error_message();
    EXPECT_EQ(again.base_offset(), 10 * sequence) << "of the window of 5";
  }
  EXPECT_EQ(CodeIn(Append(table, batch(9))), ErrorCode::kOutOfOrderSequence);
  EXPECT_THAT(AllIds(table), ElementsAreArray(Range(0, 70)));
}

TEST_F(ProduceLogTest, CountsARepeatedRowOnce) {
  const int64_t table = CreateTable("t");
  const std::string batch = EncodeTestBatch({.count = 10, .writer = WriterId(5), .sequence = 0});
  for (int i = 0; i < 3; ++i) Append(table, batch);
  EXPECT_THAT(server_->metrics.Expose(),
              ::testing::HasSubstr("thalweg_table_rows_appended_total{table=\"fluss.t\"} 10"));
}

TEST_F(ProduceLogTest, BatchesInFlightKeepTheirOrder) {
  // The first ones meet a bucket that has to be opened; shards and seeds decide who runs when.
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Start({.seed = seed, .shards = 1 + seed % 3});
    const int64_t table = CreateTable("t", LogTable(3));
    for (int32_t bucket = 0; bucket < 3; ++bucket) {
      std::vector<int32_t> sent;
      for (int32_t i = 0; i < 5; ++i) {
        const auto batch = EncodeTestBatch({.first = i, .writer = WriterId(seed % 2 ? 5 : 6), .sequence = i});
        sent.push_back(client_->Send(ApiKey::kProduceLog, Produce(table, batch, bucket, i % 2 == 0 ? -1 : 1)));
      }
      for (int32_t i = 0; i < 5; ++i) {
        const auto answer = client_->Receive<pb::ProduceLogResponse>(sent[i]);
        ASSERT_TRUE(answer.ok()) << answer.status();
        ASSERT_FALSE(answer->buckets_resp(0).has_error_code())
            << "seed " << seed << ", batch " << i << ": " << answer->buckets_resp(0).error_message();
        ASSERT_EQ(answer->buckets_resp(0).base_offset(), i) << "seed " << seed;
      }
    }
  }
}

TEST_F(ProduceLogTest, NothingIsVisibleBeforeItIsDurable) {
  const int64_t table = CreateTable("t");
  ASSERT_EQ(Append(table, EncodeTestBatch({})).base_offset(), 0);
  server_->disk.FailNext(thalweg::testing::Operation::kWriteDurable, "journal", thalweg::testing::Fault::kIoError);
  EXPECT_EQ(CodeIn(Append(table, EncodeTestBatch({.first = 1}))), ErrorCode::kStorage);
  EXPECT_THAT(AllIds(table), ElementsAreArray(Range(0, 1)));
  EXPECT_EQ(CodeIn(Append(table, EncodeTestBatch({.first = 1}))), ErrorCode::kStorage) << "read-only from here on";
  EXPECT_FALSE(server_->engine->health().ok());
}

TEST_F(ProduceLogTest, WritersOfADroppedTableAreTold) {
  const int64_t table = CreateTable("t");
  ASSERT_EQ(Append(table, EncodeTestBatch({})).base_offset(), 0);
  pb::DropTableRequest drop;
  *drop.mutable_table_path() = PathOf("t");
  drop.set_ignore_if_not_exists(false);
  ASSERT_TRUE(client_->Call<pb::DropTableResponse>(ApiKey::kDropTable, drop).ok());
  EXPECT_EQ(CodeIn(Append(table, EncodeTestBatch({}))), ErrorCode::kUnknownTableOrBucket);
  server_->sim.RunFor(std::chrono::seconds(10));
  const auto left = server_->disk.List("d/log");
  EXPECT_TRUE(!left.ok() || left->empty()) << "the files are gone";
}

TEST_F(ProduceLogTest, WritersGetIdsThatDiffer) {
  std::set<int64_t> ids;
  for (int i = 0; i < 20; ++i) {
    const auto answer = client_->Call<pb::InitWriterResponse>(ApiKey::kInitWriter, pb::InitWriterRequest());
    ASSERT_TRUE(answer.ok()) << answer.status();
    ids.insert(answer->writer_id());
  }
  EXPECT_EQ(ids.size(), 20u);
}

}  // namespace
}  // namespace thalweg::service
