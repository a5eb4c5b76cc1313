#include "thalweg/service/session.h"

#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/service/api_table.h"
#include "thalweg/service/test_server_internal.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using wire::ApiKey;

pb::ApiVersionsRequest VersionsRequest() {
  pb::ApiVersionsRequest request;
  request.set_client_software_name("test");
  request.set_client_software_version("1");
  return request;
}

pb::ListDatabasesRequest Anything() { return {}; }

Bytes Raw(std::vector<uint8_t> bytes) { return Bytes::Copy(bytes); }

class SessionTest : public ServiceTest {
 protected:
  bool StillServes(TestClient& client) {
    return client.Call<pb::ListDatabasesResponse>(ApiKey::kListDatabases, Anything()).ok();
  }
};

TEST_F(SessionTest, ApiVersionsListExactlyTheTable) {
  const auto answer = client_->Call<pb::ApiVersionsResponse>(ApiKey::kApiVersions, VersionsRequest());
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(static_cast<size_t>(answer->api_versions_size()), ApiTable().size());
  for (size_t i = 0; i < ApiTable().size(); ++i) {
    EXPECT_EQ(answer->api_versions(static_cast<int>(i)).api_key(), static_cast<int>(ApiTable()[i].key));
    EXPECT_EQ(answer->api_versions(static_cast<int>(i)).min_version(), ApiTable()[i].version_min);
    EXPECT_EQ(answer->api_versions(static_cast<int>(i)).max_version(), ApiTable()[i].version_max);
  }
  EXPECT_FALSE(answer->has_server_type()) << "clients take this for a coordinator and a tablet server";
}

TEST_F(SessionTest, EveryListedKeyHasAHandlerAndNoOther) {
  // An empty body lacks required fields in most requests: what matters is who refuses it.
  for (int key = 0; key < 1100; ++key) {
    const auto answer = client_->Call<pb::ListDatabasesResponse>(static_cast<ApiKey>(key), Anything());
    const bool listed = FindApi(static_cast<ApiKey>(key)) != nullptr;
    EXPECT_EQ(CodeOf(answer.status()) == ErrorCode::kUnsupportedVersion, !listed) << key << ": " << answer.status();
    ASSERT_FALSE(client_->closed()) << key;
  }
}

TEST_F(SessionTest, RefusesVersionsThatItDoesNotAdvertise) {
  for (const Api& api : ApiTable()) {
    for (const int version : {api.version_min - 1, api.version_max + 1}) {
      const auto answer = client_->Call<pb::ListDatabasesResponse>(api.key, Anything(), static_cast<int16_t>(version));
      EXPECT_EQ(CodeOf(answer.status()), ErrorCode::kUnsupportedVersion)
          << wire::ApiName(api.key) << " " << version << ": " << answer.status();
    }
  }
  EXPECT_TRUE(StillServes(*client_));
}

TEST_F(SessionTest, AFrameOutsideTheLimitsClosesItsConnectionAlone) {
  const std::vector<std::vector<uint8_t>> frames = {{0, 0, 0, 0},              // shorter than a head
                                                    {0, 0, 0, 7, 1, 2, 3},     // likewise
                                                    {0xff, 0xff, 0xff, 0xff},  // negative
                                                    {0x80, 0, 0, 0, 3, 232},   // the smallest number
                                                    {0x7f, 0xff, 0xff, 0xff},  // above the limit
                                                    {0x16, 3, 1, 2, 0, 1, 0},  // what a TLS client says first
                                                    {'G', 'E', 'T', ' ', '/'}};
  for (const auto& frame : frames) {
    const size_t before = server_->reports.size();
    const auto other = server_->Connect();
    other->SendRaw(Raw(frame));
    EXPECT_TRUE(other->WaitClosed(seconds(1))) << ::testing::PrintToString(frame);
    ASSERT_EQ(server_->reports.size(), before + 1);
    EXPECT_THAT(server_->reports.back(), HasSubstr("Closed the connection of 10.0.0."));
  }
  EXPECT_TRUE(StillServes(*client_));
}

TEST_F(SessionTest, ABodyThatIsNoMessageIsRefusedAndTheConnectionLives) {
  // Field 1 claims more bytes than there are.
  client_->SendRaw(Raw({0, 0, 0, 11, 1001 >> 8, 1001 & 0xff, 0, 0, 0, 0, 0, 77, 0x0a, 0x7f, 'x'}));
  const auto answer = client_->Receive<pb::CreateDatabaseResponse>(77);
  EXPECT_EQ(CodeOf(answer.status()), ErrorCode::kUnknownServerError) << answer.status();
  EXPECT_TRUE(StillServes(*client_));
}

TEST_F(SessionTest, ReadsFramesHoweverTheyAreCut) {
  std::string all;
  for (int32_t id = 100; id < 120; ++id) {
    all.append(AsText(wire::EncodeRequest(ApiKey::kListDatabases, 0, id, Anything()).view()));
  }
  for (size_t at = 0; at < all.size(); at += 5) {
    client_->SendRaw(Bytes::Copy(AsBytes(std::string_view(all).substr(at, 5))));
    server_->sim.RunFor(milliseconds(1));
  }
  for (int32_t id = 100; id < 120; ++id) EXPECT_TRUE(client_->Receive<pb::ListDatabasesResponse>(id).ok()) << id;
}

TEST_F(SessionTest, ClosesConnectionsThatAreSilentTooLong) {
  Start({.limits = {.idle_ms_max = 10'000}});
  const auto busy = server_->Connect();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(StillServes(*busy));
    server_->sim.RunFor(seconds(4));
    EXPECT_EQ(client_->closed(), i >= 2) << i;
  }
  EXPECT_FALSE(busy->closed());
}

TEST_F(SessionTest, AWaitingFetchIsNotIdle) {
  Start({.limits = {.idle_ms_max = 5'000}});
  const int64_t table = CreateTable("t");
  auto request = Fetch(table);
  request.set_min_bytes(1);
  request.set_max_wait_ms(20'000);
  EXPECT_TRUE(client_->Call<pb::FetchLogResponse>(ApiKey::kFetchLog, request).ok());
}

TEST_F(SessionTest, ClosesConnectionsThatAreTooSlowWithAFrame) {
  Start({.limits = {.frame_ms_max = 3'000}});
  const Bytes whole = wire::EncodeRequest(ApiKey::kListDatabases, 0, 9, Anything());
  for (const size_t cut : {size_t{2}, size_t{4}, whole.size() - 1}) {
    const auto slow = server_->Connect();
    slow->SendRaw(whole.Slice(0, cut));
    EXPECT_FALSE(slow->WaitClosed(seconds(2))) << cut;
    EXPECT_TRUE(slow->WaitClosed(seconds(6))) << cut;
  }
  EXPECT_FALSE(client_->closed()) << "between frames nobody is slow";
}

TEST_F(SessionTest, TakesNoMoreConnectionsThanAllowed) {
  Start({.limits = {.connections_max = 3}});
  auto second = server_->Connect();
  const auto third = server_->Connect();
  const auto fourth = server_->Connect();
  EXPECT_TRUE(fourth->WaitClosed(seconds(1)));
  EXPECT_TRUE(StillServes(*client_) && StillServes(*second) && StillServes(*third));
  EXPECT_EQ(server_->server->connections(), 3);
  second.reset();
  server_->sim.RunFor(seconds(1));
  const auto fifth = server_->Connect();
  EXPECT_TRUE(StillServes(*fifth)) << "there is room again";
}

TEST_F(SessionTest, AFrameWaitsUntilThereIsMemory) {
  Start({.limits = {.frame_bytes_max = 1000, .request_memory_bytes = 1000}});
  // One that has announced 900 bytes and sends no more holds them.
  const auto holder = server_->Connect();
  holder->SendRaw(Raw({0, 0, 0x03, 0x84}));
  server_->sim.RunFor(milliseconds(100));
  pb::CreateDatabaseRequest big;
  big.set_database_name(std::string(150, 'x'));
  big.set_ignore_if_exists(false);
  const int32_t id = client_->Send(ApiKey::kCreateDatabase, big);
  server_->sim.RunFor(seconds(5));
  EXPECT_FALSE(client_->Has(id)) << "it was read without memory for it";
  holder->Close();
  server_->sim.RunFor(milliseconds(100));
  EXPECT_TRUE(client_->Has(id));
}

TEST_F(SessionTest, AnswersOvertakeAWaitingFetch) {
  const int64_t table = CreateTable("t");
  auto request = Fetch(table);
  request.set_min_bytes(1);
  request.set_max_wait_ms(1'000);
  const int32_t fetch = client_->Send(ApiKey::kFetchLog, request);
  const int32_t list = client_->Send(ApiKey::kListDatabases, Anything());
  ASSERT_TRUE(client_->Receive<pb::FetchLogResponse>(fetch).ok());
  const auto& order = client_->order();
  ASSERT_GE(order.size(), 2u);
  EXPECT_THAT(std::vector(order.end() - 2, order.end()), ElementsAre(list, fetch));
}

TEST_F(SessionTest, ReadsNoFurtherWhileTooManyCallsAreInFlight) {
  Start({.limits = {.calls_per_connection_max = 2}});
  const int64_t table = CreateTable("t");
  auto request = Fetch(table);
  request.set_min_bytes(1);
  request.set_max_wait_ms(1'000);
  client_->Send(ApiKey::kFetchLog, request);
  client_->Send(ApiKey::kFetchLog, request);
  const int32_t third = client_->Send(ApiKey::kListDatabases, Anything());
  server_->sim.RunFor(milliseconds(500));
  EXPECT_FALSE(client_->Has(third));
  EXPECT_TRUE(client_->Receive<pb::ListDatabasesResponse>(third).ok());
}

TEST_F(SessionTest, AStopAnswersWhatIsInFlightAndTakesNoMore) {
  const int64_t table = CreateTable("t");
  const int32_t append = client_->Send(ApiKey::kProduceLog, Produce(table, EncodeTestBatch({})));
  const auto idle = server_->Connect();
  bool stopped = false;
  server_->server->Stop(10'000, [&] { stopped = true; });
  const int64_t began_ns = server_->clock.MonotonicNs();
  ASSERT_TRUE(server_->sim.RunUntil([&] { return stopped; }));
  EXPECT_LT(server_->clock.MonotonicNs() - began_ns, 1'000'000'000) << "there was no reason to wait";
  EXPECT_TRUE(client_->Receive<pb::ProduceLogResponse>(append).ok());
  EXPECT_TRUE(idle->WaitClosed(seconds(1)));
  const auto late = server_->Connect();
  EXPECT_TRUE(late->WaitClosed(seconds(1)));
}

}  // namespace
}  // namespace thalweg::service
