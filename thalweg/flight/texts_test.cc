#include <gtest/gtest.h>

#include "thalweg/flight/guard.h"
#include "thalweg/flight/sql_metadata.h"

namespace thalweg::flight {
namespace {

TEST(PeerTest, TheHostIsFoundInWhatGrpcWrites) {
  EXPECT_EQ(HostOfPeer("ipv4:127.0.0.1:5000"), "127.0.0.1");
  EXPECT_EQ(HostOfPeer("ipv6:%5B::1%5D:5000"), "::1");
  EXPECT_EQ(HostOfPeer("ipv6:[fe80::1]:5000"), "fe80::1");
  EXPECT_EQ(HostOfPeer("unix:/a/b"), "unix:/a/b");
}

TEST(PatternTest, PercentIsAnyTextAndUnderscoreAnyCharacter) {
  EXPECT_TRUE(MatchesPattern("orders", "orders"));
  EXPECT_TRUE(MatchesPattern("orders", "%"));
  EXPECT_TRUE(MatchesPattern("", "%"));
  EXPECT_TRUE(MatchesPattern("orders", "o%d_rs"));
  EXPECT_TRUE(MatchesPattern("aXbXb", "a%b"));
  EXPECT_FALSE(MatchesPattern("orders", "order"));
  EXPECT_FALSE(MatchesPattern("orders", "_"));
  EXPECT_FALSE(MatchesPattern("", "_"));
}

}  // namespace
}  // namespace thalweg::flight
