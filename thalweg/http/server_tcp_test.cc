#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "thalweg/http/operations.h"
#include "thalweg/http/server.h"
#include "thalweg/net/tcp.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/metrics.h"
#include "thalweg/runtime/shards.h"

namespace thalweg::http {
namespace {

using runtime::Task;

Task<std::string> Ask(runtime::Executor& shard, net::Address address, std::string_view request) {
  auto stream = co_await net::ConnectTcp(shard, address);
  EXPECT_TRUE(stream.ok()) << stream.status();
  if (!stream.ok()) co_return "";
  EXPECT_TRUE((co_await (*stream)->Write({Bytes::Copy(AsBytes(request))})).ok());
  std::string all;
  std::array<uint8_t, 4096> buffer;
  for (;;) {
    const auto got = co_await (*stream)->Read(buffer);
    EXPECT_TRUE(got.ok()) << got.status();
    if (!got.ok() || *got == 0) co_return all;
    all += AsText(ByteView(buffer).first(*got));
  }
}

TEST(ServerOverTcp, AnswersOnEveryShardAndStops) {
  const auto shards = runtime::Shards::Start(2);
  runtime::Metrics metrics;
  Server server(OperationsRoutes(metrics, [] { return arrow::Status::OK(); }));
  auto listener = net::ListenTcp(*shards, {"127.0.0.1", 0},
                                 [&](std::unique_ptr<net::Stream> stream) { server.Serve(std::move(stream)); });
  ASSERT_TRUE(listener.ok()) << listener.status();
  const net::Address address = (*listener)->address();
  for (size_t i = 0; i < 8; ++i) {
    runtime::Executor& shard = shards->at(i % 2);
    const auto answer =
        BlockOn(shard, Ask(shard, address, "GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    EXPECT_THAT(answer, ::testing::EndsWith("\r\n\r\nready\n"));
  }
  // What is still being sent when the answer leaves does not make the peer's kernel drop it.
  const auto refused = BlockOn(
      shards->at(0), Ask(shards->at(0), address, "GET / HTTP/1.1\r\nX: " + std::string(500'000, 'x') + "\r\n\r\n"));
  EXPECT_THAT(refused, ::testing::StartsWith("HTTP/1.1 431 "));
  auto idle = BlockOn(shards->at(1), net::ConnectTcp(shards->at(1), address));
  ASSERT_TRUE(idle.ok());
  (*listener)->Stop();
  BlockOn(shards->at(0), server.Stop(shards->at(0)));
  BlockOn(shards->at(1),
          [](std::unique_ptr<net::Stream> stream) -> Task<void> { co_return stream.reset(); }(std::move(*idle)));
}

}  // namespace
}  // namespace thalweg::http
