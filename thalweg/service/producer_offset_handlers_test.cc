#include <chrono>
#include <string>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/fluss_admin.pb.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using wire::ApiKey;

class ProducerOffsetsTest : public ServiceTest {
 protected:
  static pb::RegisterProducerOffsetsRequest Request(const std::string& producer, int64_t offset = 5) {
    pb::RegisterProducerOffsetsRequest request;
    request.set_producer_id(producer);
    for (const int64_t table : {9, 3}) {
      auto* of_table = request.add_table_offsets();
      of_table->set_table_id(table);
      for (const int32_t bucket : {1, 0}) {
        auto* one = of_table->add_bucket_offsets();
        if (table == 9) one->set_partition_id(70);
        one->set_bucket_id(bucket);
        one->set_log_end_offset(offset + bucket);
      }
    }
    return request;
  }
  arrow::Result<pb::RegisterProducerOffsetsResponse> Register(const pb::RegisterProducerOffsetsRequest& request) {
    return client_->Call<pb::RegisterProducerOffsetsResponse>(ApiKey::kRegisterProducerOffsets, request);
  }
  pb::GetProducerOffsetsResponse Get(const std::string& producer) {
    pb::GetProducerOffsetsRequest request;
    request.set_producer_id(producer);
    const auto answer = client_->Call<pb::GetProducerOffsetsResponse>(ApiKey::kGetProducerOffsets, request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : pb::GetProducerOffsetsResponse();
  }
  ErrorCode Delete(const std::string& producer) {
    pb::DeleteProducerOffsetsRequest request;
    request.set_producer_id(producer);
    return CodeOf(client_->Call<pb::DeleteProducerOffsetsResponse>(ApiKey::kDeleteProducerOffsets, request).status());
  }
  /// Table, partition or -1, bucket, offset.
  static std::vector<std::tuple<int64_t, int64_t, int32_t, int64_t>> OffsetsIn(
      const pb::GetProducerOffsetsResponse& answer) {
    std::vector<std::tuple<int64_t, int64_t, int32_t, int64_t>> offsets;
    for (const auto& table : answer.table_offsets()) {
      for (const auto& one : table.bucket_offsets()) {
        offsets.emplace_back(table.table_id(), one.has_partition_id() ? one.partition_id() : -1, one.bucket_id(),
                             one.log_end_offset());
      }
    }
    return offsets;
  }
};

TEST_F(ProducerOffsetsTest, RegisteredOnceAndKept) {
  const auto none = Get("job-1");
  EXPECT_FALSE(none.has_producer_id() || none.has_expiration_time());
  EXPECT_THAT(OffsetsIn(none), IsEmpty());

  const int64_t now_ms = server_->clock.WallMs();
  EXPECT_EQ(Register(Request("job-1"))->result(), 0);
  EXPECT_EQ(Register(Request("job-1", 50))->result(), 1);
  const auto kept = Get("job-1");
  EXPECT_EQ(kept.producer_id(), "job-1");
  EXPECT_NEAR(static_cast<double>(kept.expiration_time() - now_ms), 86'400'000, 5'000);
  EXPECT_EQ(kept.table_offsets_size(), 2);
  EXPECT_THAT(OffsetsIn(kept), ElementsAre(std::tuple(3, -1, 0, 5), std::tuple(3, -1, 1, 6), std::tuple(9, 70, 0, 5),
                                           std::tuple(9, 70, 1, 6)));

  EXPECT_EQ(Delete("job-1"), ErrorCode::kNone);
  EXPECT_EQ(Delete("job-1"), ErrorCode::kNone);
  EXPECT_FALSE(Get("job-1").has_producer_id());
  EXPECT_EQ(Register(Request("job-1", 50))->result(), 0);
}

TEST_F(ProducerOffsetsTest, TheyExpire) {
  auto request = Request("job");
  request.set_ttl_ms(60'000);
  EXPECT_EQ(Register(request)->result(), 0);
  server_->sim.RunFor(std::chrono::seconds(58));
  EXPECT_TRUE(Get("job").has_producer_id());
  server_->sim.RunFor(std::chrono::seconds(3));
  EXPECT_FALSE(Get("job").has_producer_id());
  EXPECT_EQ(Register(request)->result(), 0);
  request = Request("ever");
  request.set_ttl_ms(INT64_MAX);
  EXPECT_EQ(Register(request)->result(), 0);
  EXPECT_LE(Get("ever").expiration_time(), server_->clock.WallMs() + 366ll * 86'400'000);
}

TEST_F(ProducerOffsetsTest, RefusesWhatMakesNoSense) {
  for (const std::string& id : {std::string(), std::string("a/b"), std::string(".."), std::string(201, 'a')}) {
    EXPECT_EQ(CodeOf(Register(Request(id)).status()), ErrorCode::kInvalidProducerId) << id;
    EXPECT_EQ(Delete(id), ErrorCode::kInvalidProducerId) << id;
  }
  auto request = Request("job");
  request.mutable_table_offsets(1)->mutable_bucket_offsets(0)->clear_log_end_offset();
  EXPECT_FALSE(Register(request).ok());
  EXPECT_FALSE(Get("job").has_producer_id());
}

TEST_F(ProducerOffsetsTest, WhoMayNotReadATableSeesNothingOfIt) {
  const int64_t readable = CreateTable("readable");
  const int64_t secret = CreateTable("secret");
  pb::RegisterProducerOffsetsRequest request;
  request.set_producer_id("job");
  for (const int64_t table : {readable, secret}) {
    auto* one = request.add_table_offsets();
    one->set_table_id(table);
    one->add_bucket_offsets()->set_bucket_id(0);
    one->mutable_bucket_offsets(0)->set_log_end_offset(1);
  }
  ASSERT_EQ(Register(request)->result(), 0);
  const security::AccessPolicy policy;
  server_->services->policy = &policy;
  const auto grant = [&](security::Operation operation, const std::string& table) {
    const security::AclEntry entry{.principal = security::kAnonymous, .host = "10.0.0.1", .operation = operation};
    return server_->sim
        .Await(server_->catalog->AddAcls({{security::Resource::Table("fluss", table), entry}}, *server_->shards[0]))
        .ok();
  };
  ASSERT_TRUE(grant(security::Operation::kRead, "readable"));
  EXPECT_THAT(OffsetsIn(Get("job")), ElementsAre(std::tuple(readable, -1, 0, 1)));
  ASSERT_TRUE(grant(security::Operation::kWrite, "readable"));
  EXPECT_EQ(Delete("job"), ErrorCode::kAuthorization) << "of one table only";
  EXPECT_EQ(CodeOf(Register(request).status()), ErrorCode::kAuthorization);
  request.clear_table_offsets();
  EXPECT_EQ(CodeOf(Register(request).status()), ErrorCode::kAuthorization) << "of no table at all";
  ASSERT_TRUE(grant(security::Operation::kWrite, "secret"));
  EXPECT_EQ(Delete("job"), ErrorCode::kNone);
}

}  // namespace
}  // namespace thalweg::service
