#include "thalweg/schema/partition_time.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::schema {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMidNight = 1'767'225'600'000;  // 2026-01-01 00:00 UTC

std::string Name(TimeUnit unit, int64_t offset, int64_t now_ms = kMidNight, const TimeZone& zone = {}) {
  return PartitionTime(PartitionTimeFormat::Make(unit, std::nullopt).ValueOrDie(), unit, zone, now_ms, offset);
}

TEST(PartitionTimeTest, EachUnitHasItsFormat) {
  EXPECT_EQ(Name(TimeUnit::kYear, 0), "2026");
  EXPECT_EQ(Name(TimeUnit::kQuarter, 0), "20261");
  EXPECT_EQ(Name(TimeUnit::kMonth, 0), "202601");
  EXPECT_EQ(Name(TimeUnit::kDay, 0), "20260101");
  EXPECT_EQ(Name(TimeUnit::kHour, 0), "2026010100");
}

TEST(PartitionTimeTest, OffsetsGoOverTheEndsOfYearsAndMonths) {
  EXPECT_EQ(Name(TimeUnit::kYear, -3), "2023");
  EXPECT_EQ(Name(TimeUnit::kQuarter, -1), "20254");
  EXPECT_EQ(Name(TimeUnit::kQuarter, 5), "20272");
  EXPECT_EQ(Name(TimeUnit::kMonth, -1), "202512");
  EXPECT_EQ(Name(TimeUnit::kMonth, -13), "202412");
  EXPECT_EQ(Name(TimeUnit::kMonth, 12), "202701");
  EXPECT_EQ(Name(TimeUnit::kDay, -1), "20251231");
  EXPECT_EQ(Name(TimeUnit::kDay, 59), "20260301");
  EXPECT_EQ(Name(TimeUnit::kHour, -1), "2025123123");
  // The 31st plus a month.
  EXPECT_EQ(Name(TimeUnit::kMonth, 1, kMidNight + 30 * 86'400'000ll), "202602");
}

TEST(PartitionTimeTest, OffsetsThatNobodyMeansAreNoHarm) {
  for (const TimeUnit unit : {TimeUnit::kYear, TimeUnit::kQuarter, TimeUnit::kMonth, TimeUnit::kDay, TimeUnit::kHour}) {
    EXPECT_LT(Name(unit, INT64_MIN), "1000") << static_cast<int>(unit);
    EXPECT_GT(Name(unit, INT64_MAX), "9000") << static_cast<int>(unit);
    EXPECT_LT(Name(unit, -INT32_MAX), Name(unit, 0));
  }
}

TEST(PartitionTimeTest, TheZoneDecidesWhichDayItIs) {
  EXPECT_EQ(Name(TimeUnit::kDay, 0, kMidNight, TimeZone(-3600)), "20251231");
  EXPECT_EQ(Name(TimeUnit::kHour, 0, kMidNight, TimeZone(8 * 3600)), "2026010108");
}

TEST(PartitionTimeTest, APatternOfOnesOwn) {
  const auto day = PartitionTimeFormat::Make(TimeUnit::kDay, "'d_'yyyy-MM-dd").ValueOrDie();
  EXPECT_EQ(PartitionTime(day, TimeUnit::kDay, {}, kMidNight, 1), "d_2026-01-02");
  EXPECT_TRUE(day.Matches("d_2026-01-02"));
  EXPECT_FALSE(day.Matches("2026-01-02"));
  EXPECT_FALSE(day.Matches("d_2026-02-30"));
  EXPECT_FALSE(day.Matches("d_2026-01-2"));
  EXPECT_FALSE(day.Matches("d_2026-01-022"));
  const auto quarter = PartitionTimeFormat::Make(TimeUnit::kQuarter, "uuuu-q").ValueOrDie();
  EXPECT_EQ(PartitionTime(quarter, TimeUnit::kQuarter, {}, kMidNight, 0), "2026-1");
  EXPECT_FALSE(quarter.Matches("2026-5"));
  EXPECT_FALSE(PartitionTimeFormat::Make(TimeUnit::kHour, std::nullopt)->Matches("2026010124"));
}

TEST(PartitionTimeTest, PatternsThatWouldNotOrderAsTimesAreRefused) {
  const auto why = [](TimeUnit unit, const std::string& pattern) {
    const auto made = PartitionTimeFormat::Make(unit, pattern);
    EXPECT_EQ(CodeOf(made.status()), ErrorCode::kInvalidTable) << pattern;
    return made.status().message();
  };
  EXPECT_THAT(why(TimeUnit::kDay, "MM-yyyy"), HasSubstr("from the largest to the smallest"));
  EXPECT_THAT(why(TimeUnit::kDay, "yyyy-MM"), HasSubstr("exactly the fields"));
  EXPECT_THAT(why(TimeUnit::kDay, "yyyy-M-dd"), HasSubstr("must be 2 wide"));
  EXPECT_THAT(why(TimeUnit::kDay, "yyyy-MM-dd'"), HasSubstr("not closed"));
  EXPECT_THAT(why(TimeUnit::kDay, "yyyy-MM[-dd]"), HasSubstr("'['"));
  EXPECT_THAT(why(TimeUnit::kDay, "yyyy-MM-ddXXX"), HasSubstr("'X'"));
  EXPECT_THAT(why(TimeUnit::kDay, "yyyy/MM/dd"), HasSubstr("2024/11/11"));
  EXPECT_THAT(why(TimeUnit::kDay, "'__'yyyyMMdd"), HasSubstr("no name"));
}

}  // namespace
}  // namespace thalweg::schema
