#include "thalweg/format/array_assembly.h"

#include <string>
#include <vector>

#include "arrow/array/array_base.h"
#include "arrow/array/data.h"
#include "arrow/array/util.h"
#include "arrow/buffer.h"
#include "arrow/type.h"
#include "fmt/format.h"
#include "gtest/gtest.h"
#include "thalweg/format/random_rows_internal.h"

namespace thalweg::format {
namespace {

std::shared_ptr<arrow::Array> TextOf(const std::vector<int32_t>& offsets, const std::string& text,
                                     const std::vector<uint8_t>& validity = {}, int64_t null_count = 0) {
  const auto bits = validity.empty() ? nullptr : arrow::Buffer::FromVector(validity);
  return arrow::MakeArray(
      arrow::ArrayData::Make(arrow::utf8(), static_cast<int64_t>(offsets.size()) - 1,
                             {bits, arrow::Buffer::FromVector(offsets), arrow::Buffer::FromString(text)}, null_count));
}

void ExpectAsArrow(const arrow::Array& array, bool sound) {
  EXPECT_EQ(array.ValidateFull().ok(), sound) << array.ValidateFull();
  EXPECT_EQ(CheckValues(array).ok(), sound) << CheckValues(array);
}

TEST(CheckValues, TextIsJudgedAsArrowJudgesIt) {
  ExpectAsArrow(*TextOf({0, 3, 3, 6}, "abcdef"), true);
  ExpectAsArrow(*TextOf({2, 3, 5}, "abcdef"), true);
  ExpectAsArrow(*TextOf({0, 2, 5}, "\xC3\xA4\xE2\x82\xAC"), true);
  ExpectAsArrow(*TextOf({0, 0, 0}, ""), true);
  ExpectAsArrow(*TextOf({0, 1, 2}, "\xC3\xA4"), false);  // text as a whole, but no value is
  ExpectAsArrow(*TextOf({0, 2}, "a\xC3"), false);
  ExpectAsArrow(*TextOf({0, 1}, "\x80"), false);
  ExpectAsArrow(*TextOf({0, 4, 2, 6}, "abcdef"), false);
  ExpectAsArrow(*TextOf({0, 3, 7}, "abcdef"), false);
  ExpectAsArrow(*TextOf({-1, 3}, "abcdef"), false);
}

TEST(CheckValues, NullsAreCountedAndWhatTheyStandOnMayBeAnything) {
  ExpectAsArrow(*TextOf({0, 1, 2}, "ab", {0b01}, 1), true);
  ExpectAsArrow(*TextOf({0, 1, 2}, "ab", {0b00}, 1), false);
  ExpectAsArrow(*TextOf({0, 1, 2}, "a\xFF", {0b01}, 1), true);
  ExpectAsArrow(*TextOf({0, 1, 2}, "\xFF\xFF", {0b01}, 1), false);
}

TEST(CheckValues, RandomBytesAndOffsets) {
  RandomRows random(23, 0);
  const std::vector<std::string> parts = {"a", "bc", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\x80", "\xC3"};
  int sound = 0;
  for (int round = 0; round < 5'000; ++round) {
    std::string text;
    std::vector<int32_t> offsets = {0};
    const auto kinds = static_cast<int64_t>(parts.size()) - (round % 2 == 0 ? 2 : 0);
    for (int64_t i = random.Below(20); i > 0; --i) {
      text += parts[static_cast<size_t>(random.Below(kinds))];
      if (random.Below(3) == 0) offsets.push_back(static_cast<int32_t>(text.size()));
    }
    if (round % 5 == 0 && offsets.size() > 1) --offsets[1];
    const auto array = TextOf(offsets, text);
    sound += array->ValidateFull().ok();
    EXPECT_EQ(CheckValues(*array).ok(), array->ValidateFull().ok()) << round;
  }
  EXPECT_GT(sound, 500);
  EXPECT_LT(sound, 4'500);
}

}  // namespace
}  // namespace thalweg::format
