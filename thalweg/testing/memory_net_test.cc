#include "thalweg/testing/memory_net.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "thalweg/base/error.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::testing {
namespace {

using runtime::Task;

std::vector<net::Fragment> Text(std::string_view text) { return {Bytes::Copy(AsBytes(text))}; }

Task<arrow::Result<std::string>> ReadToEnd(net::Stream& stream) {
  std::string all;
  uint8_t buffer[1000];
  for (;;) {
    TW_CO_ASSIGN_OR_RETURN(const size_t got, co_await stream.Read(buffer));
    if (got == 0) co_return all;
    all += AsText({buffer, got});
  }
}

Task<arrow::Status> WriteAndClose(net::Stream& stream, std::vector<net::Fragment> fragments) {
  TW_CO_RETURN_NOT_OK(co_await stream.Write(std::move(fragments)));
  stream.Close();
  co_return arrow::Status::OK();
}

TEST(MemoryNetwork, CarriesMoreThanTheWindowInOrder) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SimScheduler scheduler(seed);
    MemoryNetwork network(scheduler, {.window_bytes = 5000});
    auto [a, b] = network.MakePair(scheduler.MakeThread("a"), scheduler.MakeThread("b"));
    std::string sent;
    for (int i = 0; i < 5000; ++i) sent += std::to_string(i);
    std::FILE* file = std::tmpfile();
    std::fputs("0123456789", file);
    std::fflush(file);
    auto fragments = Text(sent);
    fragments.push_back(net::FileRange{fileno(file), 2, 5, nullptr});
    runtime::Spawn([](net::Stream& stream, std::vector<net::Fragment> all) -> Task<void> {
      EXPECT_TRUE((co_await WriteAndClose(stream, std::move(all))).ok());
    }(*a, std::move(fragments)));
    const auto got = scheduler.Await(ReadToEnd(*b));
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(*got, sent + "23456");
    EXPECT_GT(scheduler.now_ns(), 0);
    std::fclose(file);
  }
}

TEST(MemoryNetwork, ListensAndConnects) {
  SimScheduler scheduler;
  SimExecutor& shard = scheduler.MakeThread("shard-0");
  SimExecutor& client = scheduler.MakeThread("client");
  MemoryNetwork network(scheduler);
  std::unique_ptr<net::Stream> accepted;
  auto listener = network.Listen({&shard}, {"10.0.0.1", 0}, [&](auto stream) {
    EXPECT_TRUE(shard.RunsHere());
    accepted = std::move(stream);
  });
  ASSERT_TRUE(listener.ok());
  const net::Address address = (*listener)->address();
  EXPECT_EQ(CodeOf(network.Listen({&shard}, address, {}).status()), ErrorCode::kInvalidConfig);
  auto ours = scheduler.Await(network.Connect(client, address));
  ASSERT_TRUE(ours.ok());
  scheduler.RunReady();
  ASSERT_NE(accepted, nullptr);
  EXPECT_TRUE(scheduler.Await((*ours)->Write(Text("hello"))).ok());
  uint8_t byte;
  EXPECT_EQ(*scheduler.Await(accepted->Read({&byte, 1})), 1u);
  EXPECT_EQ(byte, 'h');
  (*listener)->Stop();
  EXPECT_EQ(CodeOf(scheduler.Await(network.Connect(client, address)).status()), ErrorCode::kNetwork);
}

TEST(MemoryNetwork, CloseAndCutEndWhatWaits) {
  for (const bool cut : {false, true}) {
    SimScheduler scheduler;
    MemoryNetwork network(scheduler);
    auto [a, b] = network.MakePair(scheduler.MakeThread("a"), scheduler.MakeThread("b"));
    arrow::Status read;
    arrow::Status wrote;
    runtime::Spawn([](net::Stream& stream, arrow::Status& into) -> Task<void> {
      uint8_t byte;
      into = (co_await stream.Read({&byte, 1})).status();
    }(*a, read));
    runtime::Spawn([](net::Stream& stream, arrow::Status& into) -> Task<void> {
      into = co_await stream.Write(Text(std::string(1 << 20, 'x')));
    }(*a, wrote));
    scheduler.RunReady();
    if (cut) {
      network.CutAll();
    } else {
      a.reset();
    }
    while (scheduler.Step()) {
    }
    EXPECT_EQ(CodeOf(read), ErrorCode::kNetwork);
    EXPECT_EQ(CodeOf(wrote), ErrorCode::kNetwork);
    const auto other = scheduler.Await(ReadToEnd(*b));
    EXPECT_EQ(other.ok(), !cut) << other.status();  // what was under way before a close still arrives
  }
}

TEST(MemoryNetwork, WriteToAClosedPeerFails) {
  SimScheduler scheduler;
  MemoryNetwork network(scheduler);
  auto [a, b] = network.MakePair(scheduler.MakeThread("a"), scheduler.MakeThread("b"));
  b->Close();
  EXPECT_EQ(CodeOf(scheduler.Await(a->Write(Text("x")))), ErrorCode::kNetwork);
}

TEST(MemoryNetwork, RefusesWhenTold) {
  SimScheduler scheduler;
  SimExecutor& shard = scheduler.MakeThread("shard-0");
  MemoryNetwork network(scheduler);
  auto listener = network.Listen({&shard}, {"h", 9123}, [](auto) {});
  network.SetRefusing(true);
  EXPECT_FALSE(scheduler.Await(network.Connect(shard, {"h", 9123})).ok());
  network.SetRefusing(false);
  EXPECT_TRUE(scheduler.Await(network.Connect(shard, {"h", 9123})).ok());
}

}  // namespace
}  // namespace thalweg::testing
