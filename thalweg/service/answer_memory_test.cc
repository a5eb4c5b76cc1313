// Clients that ask and do not read: what they may hold, and for how long.

#include "thalweg/service/answer_memory.h"

#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/io/posix_file_system.h"
#include "thalweg/service/test_server_internal.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using wire::ApiKey;

constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kAnswerMemory = 16 * kMiB;
// More than the simulated network takes, so that an answer of them that nobody reads stays.
constexpr int kBatches = 8;
constexpr int64_t kBatchRows = 7'000;

class AnswerMemoryTest : public ServiceTest {
 protected:
  void SetUp() override {
    std::string pattern = "/var/tmp/thalweg_answers_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    Start({.limits = {.answer_memory_bytes = kAnswerMemory}, .fs = &fs_, .directory = root_});
    table_ = CreateTable("t");
    for (int i = 0; i < kBatches; ++i) {
      Append(table_, EncodeTestBatch({.first = i * kBatchRows, .count = kBatchRows}));
    }
  }
  void TearDown() override {
    stuck_.clear();
    client_.reset();
    server_.reset();
    std::filesystem::remove_all(root_);
  }

  /// A client that asks for everything and reads nothing.
  void AskAndDoNotRead() {
    auto stream = server_->sim.Await(server_->network.Connect(server_->client_home, {"", 9123})).ValueOrDie();
    std::vector<net::Fragment> request;
    request.emplace_back(wire::EncodeRequest(ApiKey::kFetchLog, 0, 1, Fetch(table_, 0, 4 * kMiB)));
    ASSERT_TRUE(server_->sim.Await(stream->Write(std::move(request))).ok());
    stuck_.push_back(std::move(stream));
    server_->sim.RunFor(milliseconds(1));
  }
  int64_t used() const { return server_->server->answers().used(); }

  io::PosixFileSystem fs_;
  std::string root_;
  int64_t table_ = 0;
  std::vector<std::unique_ptr<net::Stream>> stuck_;
};

TEST_F(AnswerMemoryTest, AnAnswerHoldsWhatItHasFromMemoryUntilItIsSent) {
  ASSERT_EQ(used(), 0);
  EXPECT_TRUE(client_->Call<pb::FetchLogResponse>(ApiKey::kFetchLog, Fetch(table_)).ok());
  server_->sim.RunFor(milliseconds(1));
  EXPECT_EQ(used(), 0) << "it has been sent";
  AskAndDoNotRead();
  EXPECT_GT(used(), kMiB);
  EXPECT_LT(used(), 2 * kMiB);
  server_->sim.RunFor(seconds(5));  // the rows are in files by now
  for (int i = 0; i < 3; ++i) AskAndDoNotRead();
  EXPECT_LT(used(), 2 * kMiB) << "files cost no memory";
}

TEST_F(AnswerMemoryTest, AWaitingFetchHoldsNothing) {
  auto request = Fetch(table_, kBatches * kBatchRows);
  request.set_min_bytes(1);
  request.set_max_wait_ms(1'000);
  const int32_t id = client_->Send(ApiKey::kFetchLog, request);
  server_->sim.RunFor(milliseconds(100));
  EXPECT_FALSE(client_->Has(id));
  EXPECT_EQ(used(), 0);
}

TEST_F(AnswerMemoryTest, ThoseWhoDoNotReadAreClosedAndTheOthersServed) {
  for (int i = 0; i < 40; ++i) AskAndDoNotRead();
  EXPECT_LE(used(), kAnswerMemory);
  EXPECT_GT(used(), kAnswerMemory * 3 / 4);
  const int connections = server_->server->connections();
  const int64_t began_ns = server_->clock.MonotonicNs();
  // Who reads waits a little.
  const auto answer = client_->Call<pb::FetchLogResponse>(ApiKey::kFetchLog, Fetch(table_));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_GT(answer->tables_resp(0).buckets_resp(0).records().size(), 100'000u);
  EXPECT_LT(server_->clock.MonotonicNs() - began_ns, 10'000'000'000);
  EXPECT_LT(server_->server->connections(), connections);
}

TEST_F(AnswerMemoryTest, WithoutNeedASlowClientHasAMinute) {
  AskAndDoNotRead();
  const int connections = server_->server->connections();
  server_->sim.RunFor(seconds(50));
  EXPECT_EQ(server_->server->connections(), connections);
  server_->sim.RunFor(seconds(20));
  EXPECT_EQ(server_->server->connections(), connections - 1);
}

TEST_F(AnswerMemoryTest, AStopDoesNotWaitForThoseWhoDoNotRead) {
  for (int i = 0; i < 20; ++i) AskAndDoNotRead();
  bool stopped = false;
  server_->server->Stop(500, [&] { stopped = true; });
  server_->sim.RunFor(seconds(1));
  EXPECT_TRUE(stopped);
}

}  // namespace
}  // namespace thalweg::service
