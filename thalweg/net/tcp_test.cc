#include "thalweg/net/tcp.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>

#include "thalweg/base/error.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/completion.h"
#include "thalweg/runtime/countdown.h"
#include "thalweg/runtime/shards.h"

namespace thalweg::net {
namespace {

using runtime::BlockOn;
using runtime::Shards;
using runtime::Task;
using ::testing::HasSubstr;

using StreamPtr = std::unique_ptr<Stream>;

/// Two ends of one connection on one shard.
struct Ends {
  StreamPtr server;
  StreamPtr client;
};

Task<Ends> Connect(Shards& shards) {
  runtime::Completion<StreamPtr> accepted;
  auto listener = ListenTcp(shards, {"127.0.0.1", 0}, [&](StreamPtr stream) { accepted.Set(std::move(stream)); });
  EXPECT_TRUE(listener.ok()) << listener.status();
  auto client = co_await ConnectTcp(shards.at(0), (*listener)->address());
  EXPECT_TRUE(client.ok()) << client.status();
  Ends ends{co_await accepted.Wait(shards.at(0)), std::move(*client)};
  co_return ends;
}

/// Runs `body` on the only shard, with both ends of a connection.
void WithEnds(Task<void> (*body)(Ends& ends, runtime::Executor& shard)) {
  const auto shards = Shards::Start(1);
  BlockOn(shards->at(0), [](Shards& all, Task<void> (*run)(Ends&, runtime::Executor&)) -> Task<void> {
    Ends ends = co_await Connect(all);
    co_await run(ends, all.at(0));
  }(*shards, body));
}

std::vector<Fragment> Text(std::string_view text) { return {Bytes::Copy(AsBytes(text))}; }

Task<std::string> ReadExactly(Stream& stream, size_t size) {
  std::string text(size, '\0');
  size_t done = 0;
  while (done < size) {
    auto got = co_await stream.Read({reinterpret_cast<uint8_t*>(text.data()) + done, size - done});
    EXPECT_TRUE(got.ok()) << got.status();
    if (!got.ok() || *got == 0) co_return text.substr(0, done);
    done += *got;
  }
  co_return text;
}

std::string Pattern(size_t size, uint32_t seed) {
  std::string text(size, '\0');
  for (char& c : text) {
    seed = seed * 1664525 + 1013904223;
    c = static_cast<char>(seed >> 24);
  }
  return text;
}

/// A file that is gone as soon as its range is.
FileRange FileOf(const std::string& content, uint64_t offset, uint64_t size) {
  std::FILE* file = std::tmpfile();
  std::fwrite(content.data(), 1, content.size(), file);
  std::fflush(file);
  return {fileno(file), offset, size, std::shared_ptr<const void>(file, [](std::FILE* f) { std::fclose(f); })};
}

TEST(Tcp, CarriesBytesBothWaysAndTheEnd) {
  WithEnds([](Ends& ends, runtime::Executor&) -> Task<void> {
    EXPECT_TRUE((co_await ends.client->Write(Text("ping"))).ok());
    EXPECT_EQ(co_await ReadExactly(*ends.server, 4), "ping");
    EXPECT_TRUE((co_await ends.server->Write(Text("pong"))).ok());
    EXPECT_EQ(co_await ReadExactly(*ends.client, 4), "pong");
    EXPECT_THAT(ends.server->peer(), HasSubstr("127.0.0.1:"));
    EXPECT_EQ(ends.server->local_host(), "127.0.0.1");
    EXPECT_EQ(ends.server->peer_host(), "127.0.0.1");
    ends.client->Close();
    uint8_t byte;
    const auto end = co_await ends.server->Read({&byte, 1});
    EXPECT_TRUE(end.ok()) << end.status();
    EXPECT_EQ(*end, 0u);
  });
}

Task<void> WriteThen(Stream& stream, std::vector<Fragment> fragments, arrow::Status& into, runtime::Countdown& done) {
  into = co_await stream.Write(std::move(fragments));
  done.Arrive();
}

TEST(Tcp, WritesManyFragmentsAndFileRangesInOrder) {
  WithEnds([](Ends& ends, runtime::Executor& shard) -> Task<void> {
    std::vector<Fragment> fragments;
    std::string expected;
    const auto add = [&](const std::string& text) {
      fragments.push_back(Bytes::Copy(AsBytes(text)));
      expected += text;
    };
    for (uint32_t i = 0; i < 500; ++i) add(Pattern(i % 50, i));  // more than one call takes; some are empty
    const std::string content = Pattern(3'000'000, 77);
    fragments.push_back(FileOf(content, 1000, 2'500'000));
    expected += content.substr(1000, 2'500'000);
    fragments.push_back(FileOf("", 0, 0));
    for (uint32_t i = 0; i < 10; ++i) add(Pattern(700'000, i));
    fragments.push_back(FileOf(content, 0, 1));
    expected += content.substr(0, 1);
    arrow::Status wrote;
    runtime::Countdown written(1);
    runtime::Spawn(WriteThen(*ends.server, std::move(fragments), wrote, written));
    const std::string got = co_await ReadExactly(*ends.client, expected.size());
    EXPECT_TRUE(got == expected);
    co_await written.Wait(shard);
    EXPECT_TRUE(wrote.ok()) << wrote;
  });
}

TEST(Tcp, LastMemoryBeforeAnEmptyRangeIsNotHeldBack) {
  WithEnds([](Ends& ends, runtime::Executor&) -> Task<void> {
    std::vector<Fragment> fragments = Text("now");
    fragments.push_back(FileOf("", 0, 0));
    fragments.push_back(Bytes());
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE((co_await ends.server->Write(std::move(fragments))).ok());
    EXPECT_EQ(co_await ReadExactly(*ends.client, 3), "now");
    // A held packet leaves after 200 ms.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(150));
  });
}

TEST(Tcp, FileShorterThanItsRangeFailsTheConnection) {
  WithEnds([](Ends& ends, runtime::Executor&) -> Task<void> {
    std::vector<Fragment> fragments;
    fragments.push_back(FileOf("short", 0, 100));
    const auto status = co_await ends.server->Write(std::move(fragments));
    EXPECT_EQ(CodeOf(status), ErrorCode::kNetwork);
    EXPECT_EQ(co_await ReadExactly(*ends.client, 100), "short");
  });
}

TEST(Tcp, CloseEndsAPendingReadAndWrite) {
  WithEnds([](Ends& ends, runtime::Executor& shard) -> Task<void> {
    runtime::Countdown both(2);
    arrow::Status wrote;
    arrow::Status read;
    runtime::Spawn(WriteThen(*ends.server, Text(std::string(16 << 20, 'x')), wrote, both));
    runtime::Spawn([](Stream& stream, arrow::Status& into, runtime::Countdown& done) -> Task<void> {
      auto buffer = std::make_unique<std::array<uint8_t, 100>>();
      into = (co_await stream.Read(*buffer)).status();
      done.Arrive();
    }(*ends.server, read, both));
    co_await runtime::SwitchTo(shard);
    ends.server->Close();
    ends.server.reset();  // what waits does not need the stream any more
    co_await both.Wait(shard);
    EXPECT_EQ(CodeOf(wrote), ErrorCode::kNetwork);
    EXPECT_EQ(CodeOf(read), ErrorCode::kNetwork);
    EXPECT_THAT(read.message(), HasSubstr("is closed"));
  });
}

TEST(Tcp, CallsAfterCloseFail) {
  WithEnds([](Ends& ends, runtime::Executor&) -> Task<void> {
    ends.client->Close();
    ends.client->Close();
    uint8_t byte;
    EXPECT_EQ(CodeOf((co_await ends.client->Read({&byte, 1})).status()), ErrorCode::kNetwork);
    EXPECT_EQ(CodeOf(co_await ends.client->Write(Text("x"))), ErrorCode::kNetwork);
  });
}

TEST(Tcp, WriteToAPeerThatHasGoneFails) {
  WithEnds([](Ends& ends, runtime::Executor&) -> Task<void> {
    ends.client.reset();
    arrow::Status status;
    for (int i = 0; i < 1000 && status.ok(); ++i) status = co_await ends.server->Write(Text(Pattern(100'000, 1)));
    EXPECT_EQ(CodeOf(status), ErrorCode::kNetwork);
    EXPECT_THAT(status.message(), HasSubstr(ends.server->peer()));
  });
}

TEST(Tcp, ReaderThatNeverWaitsLetsOtherWorkRun) {
  WithEnds([](Ends& ends, runtime::Executor& shard) -> Task<void> {
    // Fill the socket, then read it in small bites: other work of the shard has to run long before the end.
    arrow::Status wrote;
    runtime::Countdown written(1);
    constexpr size_t kBytes = 8 << 20;
    runtime::Spawn(WriteThen(*ends.server, Text(Pattern(kBytes, 1)), wrote, written));
    size_t turns = 0;
    bool ended = false;
    const auto count = [](runtime::Executor& on, size_t& into, const bool& stop) -> Task<void> {
      while (!stop) {
        ++into;
        co_await runtime::SwitchTo(on);
      }
    };
    runtime::Spawn(count(shard, turns, ended));
    EXPECT_EQ((co_await ReadExactly(*ends.client, kBytes)).size(), kBytes);
    EXPECT_GE(turns, 4u);
    ended = true;
    co_await runtime::SwitchTo(shard);
    co_await written.Wait(shard);
  });
}

TEST(ListenTcp, HandsConnectionsToTheShardsInTurn) {
  const auto shards = Shards::Start(3);
  std::array<std::atomic<int>, 3> taken{};
  runtime::Countdown all(6);
  auto listener = ListenTcp(*shards, {"127.0.0.1", 0}, [&](StreamPtr stream) {
    for (size_t i = 0; i < 3; ++i) {
      if (shards->at(i).RunsHere()) ++taken[i];
    }
    EXPECT_TRUE(stream->executor().RunsHere());
    all.Arrive();
  });
  ASSERT_TRUE(listener.ok()) << listener.status();
  BlockOn(shards->at(0), [](Shards& s, const Address& to, runtime::Countdown& done) -> Task<void> {
    for (int i = 0; i < 6; ++i) EXPECT_TRUE((co_await ConnectTcp(s.at(0), to)).ok());
    co_await done.Wait(s.at(0));
  }(*shards, (*listener)->address(), all));
  for (const auto& count : taken) EXPECT_EQ(count, 2);
}

TEST(ListenTcp, SaysThatThePortIsInUse) {
  const auto shards = Shards::Start(1);
  auto first = ListenTcp(*shards, {"127.0.0.1", 0}, [](StreamPtr) {});
  ASSERT_TRUE(first.ok());
  const auto status = ListenTcp(*shards, (*first)->address(), [](StreamPtr) {}).status();
  EXPECT_EQ(CodeOf(status), ErrorCode::kInvalidConfig);
  EXPECT_EQ(status.message(), "Cannot listen on " + (*first)->address().ToString() +
                                  ": the port is in use by another process; choose another with --listen.");
}

TEST(ListenTcp, SaysThatTheAddressIsNotOurs) {
  const auto shards = Shards::Start(1);
  EXPECT_THAT(ListenTcp(*shards, {"192.0.2.1", 0}, [](StreamPtr) {}).status().message(),
              HasSubstr("not an address of this machine"));
}

TEST(ListenTcp, StopFreesThePort) {
  const auto shards = Shards::Start(2);
  auto listener = ListenTcp(*shards, {"127.0.0.1", 0}, [](StreamPtr) {});
  ASSERT_TRUE(listener.ok());
  const Address address = (*listener)->address();
  (*listener)->Stop();
  const auto refused = BlockOn(shards->at(0), ConnectTcp(shards->at(0), address));
  EXPECT_EQ(CodeOf(refused.status()), ErrorCode::kNetwork);
  EXPECT_THAT(refused.status().message(), HasSubstr(address.ToString()));
  EXPECT_TRUE(ListenTcp(*shards, address, [](StreamPtr) {}).ok());
}

TEST(ListenTcp, MayEndAfterTheShardsHaveStopped) {
  const auto shards = Shards::Start(2);
  auto listener = ListenTcp(*shards, {"127.0.0.1", 0}, [](StreamPtr) {});
  ASSERT_TRUE(listener.ok());
  shards->Stop();
  (*listener)->Stop();
}

TEST(ListenTcp, ListensOnANameWithIPv4First) {
  const auto shards = Shards::Start(1);
  auto listener = ListenTcp(*shards, {"localhost", 0}, [](StreamPtr) {});
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_EQ((*listener)->address().host, "127.0.0.1");
}

TEST(ListenTcp, RunningOutOfDescriptorsOnlyPausesIt) {
#if __has_feature(undefined_behavior_sanitizer)
  GTEST_SKIP() << "UBSan checks virtual calls with a pipe of its own, which it cannot open when no descriptor is left.";
#endif
  const auto shards = Shards::Start(1);
  runtime::Completion<StreamPtr> accepted;
  auto listener = ListenTcp(*shards, {"127.0.0.1", 0}, [&](StreamPtr stream) { accepted.Set(std::move(stream)); });
  ASSERT_TRUE(listener.ok());
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons((*listener)->address().port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int client = ::socket(AF_INET, SOCK_STREAM, 0);
  const int first_free = ::dup(0);
  ::close(first_free);
  rlimit limit;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none_left{static_cast<rlim_t>(first_free), limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none_left), 0);
  // The kernel answers the client by itself; its bytes arrive once the listener has found a descriptor.
  EXPECT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  BlockOn(shards->at(0), runtime::RunOn(shards->at(0), shards->at(0), [] { return 0; }));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(::send(client, "hi", 2, 0), 2);
  const std::string got =
      BlockOn(shards->at(0), [](runtime::Completion<StreamPtr>& stream, runtime::Executor& shard) -> Task<std::string> {
        const StreamPtr ours = co_await stream.Wait(shard);
        co_return co_await ReadExactly(*ours, 2);
      }(accepted, shards->at(0)));
  EXPECT_EQ(got, "hi");
  ::close(client);
}

TEST(ConnectTcp, GivesUpInTime) {
  const auto shards = Shards::Start(1);
  // A full backlog of a socket that never accepts leaves further connections without an answer.
  const int silent = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(silent, 0), 0);
  ::getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size);
  std::vector<StreamPtr> held;
  arrow::Status status;
  BlockOn(shards->at(0),
          [](runtime::Executor& shard, uint16_t port, std::vector<StreamPtr>& streams,
             arrow::Status& failed) -> Task<void> {
            while (failed.ok() && streams.size() < 10) {
              auto stream = co_await ConnectTcp(shard, {"127.0.0.1", port}, std::chrono::milliseconds(50));
              if (stream.ok()) streams.push_back(std::move(*stream));
              failed = stream.status();
            }
            streams.clear();
          }(shards->at(0), ntohs(address.sin_port), held, status));
  EXPECT_THAT(status.message(), HasSubstr("no answer in time"));
  ::close(silent);
}

}  // namespace
}  // namespace thalweg::net
