#include "thalweg/flight/running_queries.h"

#include <gtest/gtest.h>

#include <string>

namespace thalweg::flight {
namespace {

TEST(RunningQueriesTest, OneIsCancelledAsLongAsItRuns) {
  RunningQueries queries;
  int cancelled = 0;
  {
    const auto entry = queries.Add("a", [&] { ++cancelled; });
    EXPECT_FALSE(queries.IsCancelled("a"));
    EXPECT_FALSE(queries.Cancel("b"));
    EXPECT_TRUE(queries.Cancel("a"));
    EXPECT_TRUE(queries.Cancel("a")) << "it may have been deaf the first time";
    EXPECT_TRUE(queries.IsCancelled("a"));
  }
  EXPECT_FALSE(queries.Cancel("a"));
  EXPECT_EQ(cancelled, 2);
}

TEST(RunningQueriesTest, OneThatHasNotBegunIsRememberedToBeCancelled) {
  RunningQueries queries;
  EXPECT_FALSE(queries.Cancel("early"));
  const auto entry = queries.Add("early", [] { FAIL(); });
  EXPECT_TRUE(queries.IsCancelled("early"));
  for (size_t i = 0; i < RunningQueries::kRememberedMax; ++i) (void)queries.Cancel(std::to_string(i));
  EXPECT_FALSE(queries.IsCancelled("early")) << "only so many are";
}

}  // namespace
}  // namespace thalweg::flight
