#include "thalweg/schema/time_zone.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/base/endian.h"

namespace thalweg::schema {
namespace {

/// A file of the zone database, version 2: transitions (seconds, offset) and the rule of its footer.
std::string Tzif(int64_t first_offset, const std::vector<std::pair<int64_t, int32_t>>& transitions,
                 const std::string& footer) {
  const auto big = [](std::string& to, auto value) {
    uint8_t bytes[sizeof(value)];
    StoreBig(bytes, value);
    to.append(AsText(bytes));
  };
  const auto header = [&](uint32_t times, uint32_t types) {
    std::string made("TZif2");
    made.append(15, '\0');
    for (const uint32_t count : {0u, 0u, 0u, times, types, 4u}) big(made, count);
    return made;
  };
  std::string file = header(0, 1) + std::string(6, '\0') + "UTC" + std::string(1, '\0');
  file += header(static_cast<uint32_t>(transitions.size()), static_cast<uint32_t>(transitions.size() + 1));
  for (const auto& transition : transitions) big(file, transition.first);
  for (size_t i = 0; i < transitions.size(); ++i) file.push_back(static_cast<char>(i + 1));
  big(file, static_cast<int32_t>(first_offset));
  file.append(2, '\0');
  for (const auto& transition : transitions) {
    big(file, transition.second);
    file.append(2, '\0');
  }
  return file + "ABC" + std::string(1, '\0') + "\n" + footer + "\n";
}

TimeZone Parsed(const std::string& file) {
  const auto zone = TimeZone::FromTzif(AsBytes(file));
  EXPECT_TRUE(zone.ok()) << zone.status();
  return zone.ValueOr(TimeZone());
}

TEST(TimeZoneTest, OfJavasOwnNames) {
  EXPECT_EQ(TimeZone::FromGmtOffset("GMT+8")->OffsetAt(0), 8 * 3600);
  EXPECT_EQ(TimeZone::FromGmtOffset("GMT+08:30")->OffsetAt(0), 8 * 3600 + 1800);
  EXPECT_EQ(TimeZone::FromGmtOffset("GMT-1130")->OffsetAt(0), -11 * 3600 - 1800);
  EXPECT_EQ(TimeZone::FromGmtOffset("GMT+130")->OffsetAt(0), 3600 + 1800);
  for (const char* none : {"GMT", "GMT+", "UTC+8", "GMT+24", "GMT+8:3", "GMT+:30", "GMT+1a", "GMT+12345", "GMT+0860"}) {
    EXPECT_FALSE(TimeZone::FromGmtOffset(none)) << none;
  }
}

TEST(TimeZoneTest, TransitionsAndBehindThemTheRule) {
  // Berlin: local mean time until 1893; two transitions of 2026, then only the rule.
  const TimeZone berlin =
      Parsed(Tzif(3208, {{-2422054408, 3600}, {1774746000, 7200}, {1792890000, 3600}}, "CET-1CEST,M3.5.0,M10.5.0/3"));
  EXPECT_EQ(berlin.OffsetAt(-2422054409), 3208);
  EXPECT_EQ(berlin.OffsetAt(-2422054408), 3600);
  EXPECT_EQ(berlin.OffsetAt(1774745999), 3600);
  EXPECT_EQ(berlin.OffsetAt(1774746000), 7200);
  EXPECT_EQ(berlin.OffsetAt(1792889999), 7200);
  EXPECT_EQ(berlin.OffsetAt(1792890000), 3600);
  // 2040: the 25th of March and the 28th of October, at 01:00 UTC.
  EXPECT_EQ(berlin.OffsetAt(2216250000 - 1), 3600);
  EXPECT_EQ(berlin.OffsetAt(2216250000), 7200);
  EXPECT_EQ(berlin.OffsetAt(2234998800 - 1), 7200);
  EXPECT_EQ(berlin.OffsetAt(2234998800), 3600);
}

TEST(TimeZoneTest, SummerOfTheSouthAndQuotedNames) {
  const TimeZone sydney = Parsed(Tzif(36000, {}, "AEST-10AEDT,M10.1.0,M4.1.0/3"));
  EXPECT_EQ(sydney.OffsetAt(1'767'225'600), 11 * 3600);  // January
  EXPECT_EQ(sydney.OffsetAt(1'782'864'000), 10 * 3600);  // July
  const TimeZone tehran = Parsed(Tzif(0, {}, "<+0330>-3:30"));
  EXPECT_EQ(tehran.OffsetAt(0), 3 * 3600 + 1800);
  const TimeZone no_rule = Parsed(Tzif(60, {{0, 120}}, ""));
  EXPECT_EQ(no_rule.OffsetAt(5), 120);
  // The 59th day without, the 60th with the leap day counted.
  const TimeZone julian = Parsed(Tzif(0, {}, "A0B,J60/0,300/0"));
  EXPECT_EQ(julian.OffsetAt(1'772'323'200 - 1), 0);  // 2026-03-01 begins
  EXPECT_EQ(julian.OffsetAt(1'772'323'200), 3600);
}

TEST(TimeZoneTest, LocalTimeAroundTheEpoch) {
  const LocalTime before = TimeZone(-3600).LocalAt(0);
  EXPECT_EQ(before.year, 1969);
  EXPECT_EQ(before.month, 12);
  EXPECT_EQ(before.day, 31);
  EXPECT_EQ(before.hour, 23);
  EXPECT_EQ(TimeZone().LocalAt(-1).hour, 23);
}

TEST(TimeZoneTest, DamagedFilesAreRefused) {
  const std::string good = Tzif(0, {{5, 3600}}, "CET-1CEST,M3.5.0,M10.5.0/3");
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(TimeZone::FromTzif(AsBytes(good.substr(0, length))).ok()) << length;
  }
  for (size_t i = 0; i < good.size(); ++i) {  // any byte changed: refused or read, never out of bounds
    for (const char wrong : {'\0', '\x7f', '\xff'}) {
      std::string bad = good;
      bad[i] = wrong;
      const auto read = TimeZone::FromTzif(AsBytes(bad));
      if (read.ok()) (void)read->LocalAt(1'774'746'000'000);
    }
  }
  for (const char* footer :
       {"CET", "CET-1CEST", "CET-1CEST,M13.1.0,M1.1.0", "CET-1CEST,M3.6.0,M10.5.0", "-1", "CET-1X,Y"}) {
    EXPECT_FALSE(TimeZone::FromTzif(AsBytes(Tzif(0, {}, footer))).ok()) << footer;
  }
}

}  // namespace
}  // namespace thalweg::schema
