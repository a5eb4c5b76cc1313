#include <gtest/gtest.h>

#include <ctime>
#include <set>

#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/random.h"

namespace thalweg::runtime {
namespace {

TEST(SystemClock, AgreesWithTheMachine) {
  const int64_t before = static_cast<int64_t>(std::time(nullptr)) * 1000;
  const int64_t now = SystemClock().WallMs();
  EXPECT_GE(now, before);
  EXPECT_LT(now, before + 60'000);
  const int64_t first = SystemClock().MonotonicNs();
  EXPECT_GE(SystemClock().MonotonicNs(), first);
}

TEST(SystemRandom, DoesNotRepeatItself) {
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(SystemRandom().Next());
  EXPECT_EQ(seen.size(), 1000u);
}

}  // namespace
}  // namespace thalweg::runtime
