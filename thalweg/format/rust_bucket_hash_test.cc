#include "thalweg/format/rust_bucket_hash.h"

#include <gtest/gtest.h>

#include <string>

#include "thalweg/format/bucket_hash.h"

namespace thalweg::format {
namespace {

TEST(RustBucketHash, AgreesWithJavasWhereNoByteOfTheTailHasItsHighestBit) {
  for (const std::string& key : {std::string("a"), std::string("abcd"), std::string("\x80\x81\x82\xff"),
                                 std::string("\xff\xff\xff\xff"
                                             "abc")}) {
    EXPECT_EQ(RustBucketOf(AsBytes(key), 97), BucketOf(BucketFunction::kFluss, AsBytes(key), 97));
  }
}

TEST(RustBucketHash, DiffersElsewhere) {
  int different = 0;
  for (int low = 0x80; low < 0x100; ++low) {
    const std::string key{static_cast<char>(low), 1};  // what a varint of 128 to 255 looks like
    different += RustBucketOf(AsBytes(key), 97) != BucketOf(BucketFunction::kFluss, AsBytes(key), 97) ? 1 : 0;
  }
  EXPECT_GT(different, 100);
}

}  // namespace
}  // namespace thalweg::format
