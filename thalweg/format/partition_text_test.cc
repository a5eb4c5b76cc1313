#include "thalweg/format/partition_text.h"

#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::format {
namespace {

using schema::MakeTime;
using schema::MakeType;
using schema::TypeKind;

TEST(PartitionTextTest, IsWhatOtherClientsMakeOfAValue) {
  const auto text = [](Datum value, const schema::DataType& type) { return PartitionText(value, type).ValueOr("?"); };
  EXPECT_EQ(text({std::string("eu")}, MakeType(TypeKind::kString)), "eu");
  EXPECT_EQ(text({std::string("\x01\xAB", 2)}, MakeType(TypeKind::kBytes)), "01ab");
  EXPECT_EQ(text({true}, MakeType(TypeKind::kBoolean)), "true");
  EXPECT_EQ(text({int64_t{-5}}, MakeType(TypeKind::kInt)), "-5");
  EXPECT_EQ(text({int64_t{0}}, MakeType(TypeKind::kDate)), "1970-01-01");
  EXPECT_EQ(text({int64_t{-1}}, MakeType(TypeKind::kDate)), "1969-12-31");
  EXPECT_EQ(text({int64_t{45'296'007}}, MakeTime(TypeKind::kTime, 3)), "12-34-56_007");
  const auto timestamp = MakeTime(TypeKind::kTimestamp, 6);
  EXPECT_EQ(text({TimestampValue{1'000, 0}}, timestamp), "1970-01-01-00-00-01_");
  EXPECT_EQ(text({TimestampValue{-1, 500'000}}, timestamp), "1969-12-31-23-59-59_9995");
}

TEST(PartitionTextTest, NullAndNumbersWithoutAnAgreedTextAreRefused) {
  EXPECT_EQ(CodeOf(PartitionText({}, MakeType(TypeKind::kString)).status()), ErrorCode::kPartitionSpecInvalid);
  EXPECT_EQ(CodeOf(PartitionText({1.5}, MakeType(TypeKind::kDouble)).status()), ErrorCode::kPartitionSpecInvalid);
}

}  // namespace
}  // namespace thalweg::format
