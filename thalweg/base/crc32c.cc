#include "thalweg/base/crc32c.h"

#include <nmmintrin.h>

#include <array>
#include <cstring>

namespace thalweg {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;  // Castagnoli, bits reflected

constexpr std::array<uint32_t, 256> MakeByteTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kPolynomial : 0);
    table[i] = crc;
  }
  return table;
}
constexpr auto kByteTable = MakeByteTable();

// The crc32 instruction takes 3 cycles but starts one each cycle, so three lanes of kLane bytes run side by side;
// their results are joined by advancing a CRC over kLane (or 2 x kLane) zero bytes, which is linear in the CRC.
constexpr size_t kLane = 1024;

constexpr uint32_t AdvanceByZeros(uint32_t crc, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) crc = (crc >> 8) ^ kByteTable[crc & 0xFF];
  return crc;
}

using ShiftTable = std::array<std::array<uint32_t, 256>, 4>;

ShiftTable MakeShiftTable(size_t zeros) {
  std::array<uint32_t, 32> of_bit{};
  for (int bit = 0; bit < 32; ++bit) of_bit[bit] = AdvanceByZeros(1u << bit, zeros);
  ShiftTable table{};
  for (int byte = 0; byte < 4; ++byte) {
    for (uint32_t value = 0; value < 256; ++value) {
      uint32_t crc = 0;
      for (int bit = 0; bit < 8; ++bit) {
        if (value & (1u << bit)) crc ^= of_bit[byte * 8 + bit];
      }
      table[byte][value] = crc;
    }
  }
  return table;
}

uint32_t Shift(const ShiftTable& t, uint32_t crc) {
  return t[0][crc & 0xFF] ^ t[1][(crc >> 8) & 0xFF] ^ t[2][(crc >> 16) & 0xFF] ^ t[3][crc >> 24];
}

uint64_t Load64(const uint8_t* p) {
  uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

__attribute__((target("sse4.2"))) uint32_t ExtendHardware(uint32_t start, const uint8_t* p, size_t n) {
  static const ShiftTable one_lane = MakeShiftTable(kLane);
  static const ShiftTable two_lanes = MakeShiftTable(2 * kLane);
  uint64_t crc = start;
  while (n >= 3 * kLane) {
    uint64_t a = crc;
    uint64_t b = 0;
    uint64_t c = 0;
    for (size_t i = 0; i < kLane; i += 8) {
      a = _mm_crc32_u64(a, Load64(p + i));
      b = _mm_crc32_u64(b, Load64(p + kLane + i));
      c = _mm_crc32_u64(c, Load64(p + 2 * kLane + i));
    }
    crc = Shift(two_lanes, static_cast<uint32_t>(a)) ^ Shift(one_lane, static_cast<uint32_t>(b)) ^ c;
    p += 3 * kLane;
    n -= 3 * kLane;
  }
  for (; n >= 8; p += 8, n -= 8) crc = _mm_crc32_u64(crc, Load64(p));
  for (; n > 0; ++p, --n) crc = _mm_crc32_u8(static_cast<uint32_t>(crc), *p);
  return static_cast<uint32_t>(crc);
}

uint32_t ExtendTable(uint32_t crc, const uint8_t* p, size_t n) {
  for (; n > 0; ++p, --n) crc = (crc >> 8) ^ kByteTable[(crc ^ *p) & 0xFF];
  return crc;
}

}  // namespace

uint32_t Crc32c(uint32_t crc, ByteView data) {
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  uint32_t state = ~crc;
  state =
      has_instruction ? ExtendHardware(state, data.data(), data.size()) : ExtendTable(state, data.data(), data.size());
  return ~state;
}

}  // namespace thalweg
