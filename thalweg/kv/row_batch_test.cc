#include "thalweg/kv/row_batch.h"

#include <string>

#include "gtest/gtest.h"

namespace thalweg::kv {
namespace {

std::string TextAt(const RowBatch& rows, size_t index) {
  return std::string(AsText(rows.At(index).value_or(ByteView())));
}

TEST(RowBatch, WhatDoesNotFitIsLeftOutAndSaid) {
  RowBatch rows;
  rows.set_bytes_max(5);
  rows.Reset(4);
  rows.Set(0, AsBytes("abc"));
  rows.SetAbsent(1);
  EXPECT_FALSE(rows.cut());
  rows.Set(2, AsBytes("def"));
  EXPECT_TRUE(rows.cut());
  rows.Set(3, AsBytes("gh"));
  EXPECT_EQ(rows.unknown(), 0u);
  EXPECT_EQ(TextAt(rows, 0), "abc");
  EXPECT_EQ(rows.At(2).has_value(), false);
  EXPECT_EQ(TextAt(rows, 3), "gh");
  EXPECT_EQ(rows.bytes(), 5u);

  rows.Reset(2);
  EXPECT_FALSE(rows.cut());
  rows.Set(0, AsBytes("longer than all"));
  EXPECT_FALSE(rows.cut()) << "one fits always";
  rows.Set(1, AsBytes("x"));
  EXPECT_TRUE(rows.cut());
}

}  // namespace
}  // namespace thalweg::kv
