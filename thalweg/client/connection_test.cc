#include "thalweg/client/connection.h"

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/client/fake_server_internal.h"

namespace thalweg::client {
namespace {

using ::testing::HasSubstr;
using wire::ApiKey;

/// With and without a thread of its own.
class ConnectionTest : public ::testing::TestWithParam<bool> {
 protected:
  ConnectionOptions Options(const net::Address& server) const { return {.server = server, .own_thread = GetParam()}; }

  /// Offers ListTables, whose answer names a table of its database and one of `bytes_` characters; a database called "break" breaks the connection.
  std::optional<Bytes> Answer(const wire::Request& request) {
    if (request.key == ApiKey::kApiVersions) {
      pb::ApiVersionsResponse answer;
      auto* version = answer.add_api_versions();
      version->set_api_key(static_cast<int32_t>(ApiKey::kListTables));
      version->set_min_version(0);
      version->set_max_version(0);
      return wire::EncodeResponse(request.id, answer);
    }
    pb::ListTablesRequest asked;
    EXPECT_TRUE(wire::ParseBody(request.body, &asked).ok());
    if (asked.database_name() == "break") return std::nullopt;
    pb::ListTablesResponse answer;
    answer.add_table_name(asked.database_name());
    answer.add_table_name(std::string(bytes_, 'x'));
    return wire::EncodeResponse(request.id, answer);
  }

  static arrow::Result<int32_t> Ask(Connection& connection, const std::string& database) {
    pb::ListTablesRequest request;
    request.set_database_name(database);
    return connection.Send(ApiKey::kListTables, request);
  }
  static arrow::Result<std::string> Hear(Connection& connection, int32_t id) {
    pb::ListTablesResponse answer;
    ARROW_RETURN_NOT_OK(connection.Receive(id, &answer));
    return answer.table_name(0);
  }

  size_t bytes_ = 10;
  FakeServer server_{[this](const wire::Request& request) { return Answer(request); }};
};

TEST_P(ConnectionTest, AnswersAreFetchedInAnyOrder) {
  bytes_ = 50'000;  // more than is read ahead
  const auto connection = Connection::Open(Options(server_.address())).ValueOrDie();
  std::map<int32_t, std::string> sent;
  for (int i = 0; i < 200; ++i) sent[Ask(*connection, std::to_string(i)).ValueOrDie()] = std::to_string(i);
  for (auto each = sent.rbegin(); each != sent.rend(); ++each) {
    EXPECT_EQ(Hear(*connection, each->first).ValueOrDie(), each->second);
  }
}

TEST_P(ConnectionTest, OneThreadAfterTheOther) {
  const auto connection = Connection::Open(Options(server_.address())).ValueOrDie();
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string name = std::to_string(100 * t + i);
        const std::lock_guard lock(mutex);
        EXPECT_EQ(Hear(*connection, Ask(*connection, name).ValueOrDie()).ValueOrDie(), name);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_P(ConnectionTest, ABrokenConnectionSaysSoUntilItIsMadeAgain) {
  const auto connection = Connection::Open(Options(server_.address())).ValueOrDie();
  const int32_t id = Ask(*connection, "break").ValueOrDie();
  EXPECT_EQ(CodeOf(Hear(*connection, id).status()), ErrorCode::kNetwork);
  EXPECT_EQ(CodeOf(Ask(*connection, "a").status()), ErrorCode::kNetwork);
  ASSERT_TRUE(connection->Reconnect().ok());
  EXPECT_EQ(Hear(*connection, Ask(*connection, "b").ValueOrDie()).ValueOrDie(), "b");
}

TEST_P(ConnectionTest, AServerThatNeverAnswersIsNotWaitedForWithoutAnEnd) {
  const auto shards = runtime::Shards::Start(1);
  std::unique_ptr<net::Stream> stream;
  const auto listener = net::ListenTcp(*shards, {"127.0.0.1", 0}, [&](std::unique_ptr<net::Stream> taken) {
                          stream = std::move(taken);
                        }).ValueOrDie();
  auto options = Options(listener->address());
  options.answer_limit = std::chrono::milliseconds(20);
  const auto connection = Connection::Make(options);
  for (int i = 0; i < 2; ++i) {
    const auto status = connection->Reconnect();
    EXPECT_EQ(CodeOf(status), ErrorCode::kRequestTimeOut);
    EXPECT_THAT(status.message(), HasSubstr("has not answered"));
  }
  listener->Stop();
  shards->Stop();
}

INSTANTIATE_TEST_SUITE_P(Threads, ConnectionTest, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "own" : "callers"; });

}  // namespace
}  // namespace thalweg::client
