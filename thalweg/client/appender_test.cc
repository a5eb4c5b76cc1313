#include "thalweg/client/appender.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/array/builder_primitive.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/client/fake_server_internal.h"
#include "thalweg/format/log_batch.h"

namespace thalweg::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using wire::ApiKey;

/// A log whose server fails as it is told, and which takes batches only in the order of their sequence.
class AppenderTest : public ::testing::Test {
 protected:
  /// What happens to one PRODUCE_LOG.
  enum class Fate { kStored, kRefused, kBroken, kStoredThenBroken, kFatal };

  std::optional<Bytes> Answer(const wire::Request& request) {
    switch (request.key) {
      case ApiKey::kApiVersions: {
        pb::ApiVersionsResponse answer;
        for (const ApiKey key : {ApiKey::kInitWriter, ApiKey::kProduceLog}) {
          auto* version = answer.add_api_versions();
          version->set_api_key(static_cast<int32_t>(key));
          version->set_min_version(0);
          version->set_max_version(0);
        }
        return wire::EncodeResponse(request.id, answer);
      }
      case ApiKey::kInitWriter: {
        pb::InitWriterResponse answer;
        answer.set_writer_id(42);
        return wire::EncodeResponse(request.id, answer);
      }
      default:
        return Produce(request);
    }
  }

  std::optional<Bytes> Produce(const wire::Request& request) {
    pb::ProduceLogRequest body;
    EXPECT_TRUE(wire::ParseBody(request.body, &body).ok());
    const auto& part = body.buckets_req(0);
    const auto batch = format::ParseBatch(AsBytes(part.records())).ValueOrDie();
    EXPECT_TRUE(format::VerifyCrc(batch).ok());
    EXPECT_EQ(batch.header.writer_id, WriterId(42));
    const int number = produced_++;
    const Fate fate = fates_.contains(number) ? fates_[number] : Fate::kStored;
    if (fate == Fate::kBroken) return std::nullopt;
    pb::ProduceLogResponse answer;
    auto* result = answer.add_buckets_resp();
    result->set_bucket_id(part.bucket_id());
    auto& log = stored_[part.bucket_id()];
    if (fate == Fate::kRefused || fate == Fate::kFatal) {
      result->set_error_code(
          static_cast<int32_t>(fate == Fate::kFatal ? ErrorCode::kInvalidTable : ErrorCode::kStorageBackpressure));
      result->set_error_message("the test wants it so");
    } else if (batch.header.batch_sequence == static_cast<int32_t>(log.size())) {
      log.push_back(batch.header.record_count);
    } else if (batch.header.batch_sequence > static_cast<int32_t>(log.size())) {
      result->set_error_code(static_cast<int32_t>(ErrorCode::kOutOfOrderSequence));
    }
    if (fate == Fate::kStoredThenBroken) return std::nullopt;
    return wire::EncodeResponse(request.id, answer);
  }

  static TableInfo Table() {
    TableInfo table{.path = {"fluss", "t"}, .id = TableId(7), .schema_id = SchemaId(1)};
    table.descriptor.schema =
        schema::Schema::Make({.columns = {{.name = "id", .type = schema::MakeType(schema::TypeKind::kBigInt)}}})
            .ValueOrDie();
    table.descriptor.bucket_count = 2;
    return table;
  }

  static std::shared_ptr<arrow::RecordBatch> Rows(int64_t count) {
    arrow::Int64Builder ids;
    for (int64_t i = 0; i < count; ++i) EXPECT_TRUE(ids.Append(i).ok());
    return arrow::RecordBatch::Make(arrow::schema({arrow::field("id", arrow::int64())}), count,
                                    {ids.Finish().ValueOrDie()});
  }

  std::unique_ptr<Appender> Open(AppenderLimits limits = {}) {
    connection_ = Connection::Open({.server = server_.address()}).ValueOrDie();
    return Appender::Open(*connection_, Table(), limits).ValueOrDie();
  }

  /// Twelve batches of 1 to 12 rows, every third to bucket 1.
  static arrow::Status AppendTwelve(Appender& appender) {
    for (int i = 0; i < 12; ++i) {
      ARROW_RETURN_NOT_OK(appender.Append(kNoPartition, BucketId(i % 3 == 2 ? 1 : 0), *Rows(i + 1)));
    }
    return appender.Flush();
  }

  void ExpectAllOnce(const Appender& appender) {
    EXPECT_THAT(stored_[0], ElementsAre(1, 2, 4, 5, 7, 8, 10, 11));
    EXPECT_THAT(stored_[1], ElementsAre(3, 6, 9, 12));
    EXPECT_EQ(appender.acknowledged_rows(), 78u);
  }

  FakeServer server_{[this](const wire::Request& request) { return Answer(request); }};
  // Used by the server's thread; read here when nothing is under way.
  std::map<int, Fate> fates_;
  int produced_ = 0;
  std::map<int32_t, std::vector<int32_t>> stored_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(AppenderTest, EveryBatchIsStoredOnce) {
  const auto appender = Open();
  ASSERT_TRUE(AppendTwelve(*appender).ok());
  ExpectAllOnce(*appender);
  EXPECT_EQ(produced_, 12);
}

TEST_F(AppenderTest, WhatTheServerRefusesForNowIsSentAgainInOrder) {
  fates_ = {{0, Fate::kRefused}, {5, Fate::kRefused}, {9, Fate::kRefused}};
  const auto appender = Open();
  const auto status = AppendTwelve(*appender);
  ASSERT_TRUE(status.ok()) << status;
  ExpectAllOnce(*appender);
}

TEST_F(AppenderTest, ABrokenConnectionLosesAndRepeatsNothing) {
  fates_ = {{3, Fate::kBroken}, {8, Fate::kStoredThenBroken}};
  const auto appender = Open();
  const auto status = AppendTwelve(*appender);
  ASSERT_TRUE(status.ok()) << status;
  ExpectAllOnce(*appender);
  EXPECT_EQ(server_.connections(), 3);
}

TEST_F(AppenderTest, ALastingErrorEndsItAtOnce) {
  fates_ = {{4, Fate::kFatal}};
  const auto appender = Open({.batches_max = 1});
  const auto status = AppendTwelve(*appender);
  EXPECT_EQ(CodeOf(status), ErrorCode::kInvalidTable);
  EXPECT_THAT(status.message(), HasSubstr("the test wants it so"));
  EXPECT_EQ(appender->acknowledged_rows(), 10u);
  EXPECT_EQ(produced_, 5);
}

TEST_F(AppenderTest, TriesAreBounded) {
  for (int i = 0; i < 100; ++i) fates_[i] = Fate::kRefused;
  const auto appender = Open({.tries_max = 3, .pause_max = std::chrono::milliseconds(1)});
  const auto status = AppendTwelve(*appender);
  EXPECT_EQ(CodeOf(status), ErrorCode::kStorageBackpressure);
  EXPECT_THAT(status.message(), HasSubstr("Gave up after 3 tries"));
  EXPECT_TRUE(stored_[0].empty());
}

TEST_F(AppenderTest, WhatTheServerDoesNotOfferIsNotAsked) {
  (void)Open();
  pb::ListDatabasesResponse answer;
  const auto status = connection_->Call(ApiKey::kListDatabases, pb::ListDatabasesRequest(), &answer);
  EXPECT_EQ(CodeOf(status), ErrorCode::kUnsupportedVersion);
  EXPECT_THAT(status.message(), HasSubstr("LIST_DATABASES"));
}

TEST(ConnectionTest, ASilentPortIsNamed) {
  // Port 1 is reserved, and nobody listens there.
  const auto connection = Connection::Open({.server = {"127.0.0.1", 1}});
  EXPECT_EQ(CodeOf(connection.status()), ErrorCode::kNetwork);
  EXPECT_THAT(connection.status().message(), HasSubstr("127.0.0.1:1"));
  EXPECT_THAT(connection.status().message(), HasSubstr("Is the server running?"));
}

}  // namespace
}  // namespace thalweg::client
