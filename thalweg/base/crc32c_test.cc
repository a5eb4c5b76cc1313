#include "thalweg/base/crc32c.h"

#include <gtest/gtest.h>

#include <vector>

namespace thalweg {
namespace {

// Bit by bit, from the definition: shares nothing with the code under test.
uint32_t Slow(ByteView data) {
  uint32_t crc = ~0u;
  for (uint8_t byte : data) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0);
  }
  return ~crc;
}

TEST(Crc32c, KnownValue) { EXPECT_EQ(Crc32c(AsBytes("123456789")), 0xE3069283u); }

TEST(Crc32c, AgreesWithTheDefinitionAtEveryLengthAroundTheLanes) {
  std::vector<uint8_t> data(10'000);
  uint32_t x = 1;
  for (auto& byte : data) byte = static_cast<uint8_t>((x = x * 1664525 + 1013904223) >> 24);
  for (size_t n : {0, 1, 7, 8, 9, 1023, 1024, 3071, 3072, 3073, 3080, 6144, 9999}) {
    EXPECT_EQ(Crc32c(ByteView(data).first(n)), Slow(ByteView(data).first(n))) << n;
  }
}

TEST(Crc32c, ExtendsAcrossPieces) {
  std::vector<uint8_t> data(7'000, 0xA5);
  const ByteView all(data);
  for (size_t cut : {0, 1, 3072, 5000, 7000}) {
    EXPECT_EQ(Crc32c(Crc32c(all.first(cut)), all.subspan(cut)), Crc32c(all)) << cut;
  }
}

}  // namespace
}  // namespace thalweg
