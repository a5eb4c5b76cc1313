#include "thalweg/runtime/random.h"

#include <random>

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

}  // namespace thalweg::runtime
