#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "thalweg/base/bytes.h"

namespace thalweg::kv {

/// A set of 16-bit numbers, in one of the three forms that Roaring bitmaps store: `payload` is exactly what stands there.
///   run: | u16 runs | u16 first, u16 length − 1 | … | · bits: 65,536 of them · array: | u16 | … |, all ascending
struct BitmapContainer {
  enum class Form : uint8_t { kRun = 0, kBits = 1, kArray = 2 };  // Roaring64Bitmap stores these numbers

  Form form = Form::kArray;
  uint32_t cardinality = 0;
  std::vector<uint8_t> payload;

  /// Takes a container from the front of `*rest`; false where it is not sound. `cardinality` is not looked at for runs.
  static bool Take(Form form, uint32_t cardinality, ByteView* rest, BitmapContainer* out);

  /// The union, in the form that Java's ior() chooses.
  static BitmapContainer Union(const BitmapContainer& a, const BitmapContainer& b);

  /// What Java's runOptimize() does, but that runs stay runs where `keep_runs` (Roaring64Bitmap has it so).
  void Optimize(bool keep_runs);
};

inline constexpr uint32_t kArrayCardinalityMax = 4096;

}  // namespace thalweg::kv
