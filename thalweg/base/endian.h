#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>

namespace thalweg {

static_assert(std::endian::native == std::endian::little, "records are little-endian and patched in place");

/// Loads and stores at any alignment. Records are little-endian; frames and index files are big-endian.
template <std::integral T>
T LoadLittle(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <std::integral T>
void StoreLittle(uint8_t* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

template <std::integral T>
T LoadBig(const uint8_t* from) {
  return std::byteswap(LoadLittle<T>(from));
}

template <std::integral T>
void StoreBig(uint8_t* to, T value) {
  StoreLittle(to, std::byteswap(value));
}

}  // namespace thalweg
