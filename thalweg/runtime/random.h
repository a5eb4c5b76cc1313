#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace thalweg::runtime {

/// The only source of chance. Thread safety: all of it.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;
};

/// Seeded by the operating system.
Random& SystemRandom();

/// `bytes` of the operating system's own randomness, in hexadecimal digits: what nobody can guess. Thread safety: all of it.
std::string SecretText(size_t bytes);

}  // namespace thalweg::runtime
