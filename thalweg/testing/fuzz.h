#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "thalweg/base/bytes.h"
#include "thalweg/base/endian.h"

/// For fuzz programs (x_fuzz.cc, one libFuzzer program each). Each defines LLVMFuzzerTestOneInput and FuzzSeeds; a finding
/// is whatever ends the process: a sanitizer's report, a TW_CHECK, a time or memory limit.
///
///   x_fuzz --seeds=DIR      writes the program's seeds into DIR, made by our own encoders, and ends
///   x_fuzz DIR...           libFuzzer's own command line

/// Inputs from which the fuzzer sets out. Each program defines it.
std::vector<std::string> FuzzSeeds();

namespace thalweg::testing {

/// Takes an input apart: numbers and pieces from the front, in an order that FuzzSeed puts them together in. Where the
/// input ends early, numbers are zero and pieces empty.
class FuzzInput {
 public:
  explicit FuzzInput(ByteView bytes) : rest_(bytes) {}

  bool AtEnd() const { return rest_.empty(); }
  template <typename T>
  T Number() {
    uint8_t bytes[sizeof(T)] = {};
    const ByteView taken = Take(sizeof(T));
    std::ranges::copy(taken, bytes);
    return LoadLittle<T>(bytes);
  }
  /// So many bytes, or what is left.
  ByteView Take(size_t count) {
    const ByteView taken = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  /// Behind its length, an u16.
  ByteView Piece() { return Take(Number<uint16_t>()); }
  ByteView Rest() { return Take(rest_.size()); }

 private:
  ByteView rest_;
};

/// Puts together what FuzzInput takes apart.
class FuzzSeed {
 public:
  template <typename T>
  FuzzSeed& Number(T value) {
    uint8_t bytes[sizeof(T)];
    StoreLittle(bytes, value);
    bytes_.append(AsText(bytes));
    return *this;
  }
  FuzzSeed& Raw(std::string_view bytes) {
    bytes_.append(bytes);
    return *this;
  }
  /// At most 65,535 bytes.
  FuzzSeed& Piece(std::string_view bytes) { return Number(static_cast<uint16_t>(bytes.size())).Raw(bytes); }
  operator std::string() const { return bytes_; }

 private:
  std::string bytes_;
};

/// A copy that ends where its allocation ends, so that a read beyond it is seen.
inline std::vector<uint8_t> ExactCopy(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace thalweg::testing

extern "C" [[gnu::used]] inline int LLVMFuzzerInitialize(int* count, char*** arguments) {
  constexpr std::string_view kSeeds = "--seeds=";
  for (int i = 1; i < *count; ++i) {
    const std::string_view argument = (*arguments)[i];
    if (!argument.starts_with(kSeeds)) continue;
    const std::filesystem::path folder(argument.substr(kSeeds.size()));
    const std::vector<std::string> seeds = FuzzSeeds();
    for (size_t n = 0; n < seeds.size(); ++n) {
      std::ofstream file(folder / ("seed-" + std::to_string(n)), std::ios::binary);
      if (!file.write(seeds[n].data(), static_cast<std::streamsize>(seeds[n].size())).flush()) {
        std::fprintf(stderr, "cannot write seeds to %s\n", folder.c_str());
        std::exit(1);
      }
    }
    std::exit(0);
  }
  return 0;
}
