#include "thalweg/app/config_values.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::app {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ParseBytesTest, ReadsFlussNotation) {
  EXPECT_EQ(*ParseBytes("0"), 0u);
  EXPECT_EQ(*ParseBytes("4096"), 4096u);
  EXPECT_EQ(*ParseBytes("7b"), 7u);
  EXPECT_EQ(*ParseBytes("64kb"), 64u << 10);
  EXPECT_EQ(*ParseBytes("64 MB"), 64u << 20);
  EXPECT_EQ(*ParseBytes(" 1g "), 1u << 30);
  EXPECT_EQ(*ParseBytes("2Tb"), 2ull << 40);
}

TEST(ParseBytesTest, RefusesWhatIsNoSize) {
  for (const char* text : {"", "mb", "-1", "1.5gb", "1 potato", "0x10", "99999999999999999999", "99999999999tb"}) {
    const auto parsed = ParseBytes(text);
    EXPECT_EQ(CodeOf(parsed.status()), ErrorCode::kInvalidConfig) << text;
    EXPECT_THAT(parsed.status().message(), HasSubstr("such as 64mb")) << text;
  }
}

TEST(ParseDurationTest, ReadsFlussNotation) {
  EXPECT_EQ(*ParseDuration("500ms"), milliseconds(500));
  EXPECT_EQ(*ParseDuration("10 min"), std::chrono::minutes(10));
  EXPECT_EQ(*ParseDuration("7d"), std::chrono::days(7));
}

TEST(ParseDurationTest, RefusesWhatIsNoTime) {
  for (const char* text : {"", "10", "-1s", "1.5h", "soon", "5 fortnights"}) {
    const auto parsed = ParseDuration(text);
    EXPECT_EQ(CodeOf(parsed.status()), ErrorCode::kInvalidConfig) << text;
    EXPECT_THAT(parsed.status().message(), HasSubstr("such as 500ms")) << text;
  }
}

TEST(ParseDurationTest, SaysTheBounds) {
  const auto parsed = ParseDurationWithin("1ms", std::chrono::seconds(1), std::chrono::minutes(5));
  EXPECT_THAT(parsed.status().message(), HasSubstr("from 1000ms to 300000ms"));
}

TEST(SplitListTest, LeavesOutSpaceAndNothings) {
  EXPECT_THAT(SplitList(" a b ,c,, d ", ','), ElementsAre("a b", "c", "d"));
  EXPECT_THAT(SplitList("a;b", ';'), ElementsAre("a", "b"));
  EXPECT_THAT(SplitList("", ','), IsEmpty());
  EXPECT_THAT(SplitList(" , ", ','), IsEmpty());
}

}  // namespace
}  // namespace thalweg::app
