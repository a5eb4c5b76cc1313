#include "thalweg/runtime/signals.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
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

TEST(EndWithParent, SendsATermWhenTheParentEnds) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    const pid_t self = ::getpid();
    if (::fork() == 0) {
      const char armed = EndWithParent(self) && !EndWithParent(self + 1) ? 'y' : 'n';
      if (::write(ends[1], &armed, 1) != 1) ::_exit(1);
      while (true) ::pause();
    }
    char ignored = 0;
    ::_exit(::read(ends[0], &ignored, 1) == 1 && ignored == 'y' ? 0 : 1);
  }
  int status = 1;
  ASSERT_EQ(::waitpid(parent, &status, 0), parent);
  EXPECT_EQ(status, 0);
  // The grandchild held the other end: the pipe ends with it.
  ::close(ends[1]);
  char none = 0;
  EXPECT_EQ(::read(ends[0], &none, 1), 0);
  ::close(ends[0]);
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
