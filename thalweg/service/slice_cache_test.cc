#include "thalweg/service/slice_cache.h"

#include <string>

#include "gtest/gtest.h"

namespace thalweg::service {
namespace {

TableBucket Bucket(int32_t bucket) { return {.table = TableId(7), .bucket = BucketId(bucket)}; }

TEST(SliceCacheTest, KeepsTheLastOfABucket) {
  SliceCache slices;
  EXPECT_FALSE(slices.Find(Bucket(0), LogOffset(10)));
  slices.Keep(Bucket(0), LogOffset(10), AsBytes("ten"));
  slices.Keep(Bucket(1), LogOffset(10), AsBytes("another"));
  ASSERT_TRUE(slices.Find(Bucket(0), LogOffset(10)));
  EXPECT_EQ(AsText(slices.Find(Bucket(0), LogOffset(10))->view()), "ten");
  EXPECT_FALSE(slices.Find(Bucket(0), LogOffset(11)));
  slices.Keep(Bucket(0), LogOffset(11), AsBytes("eleven"));
  EXPECT_FALSE(slices.Find(Bucket(0), LogOffset(10)));
  EXPECT_EQ(AsText(slices.Find(Bucket(0), LogOffset(11))->view()), "eleven");
  EXPECT_EQ(AsText(slices.Find(Bucket(1), LogOffset(10))->view()), "another");
}

TEST(SliceCacheTest, TheLeastRecentlyUsedGoes) {
  SliceCache slices;
  const auto count = static_cast<int32_t>(SliceCache::kSlicesMax);
  for (int32_t i = 0; i < count; ++i) slices.Keep(Bucket(i), LogOffset(i), AsBytes("x"));
  ASSERT_TRUE(slices.Find(Bucket(0), LogOffset(0)));
  slices.Keep(Bucket(count), LogOffset(0), AsBytes("one too many"));
  EXPECT_TRUE(slices.Find(Bucket(0), LogOffset(0)));
  EXPECT_FALSE(slices.Find(Bucket(1), LogOffset(1)));
  EXPECT_TRUE(slices.Find(Bucket(2), LogOffset(2)));
}

TEST(SliceCacheTest, WhatIsLargeIsNotKept) {
  SliceCache slices;
  slices.Keep(Bucket(0), LogOffset(0), AsBytes(std::string(SliceCache::kSliceBytesMax, 'x')));
  EXPECT_TRUE(slices.Find(Bucket(0), LogOffset(0)));
  slices.Keep(Bucket(0), LogOffset(1), AsBytes(std::string(SliceCache::kSliceBytesMax + 1, 'x')));
  EXPECT_FALSE(slices.Find(Bucket(0), LogOffset(1)));
}

}  // namespace
}  // namespace thalweg::service
