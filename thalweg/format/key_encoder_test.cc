#include "thalweg/format/key_encoder.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/format/bucket_hash.h"

namespace thalweg::format {
namespace {

using schema::MakeType;
using schema::TypeKind;
using testing::ElementsAre;

constexpr std::string_view kFox = "The quick brown fox jumps over the lazy dog";

TEST(BucketHashTest, GivesTheReferenceVectors) {
  EXPECT_EQ(static_cast<uint32_t>(MurmurOfBytes({})), 0x087FCD5Cu);
  EXPECT_EQ(static_cast<uint32_t>(MurmurOfBytes(AsBytes(kFox))), 0x1BC6F880u);
  EXPECT_EQ(static_cast<uint32_t>(StandardMurmur(AsBytes(kFox))), 0x2E4FF723u);
  EXPECT_EQ(MurmurOfInt(0), 0x2362F9DE);
  EXPECT_EQ(MurmurOfInt(42), 0x43A46E1D);
  EXPECT_EQ(MurmurOfInt(-77), 0x2EEB27DE);
}

TEST(BucketHashTest, FindsTheReferenceBuckets) {
  struct Case {
    std::string key;
    int32_t buckets, fluss, paimon, iceberg;
  };
  const std::vector<Case> cases{{std::string("\0\x0A", 2), 7, 1, 1, 3},
                                {std::string("\0\x0A\x0A\x0A", 4), 12, 0, 11, 4},
                                {"2bb87d68-baf9-4e64-90f9-f80910419fa6", 16, 6, 12, 12},
                                {std::string(kFox), 8, 6, 0, 3}};
  for (const Case& c : cases) {
    EXPECT_EQ(BucketOf(BucketFunction::kFluss, AsBytes(c.key), c.buckets).value, c.fluss) << c.key;
    EXPECT_EQ(BucketOf(BucketFunction::kPaimon, AsBytes(c.key), c.buckets).value, c.paimon) << c.key;
    EXPECT_EQ(BucketOf(BucketFunction::kIceberg, AsBytes(c.key), c.buckets).value, c.iceberg) << c.key;
  }
  const auto type = MakeType(TypeKind::kInt, false);
  std::vector<int32_t> of_three, of_four;
  for (int64_t id = 0; id < 6; ++id) {
    const Datum value{id};
    const auto key = EncodeKey(KeyFormat::kCompacted, {&value, 1}, {&type, 1}).ValueOrDie();
    of_three.push_back(BucketOf(BucketFunction::kFluss, key, 3).value);
    of_four.push_back(BucketOf(BucketFunction::kFluss, key, 4).value);
  }
  EXPECT_THAT(of_three, ElementsAre(2, 0, 0, 1, 1, 0));
  EXPECT_THAT(of_four, ElementsAre(0, 0, 2, 3, 0, 2));
}

TEST(KeyEncoderTest, WritesEachFormat) {
  const auto encode = [](KeyFormat format, Datum value, const schema::DataType& type) {
    return EncodeKey(format, {&value, 1}, {&type, 1});
  };
  const auto text = MakeType(TypeKind::kString), number = MakeType(TypeKind::kInt);
  EXPECT_THAT(encode(KeyFormat::kCompacted, {int64_t{1}}, number).ValueOrDie(), ElementsAre(1));
  EXPECT_THAT(encode(KeyFormat::kCompacted, {std::string("ab")}, text).ValueOrDie(), ElementsAre(2, 'a', 'b'));
  EXPECT_THAT(encode(KeyFormat::kPaimon, {int64_t{7}}, number).ValueOrDie(),
              ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(encode(KeyFormat::kIceberg, {int64_t{-2}}, number).ValueOrDie(),
              ElementsAre(0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF));
  EXPECT_THAT(encode(KeyFormat::kIceberg, {std::string("ab")}, text).ValueOrDie(), ElementsAre('a', 'b'));
  EXPECT_THAT(
      encode(KeyFormat::kIceberg, {TimestampValue{1, 999'999}}, schema::MakeTime(TypeKind::kTimestamp, 6)).ValueOrDie(),
      ElementsAre(0xCF, 0x07, 0, 0, 0, 0, 0, 0));
  EXPECT_EQ(CodeOf(encode(KeyFormat::kIceberg, {1.5}, MakeType(TypeKind::kDouble)).status()), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOf(encode(KeyFormat::kCompacted, {}, number).status()), ErrorCode::kInvalidTable);
}

}  // namespace
}  // namespace thalweg::format
