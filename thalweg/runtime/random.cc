#include "thalweg/runtime/random.h"

#include <cstdint>
#include <random>
#include <string>

namespace thalweg::runtime {
namespace {

class MachineRandom final : public Random {
 public:
  uint64_t Next() override {
    thread_local std::mt19937_64 engine = [] {
      std::random_device device;
      std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
      return std::mt19937_64(seed);
    }();
    return engine();
  }
};

}  // namespace

Random& SystemRandom() {
  static MachineRandom random;
  return random;
}

std::string SecretText(size_t bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::random_device device;
  std::string text;
  text.reserve(bytes * 2);
  while (text.size() < bytes * 2) {
    for (uint32_t word = device(), i = 0; i < sizeof(word) * 2 && text.size() < bytes * 2; ++i, word >>= 4) {
      text += kDigits[word & 0xf];
    }
  }
  return text;
}

}  // namespace thalweg::runtime
