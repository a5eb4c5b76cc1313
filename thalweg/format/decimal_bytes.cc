#include "thalweg/format/decimal_bytes.h"

#include <algorithm>

namespace thalweg::format {

std::string DecimalToBytes(Int128 unscaled) {
  std::string bytes;
  // Ends where what is left is only the sign, and the sign bit of the last byte says the same.
  for (;;) {
    const auto low = static_cast<int8_t>(unscaled & 0xFF);
    bytes.push_back(static_cast<char>(low));
    unscaled >>= 8;
    if (unscaled == (low < 0 ? -1 : 0)) break;
  }
  std::ranges::reverse(bytes);
  return bytes;
}

bool DecimalFromBytes(ByteView bytes, Int128* unscaled) {
  if (bytes.empty() || bytes.size() > sizeof(Int128)) return false;
  __extension__ unsigned __int128 value = bytes[0] & 0x80 ? ~static_cast<unsigned __int128>(0) : 0;
  for (const uint8_t byte : bytes) value = value << 8 | byte;
  *unscaled = static_cast<Int128>(value);
  return true;
}

}  // namespace thalweg::format
