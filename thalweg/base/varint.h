#pragma once

#include <cstddef>
#include <cstdint>

#include "thalweg/base/bytes.h"

namespace thalweg {

/// Unsigned LEB128, as in protobuf and in Fluss's compacted rows. At most kVarintBytesMax bytes for 64 bits.
inline constexpr size_t kVarintBytesMax = 10;

/// Writes `value` at `to` (room for kVarintBytesMax) and returns the number of bytes written.
inline size_t PutVarint(uint8_t* to, uint64_t value) {
  size_t n = 0;
  while (value >= 0x80) {
    to[n++] = static_cast<uint8_t>(value) | 0x80;
    value >>= 7;
  }
  to[n++] = static_cast<uint8_t>(value);
  return n;
}

inline size_t VarintBytes(uint64_t value) {
  size_t n = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++n;
  }
  return n;
}

/// Reads a value from the front of `in` and advances it. False, with `in` unchanged, where the bytes end too early or
/// the value is longer than 64 bits.
inline bool GetVarint(ByteView& in, uint64_t& value) {
  uint64_t result = 0;
  for (size_t i = 0; i < in.size() && i < kVarintBytesMax; ++i) {
    const uint64_t bits = in[i] & 0x7F;
    if (i == kVarintBytesMax - 1 && bits > 1) return false;
    result |= bits << (7 * i);
    if (!(in[i] & 0x80)) {
      in = in.subspan(i + 1);
      value = result;
      return true;
    }
  }
  return false;
}

}  // namespace thalweg
