#include "thalweg/kv/bitmap_union.h"

#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "roaring/roaring.h"
#include "thalweg/base/error.h"
#include "thalweg/kv/bitmap_vectors_internal.h"

namespace thalweg::kv {
namespace {

std::vector<uint8_t> FromHex(std::string_view hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

TEST(BitmapUnionTest, WhatJavaMakesOf32Bits) {
  std::vector<uint8_t> out;
  for (const BitmapVector& vector : kBitmapVectors32) {
    ASSERT_TRUE(UnionBitmaps32(FromHex(vector.left), FromHex(vector.right), &out).ok());
    EXPECT_EQ(out, FromHex(vector.both)) << vector.left << " " << vector.right;
  }
}

TEST(BitmapUnionTest, WhatJavaMakesOf64Bits) {
  std::vector<uint8_t> out;
  for (const BitmapVector& vector : kBitmapVectors64) {
    ASSERT_TRUE(UnionBitmaps64(FromHex(vector.left), FromHex(vector.right), &out).ok());
    EXPECT_EQ(out, FromHex(vector.both)) << vector.left << " " << vector.right;
  }
}

std::vector<uint8_t> Portable(const std::set<uint32_t>& numbers, bool optimize) {
  roaring_bitmap_t* const bitmap = roaring_bitmap_create();
  for (const uint32_t number : numbers) roaring_bitmap_add(bitmap, number);
  if (optimize) roaring_bitmap_run_optimize(bitmap);
  std::vector<uint8_t> bytes(roaring_bitmap_portable_size_in_bytes(bitmap));
  roaring_bitmap_portable_serialize(bitmap, reinterpret_cast<char*>(bytes.data()));
  roaring_bitmap_free(bitmap);
  return bytes;
}

std::set<uint32_t> NumbersOf(const std::vector<uint8_t>& bytes) {
  roaring_bitmap_t* const bitmap =
      roaring_bitmap_portable_deserialize_safe(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::set<uint32_t> numbers;
  if (!bitmap) {
    ADD_FAILURE() << "CRoaring does not read it";
    return numbers;
  }
  std::vector<uint32_t> values(roaring_bitmap_get_cardinality(bitmap));
  roaring_bitmap_to_uint32_array(bitmap, values.data());
  numbers.insert(values.begin(), values.end());
  roaring_bitmap_free(bitmap);
  return numbers;
}

TEST(BitmapUnionTest, AgreesWithCRoaringOnTheNumbers) {
  std::mt19937 random(7);
  const auto below = [&](uint32_t bound) { return std::uniform_int_distribution<uint32_t>(0, bound - 1)(random); };
  const auto numbers = [&] {
    std::set<uint32_t> set;
    for (uint32_t pieces = below(4); pieces > 0; --pieces) {
      const uint32_t base = below(3) << 16;
      const uint32_t step = 1 + below(3) * below(20);
      const uint32_t first = below(1 << 16);
      for (uint32_t i = first; i < std::min<uint32_t>(1 << 16, first + below(20'000)); i += step) set.insert(base + i);
    }
    return set;
  };
  std::vector<uint8_t> out;
  for (int round = 0; round < 60; ++round) {
    const std::set<uint32_t> left = numbers();
    const std::set<uint32_t> right = numbers();
    ASSERT_TRUE(UnionBitmaps32(Portable(left, below(2) == 0), Portable(right, below(2) == 0), &out).ok());
    std::set<uint32_t> both = left;
    both.insert(right.begin(), right.end());
    ASSERT_EQ(NumbersOf(out), both) << "round " << round;
  }
}

// Of use under the address sanitizer above all. What still is a bitmap must give one.
TEST(BitmapUnionTest, DamageIsAnErrorOrAnotherBitmap) {
  std::mt19937 random(3);
  const auto try_all = [&](std::span<const BitmapVector> vectors, auto unite) {
    std::vector<uint8_t> out;
    std::vector<uint8_t> again;
    int refused = 0;
    for (const BitmapVector& vector : vectors) {
      const std::vector<uint8_t> whole = FromHex(vector.both);
      for (int round = 0; round < 300; ++round) {
        std::vector<uint8_t> bytes = whole;
        if (round % 3 == 0) {
          bytes.resize(random() % bytes.size());
        } else {
          bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
        }
        const arrow::Status status = unite(bytes, FromHex(vector.left), &out);
        if (status.ok()) {
          EXPECT_TRUE(unite(out, bytes, &again).ok());
          EXPECT_EQ(again, out);
        } else {
          EXPECT_EQ(CodeOf(status), ErrorCode::kUnknownServerError);
          ++refused;
        }
      }
    }
    EXPECT_GT(refused, 100);
  };
  try_all(kBitmapVectors32,
          [](ByteView a, ByteView b, std::vector<uint8_t>* out) { return UnionBitmaps32(a, b, out); });
  try_all(kBitmapVectors64,
          [](ByteView a, ByteView b, std::vector<uint8_t>* out) { return UnionBitmaps64(a, b, out); });
}

TEST(BitmapUnionTest, NothingIsNoBitmap) {
  std::vector<uint8_t> out;
  const std::vector<uint8_t> empty64 = {0};
  EXPECT_FALSE(UnionBitmaps32({}, {}, &out).ok());
  EXPECT_FALSE(UnionBitmaps64({}, empty64, &out).ok());
  ASSERT_TRUE(UnionBitmaps64(empty64, empty64, &out).ok());
  EXPECT_EQ(out, empty64);
}

}  // namespace
}  // namespace thalweg::kv
