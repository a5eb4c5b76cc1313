#include "thalweg/flight/bearer_tokens.h"

#include <gtest/gtest.h>

namespace thalweg::flight {
namespace {

const security::Principal kAlice{"User", "alice"};

TEST(BearerTokensTest, ATokenIsItsUsersUntilItIsForgotten) {
  BearerTokens tokens;
  tokens.Add("one", kAlice, 0);
  EXPECT_EQ(tokens.Find("one", 1), kAlice);
  EXPECT_EQ(tokens.Find("other", 1), std::nullopt);
  tokens.Forget("one");
  EXPECT_EQ(tokens.Find("one", 1), std::nullopt);
}

TEST(BearerTokensTest, OneThatIsNotUsedEndsAndOneThatIsUsedGoesOn) {
  BearerTokens tokens({.unused_ns_max = 10});
  tokens.Add("used", kAlice, 0);
  tokens.Add("unused", kAlice, 0);
  EXPECT_EQ(tokens.Find("used", 9), kAlice);
  EXPECT_EQ(tokens.Find("used", 18), kAlice);
  EXPECT_EQ(tokens.Find("unused", 18), std::nullopt);
}

TEST(BearerTokensTest, BeyondTheirNumberTheOneUnusedLongestGoes) {
  BearerTokens tokens({.count_max = 2});
  tokens.Add("first", kAlice, 0);
  tokens.Add("second", kAlice, 1);
  EXPECT_TRUE(tokens.Find("first", 2));
  tokens.Add("third", kAlice, 3);
  EXPECT_EQ(tokens.count(), 2);
  EXPECT_TRUE(tokens.Find("first", 4));
  EXPECT_FALSE(tokens.Find("second", 4));
}

}  // namespace
}  // namespace thalweg::flight
