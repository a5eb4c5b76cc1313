#include "thalweg/tablet/kv_bucket.h"

#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::tablet {
namespace {

TEST(RowNumbersTest, GivesOutWhatWasReservedInTurn) {
  RowNumbers numbers;
  numbers.Add(5, 2);
  numbers.Add(100, 1);
  EXPECT_EQ(numbers.left(), 3u);
  EXPECT_EQ(numbers.Next().ValueOrDie(), 5);
  EXPECT_EQ(numbers.Next().ValueOrDie(), 6);
  EXPECT_EQ(numbers.Next().ValueOrDie(), 100);
  EXPECT_EQ(CodeOf(numbers.Next().status()), ErrorCode::kInvalidTable);
}

TEST(RowNumbersTest, TheLastNumbersThereAreComeBeforeAnError) {
  RowNumbers numbers;
  numbers.Add(INT64_MAX - 2, 100'000);
  numbers.Add(INT64_MAX, 100'000);
  EXPECT_EQ(numbers.left(), 2u);
  EXPECT_EQ(numbers.Next().ValueOrDie(), INT64_MAX - 2);
  EXPECT_EQ(numbers.Next().ValueOrDie(), INT64_MAX - 1);
  EXPECT_EQ(CodeOf(numbers.Next().status()), ErrorCode::kInvalidTable);
}

}  // namespace
}  // namespace thalweg::tablet
