#include "thalweg/security/failed_logins.h"

#include "fmt/format.h"
#include "gtest/gtest.h"

namespace thalweg::security {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(FailedLogins, HoldsOffOnceTheFreeOnesAreUsedUpAndThenLetsOneThroughInASecond) {
  FailedLogins logins({.at_once_max = 3});
  int64_t now = 5 * kSecond;
  EXPECT_FALSE(logins.Add("a", now));
  EXPECT_FALSE(logins.Add("a", now));
  EXPECT_EQ(logins.WaitNs("a", now), 0);
  EXPECT_TRUE(logins.Add("a", now));
  EXPECT_EQ(logins.WaitNs("a", now), kSecond);
  EXPECT_EQ(logins.WaitNs("b", now), 0) << "others are not held off";
  now += kSecond;
  EXPECT_EQ(logins.WaitNs("a", now), 0);
  EXPECT_TRUE(logins.Add("a", now));
  EXPECT_EQ(logins.WaitNs("a", now), kSecond) << "no second one";
  EXPECT_EQ(logins.WaitNs("a", now + 3 * kSecond), 0);
}

TEST(FailedLogins, WhatIsLongAgoCountsNoMore) {
  FailedLogins logins({.at_once_max = 3});
  for (int i = 0; i < 3; ++i) logins.Add("a", 0);
  EXPECT_FALSE(logins.Add("a", 3 * kSecond));
  EXPECT_FALSE(logins.Add("a", 3 * kSecond));
  EXPECT_TRUE(logins.Add("a", 3 * kSecond));
}

TEST(FailedLogins, RemembersSoManyNetworksAndForgetsWhoWasWrongLongestAgo) {
  FailedLogins logins({.at_once_max = 1, .networks_max = 100});
  for (int i = 0; i < 100; ++i) logins.Add(fmt::format("n{}", i), i);
  logins.Add("n0", 100);
  logins.Add("new", 101);
  EXPECT_EQ(logins.networks(), 100u);
  EXPECT_GT(logins.WaitNs("n0", 102), 0);
  EXPECT_EQ(logins.WaitNs("n1", 102), 0);
  EXPECT_GT(logins.WaitNs("n2", 102), 0);
  logins.Add("much later", 1000 * kSecond);
  EXPECT_EQ(logins.networks(), 1u) << "who is forgiven needs no place";
}

}  // namespace
}  // namespace thalweg::security
