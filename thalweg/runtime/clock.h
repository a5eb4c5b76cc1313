#pragma once

#include <cstdint>

namespace thalweg::runtime {

/// The only source of time. Thread safety: all of it.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Milliseconds since 1970 by the wall clock; may jump either way.
  virtual int64_t WallMs() const = 0;
  /// Nanoseconds since some moment; never goes back.
  virtual int64_t MonotonicNs() const = 0;
};

/// The machine's clock.
const Clock& SystemClock();

}  // namespace thalweg::runtime
