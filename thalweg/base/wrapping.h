#pragma once

#include <cstdint>

namespace thalweg {

/// Integer arithmetic that wraps, as Java's does: for what a client may have written out of range.
constexpr int64_t WrappingTimes(int64_t value, int64_t factor) {
  return static_cast<int64_t>(static_cast<uint64_t>(value) * static_cast<uint64_t>(factor));
}

constexpr int64_t WrappingPlus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

}  // namespace thalweg
