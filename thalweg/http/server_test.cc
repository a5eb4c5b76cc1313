#include "thalweg/http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "thalweg/base/error.h"
#include "thalweg/http/operations.h"
#include "thalweg/testing/memory_net.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::http {
namespace {

using namespace std::chrono_literals;
using runtime::Task;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// A server and its clients over a simulated network.
class ServerTest : public ::testing::Test {
 protected:
  using StreamPtr = std::unique_ptr<net::Stream>;

  ~ServerTest() override {
    if (server_) scheduler_.Await(server_->Stop(client_));
  }

  void Start(ServerOptions options = {}) {
    metrics_.AddCounter("thalweg_test_total", "A test.").Add(7);
    server_.emplace(OperationsRoutes(metrics_, [this] { return ready_; }), options);
  }

  StreamPtr Connect() {
    auto [ours, theirs] = network_.MakePair(client_, shard_);
    shard_.Post([this, stream = std::move(theirs)]() mutable { server_->Serve(std::move(stream)); });
    scheduler_.RunReady();
    return std::move(ours);
  }

  void Send(net::Stream& stream, std::string_view text) {
    EXPECT_TRUE(scheduler_.Await(stream.Write({Bytes::Copy(AsBytes(text))})).ok());
  }

  /// Reads until the server closes.
  std::string ReadToEnd(net::Stream& stream) {
    return scheduler_.Await([](net::Stream& from) -> Task<std::string> {
      std::string all;
      uint8_t buffer[500];
      for (;;) {
        const auto got = co_await from.Read(buffer);
        EXPECT_TRUE(got.ok()) << got.status();
        if (!got.ok() || *got == 0) co_return all;
        all += AsText({buffer, *got});
      }
    }(stream));
  }

  /// One request on a connection of its own.
  std::string Ask(std::string_view first_line, std::string_view rest = "") {
    const StreamPtr stream = Connect();
    Send(*stream, fmt::format("{}\r\nHost: x\r\nConnection: close\r\n\r\n{}", first_line, rest));
    return ReadToEnd(*stream);
  }

  testing::SimScheduler scheduler_;
  testing::SimExecutor& shard_ = scheduler_.MakeThread("shard-0");
  testing::SimExecutor& client_ = scheduler_.MakeThread("client");
  testing::MemoryNetwork network_{scheduler_};
  runtime::Metrics metrics_;
  arrow::Status ready_;
  std::optional<Server> server_;
};

TEST_F(ServerTest, AnswersOperators) {
  Start();
  EXPECT_THAT(Ask("GET /metrics HTTP/1.1"), HasSubstr("\r\n\r\n# HELP thalweg_test_total A test."));
  EXPECT_THAT(Ask("GET /metrics HTTP/1.1"), HasSubstr("text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(Ask("GET /health?verbose=1 HTTP/1.1"), ::testing::EndsWith("\r\n\r\nok\n"));
  EXPECT_THAT(Ask("GET /ready HTTP/1.1"), StartsWith("HTTP/1.1 200 OK\r\n"));
  ready_ = Error(ErrorCode::kStorage, "The journal cannot be written.");
  EXPECT_THAT(Ask("GET /ready HTTP/1.1"), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(Ask("GET /ready HTTP/1.1"), HasSubstr("The journal cannot be written.\n"));
  EXPECT_THAT(Ask("GET / HTTP/1.1"), HasSubstr("/ready "));
}

TEST_F(ServerTest, HeadHasNoBodyButItsLength) {
  Start();
  const std::string answer = Ask("HEAD /health HTTP/1.1");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 3\r\n"));
  EXPECT_THAT(answer, ::testing::EndsWith("\r\n\r\n"));
}

TEST_F(ServerTest, SaysWhatIsWrong) {
  Start();
  EXPECT_THAT(Ask("GET /nothing HTTP/1.1"), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(Ask("GET //metrics HTTP/1.1"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Ask("DELETE /metrics HTTP/1.1"), HasSubstr("\r\nAllow: GET, HEAD\r\n"));
  EXPECT_THAT(Ask("DELETE /metrics HTTP/1.1"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Ask("CONNECT host:1 HTTP/1.1"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Ask("hello"), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
}

TEST_F(ServerTest, KeepsTheConnectionAndAnswersPipelinedRequestsInOrder) {
  Start();
  const StreamPtr stream = Connect();
  Send(*stream, "GET /health HTTP/1.1\r\n\r\nGET /nothing HTTP/1.1\r\n\r\nGET /rea");
  Send(*stream, "dy HTTP/1.1\r\nConnection: close\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n");
  const std::string answers = ReadToEnd(*stream);
  const size_t health = answers.find("\r\n\r\nok\n");
  const size_t missing = answers.find("404 Not Found");
  const size_t ready = answers.find("\r\n\r\nready\n");
  EXPECT_NE(health, std::string::npos);
  EXPECT_LT(health, missing);
  EXPECT_LT(missing, ready);
  EXPECT_NE(ready, std::string::npos);
  EXPECT_THAT(answers, Not(HasSubstr("thalweg_test_total")));  // behind the close
}

TEST_F(ServerTest, ThrowsBodiesAwayWithinABound) {
  Start({.body_bytes_max = 1000});
  const StreamPtr stream = Connect();
  Send(*stream, "POST /x HTTP/1.1\r\nContent-Length: 500\r\n\r\n" + std::string(500, 'x'));
  Send(*stream, "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string answers = ReadToEnd(*stream);
  EXPECT_THAT(answers, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(answers, HasSubstr("\r\n\r\nok\n"));
  const StreamPtr large = Connect();
  Send(*large, "POST /x HTTP/1.1\r\nContent-Length: 5000\r\n\r\n" + std::string(2000, 'x'));
  EXPECT_THAT(ReadToEnd(*large), StartsWith("HTTP/1.1 413 "));
}

TEST_F(ServerTest, RefusesAHeaderThatIsTooLarge) {
  Start();
  const std::string start = "GET /health HTTP/1.1\r\nConnection: close\r\nX: ";
  for (const size_t bytes : {size_t{8 << 10}, size_t{(8 << 10) + 1}, size_t{100'000}}) {
    const StreamPtr stream = Connect();
    Send(*stream, start + std::string(bytes - start.size() - 4, 'x') + "\r\n\r\n");
    EXPECT_THAT(ReadToEnd(*stream), StartsWith(bytes <= 8 << 10 ? "HTTP/1.1 200 " : "HTTP/1.1 431 ")) << bytes;
  }
}

TEST_F(ServerTest, CutsOffWhoIsSlow) {
  Start();
  const StreamPtr stream = Connect();
  int64_t start = scheduler_.now_ns();
  EXPECT_EQ(ReadToEnd(*stream), "");
  EXPECT_EQ((scheduler_.now_ns() - start) / 1'000'000'000, 60);
  const StreamPtr slow = Connect();
  start = scheduler_.now_ns();
  for (const char c : std::string("GET /hea")) {
    Send(*slow, std::string(1, c));
    scheduler_.RunFor(1s);
  }
  EXPECT_EQ(ReadToEnd(*slow), "");
  EXPECT_EQ((scheduler_.now_ns() - start) / 1'000'000'000, 10);
}

TEST_F(ServerTest, CutsOffWhoDoesNotReadTheAnswers) {
  Start();
  const StreamPtr stream = Connect();
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += "GET /metrics HTTP/1.1\r\n\r\n";
  Send(*stream, requests);
  scheduler_.RunFor(9s);
  Send(*stream, "x");
  scheduler_.RunFor(2s);
  EXPECT_EQ(CodeOf(scheduler_.Await(stream->Write({Bytes::Copy(AsBytes("x"))}))), ErrorCode::kNetwork);
}

TEST_F(ServerTest, BoundsTheConnections) {
  Start({.connections_max = 2});
  const StreamPtr first = Connect();
  StreamPtr second = Connect();
  EXPECT_THAT(ReadToEnd(*Connect()), StartsWith("HTTP/1.1 503 "));
  second.reset();
  scheduler_.RunFor(1s);
  EXPECT_THAT(Ask("GET /health HTTP/1.1"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerTest, StopClosesAllAndTurnsOthersAway) {
  Start();
  const StreamPtr open = Connect();
  scheduler_.Await(server_->Stop(client_));
  EXPECT_EQ(ReadToEnd(*open), "");
  EXPECT_EQ(ReadToEnd(*Connect()), "");
  server_.reset();
}

}  // namespace
}  // namespace thalweg::http
