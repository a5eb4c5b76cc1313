#include "thalweg/runtime/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <future>

#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/shards.h"

namespace thalweg::runtime {
namespace {

TEST(ShutdownSignals, ReportsEachSignal) {
  const auto shards = Shards::Start(1);
  std::promise<int> first;
  std::promise<int> second;
  int count = 0;
  ShutdownSignals signals(shards->at(0), [&](int signal) { (count++ == 0 ? first : second).set_value(signal); });
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(first.get_future().get(), SIGTERM);
  ::kill(::getpid(), SIGINT);
  EXPECT_EQ(second.get_future().get(), SIGINT);
}

TEST(IgnoreBrokenPipes, MakesThemAnErrorOfTheWrite) {
  IgnoreBrokenPipes();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  EXPECT_EQ(::write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  ::close(ends[1]);
}

}  // namespace
}  // namespace thalweg::runtime
