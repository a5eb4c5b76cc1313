#include "thalweg/query/token.h"

#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::query {
namespace {

TEST(TokenTest, TextComesBack) {
  Token token;
  EXPECT_EQ(token.ToString(), "");
  token.Add({TableId(7), PartitionId(3), BucketId(0)}, LogOffset(15));
  token.Add({TableId(7), kNoPartition, BucketId(2)}, LogOffset(120));
  EXPECT_EQ(token.ToString(), "7/2:120,7/p3/0:15");
  EXPECT_EQ(*Token::Parse(token.ToString()), token);
  EXPECT_TRUE(Token::Parse("")->empty());
}

TEST(TokenTest, TheLaterEndCounts) {
  const TableBucket bucket{TableId(1), kNoPartition, BucketId(0)};
  Token token, other;
  token.Add(bucket, LogOffset(5));
  other.Add(bucket, LogOffset(3));
  token.Merge(other);
  EXPECT_EQ(token.ends.at(bucket), LogOffset(5));
  other.Add(bucket, LogOffset(9));
  token.Merge(other);
  EXPECT_EQ(token.ends.at(bucket), LogOffset(9));
}

TEST(TokenTest, WhatIsNoTokenIsRefused) {
  for (const char* text : {"x", "7", "7/", "7/0", "7/0:", "7/0:-1", "7/0:1,", ",7/0:1", "7/p/0:1", "7/0:1;7/1:1",
                           "7/9999999999:1", "99999999999999999999/0:1", " 7/0:1"}) {
    EXPECT_EQ(CodeOf(Token::Parse(text).status()), ErrorCode::kInvalidScanRequest) << text;
  }
}

}  // namespace
}  // namespace thalweg::query
