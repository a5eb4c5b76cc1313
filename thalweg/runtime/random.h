#pragma once

#include <cstdint>

namespace thalweg::runtime {

/// The only source of chance. Thread safety: all of it.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;
};

/// Seeded by the operating system.
Random& SystemRandom();

}  // namespace thalweg::runtime
