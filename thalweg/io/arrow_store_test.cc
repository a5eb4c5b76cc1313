#include "thalweg/io/arrow_store.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::io {
namespace {

using std::chrono::seconds;

// One attempt of the S3 library at a store that does not answer, where nothing has been sent to it but the question.
constexpr seconds kAttemptMax{6};

/// Takes connections and never says a word.
class SilentServer {
 public:
  SilentServer() : listening_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof(at);
    EXPECT_EQ(bind(listening_, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(listen(listening_, 64), 0);
    EXPECT_EQ(getsockname(listening_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    port_ = ntohs(at.sin_port);
  }
  ~SilentServer() {
    close(listening_);
    for (const int accepted : accepted_) close(accepted);
  }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  /// Waits until somebody has come.
  void Accept() { accepted_.push_back(accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC)); }
  std::unique_ptr<ArrowStore> Open() const {
    return ArrowStore::Open("s3://bucket/folder", {.endpoint = fmt::format("http://127.0.0.1:{}", port_),
                                                   .region = "us-east-1",
                                                   .access_key = "known+key",
                                                   .secret_key = "secret/key"})
        .ValueOrDie();
  }

 private:
  const int listening_;
  uint16_t port_ = 0;
  std::vector<int> accepted_;
};

TEST(ArrowStoreTest, AStopDoesNotWaitForAStoreThatDoesNotAnswer) {
  {
    SilentServer server;
    const auto store = server.Open();
    auto put = std::async(std::launch::async, [&] { return store->Put("a", AsBytes("x")); });
    server.Accept();
    store->BeginStop();
    ASSERT_EQ(put.wait_for(seconds(2)), std::future_status::ready);
    const arrow::Status failed = put.get();
    EXPECT_TRUE(failed.IsCancelled()) << failed;
    // What begins now finds nobody who waits for it.
    EXPECT_TRUE(store->Put("b", AsBytes("x")).IsCancelled());
    EXPECT_TRUE(store->Remove("b").IsCancelled());
    EXPECT_TRUE(store->RemoveTree("b").IsCancelled());
    EXPECT_TRUE(store->List("b").status().IsCancelled());
    uint8_t byte = 0;
    EXPECT_TRUE(store->ReadAt({"b", 1}, 0, {&byte, 1}).status().IsCancelled());
    EXPECT_GT(OutsideCalls::left_alone(), 0);
    EXPECT_FALSE(FinishObjectStores());
  }
  // With the connection closed, what was left alone ends by itself.
  while (OutsideCalls::left_alone() > 0) std::this_thread::yield();
}

TEST(ArrowStoreTest, AReadFromAStoreThatDoesNotAnswerEnds) {
  SilentServer server;
  const auto store = server.Open();
  auto read = std::async(std::launch::async, [&] {
    uint8_t byte = 0;
    return store->ReadAt({"a", 1}, 0, {&byte, 1}).status();
  });
  ASSERT_EQ(read.wait_for(kAttemptMax * ArrowStore::kAttemptsMax), std::future_status::ready);
  const arrow::Status failed = read.get();
  EXPECT_EQ(CodeOf(failed), ErrorCode::kStorage);
  EXPECT_THAT(failed.message(),
              ::testing::Not(::testing::AnyOf(::testing::HasSubstr("known"), ::testing::HasSubstr("secret"))));
}

class FinishStores : public ::testing::Environment {
 public:
  void TearDown() override { EXPECT_TRUE(FinishObjectStores()); }
};
const auto* const kFinishStores = ::testing::AddGlobalTestEnvironment(new FinishStores);

}  // namespace
}  // namespace thalweg::io
