#include "thalweg/runtime/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "thalweg/base/error.h"

namespace thalweg::runtime {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    SetLogSink([this](LogLevel, std::string_view line) { lines_.emplace_back(line); });
  }
  ~LogTest() override {
    SetLogSink({});
    SetLogLevel(LogLevel::kInfo);
  }
  std::vector<std::string> lines_;
};

TEST_F(LogTest, WritesWhatIsAtOrAboveTheLevel) {
  LogDebug("no {}", 1);
  LogInfo("yes {}", 2);
  SetLogLevel(LogLevel::kError);
  LogWarn("no");
  LogError("yes");
  SetLogLevel(*ParseLogLevel("debug"));
  LogDebug("also");
  EXPECT_THAT(lines_, ElementsAre("yes 2", "yes", "also"));
  EXPECT_EQ(CodeOf(ParseLogLevel("loud").status()), ErrorCode::kInvalidConfig);
}

TEST_F(LogTest, NobodyCanForgeOrFloodLines) {
  LogInfo("table {}", "a\n2026-01-01 forged\x1b[31m");
  LogInfo("{}", std::string(1'000'000, 'x'));
  EXPECT_EQ(lines_[0], "table a\\x0a2026-01-01 forged\\x1b[31m");
  EXPECT_LT(lines_[1].size(), kLogLineBytesMax + 10);
}

TEST_F(LogTest, StderrLineHasTimeAndLevel) {
  SetLogSink({});
  ::testing::internal::CaptureStderr();
  LogWarn("braces {{}} are left alone");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              ::testing::MatchesRegex("[0-9-]*T[0-9:.]*Z W braces \\{\\} are left alone\n"));
}

TEST_F(LogTest, LimitLetsOneThroughPerIntervalAndCountsTheRest) {
  struct ManualClock : Clock {
    int64_t now = 0;
    int64_t WallMs() const override { return 0; }
    int64_t MonotonicNs() const override { return now; }
  } clock;
  LogLimit limit(10s, clock);
  for (int i = 0; i < 5; ++i) LogEvery(limit, LogLevel::kWarn, "full {}", i);
  clock.now = 9'999'999'999;
  LogEvery(limit, LogLevel::kWarn, "full {}", 5);
  EXPECT_THAT(lines_, ElementsAre("full 0"));
  clock.now = 10'000'000'000;
  LogEvery(limit, LogLevel::kWarn, "full {}", 6);
  EXPECT_THAT(lines_, ElementsAre("full 0", "full 6 (5 more like this since the last such line)"));
}

}  // namespace
}  // namespace thalweg::runtime
