#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"
#include "thalweg/base/bytes.h"

namespace thalweg::format {

/// Lower-case hexadecimal to bytes, and back; blanks are skipped. For tests.
inline std::vector<uint8_t> FromHex(std::string_view hex) {
  std::vector<uint8_t> bytes;
  int digits = 0;
  uint8_t value = 0;
  for (const char c : hex) {
    if (c == ' ') continue;
    value = static_cast<uint8_t>(value << 4 | (c <= '9' ? c - '0' : c - 'a' + 10));
    if (++digits % 2 == 0) bytes.push_back(value);
  }
  return bytes;
}

inline std::string ToHex(ByteView bytes) {
  std::string hex;
  for (const uint8_t byte : bytes) hex += fmt::format("{:02x}", byte);
  return hex;
}

}  // namespace thalweg::format
