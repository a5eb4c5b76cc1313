#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "thalweg/testing/memory_file_system.h"

namespace thalweg::testing {

/// One state that a crash may leave: what a failing check prints, and what makes it again.
struct CrashState {
  uint64_t after = 0;  ///< persistence operations that had happened
  PowerLoss loss = PowerLoss::kKeepAll;
  uint64_t seed = 0;
  std::string in_flight;  ///< the operation that was cut off

  std::string ToString() const;
};

struct CrashPoints {
  uint64_t first = 0;  ///< the first crash point; points are `step` operations apart
  uint64_t step = 1;
  uint64_t seeds = 2;  ///< states of each kind that knows chance
};

/// Runs `script` on a fresh disk cut off after 0, 1, 2, … operations, until it ends uncut; after each run calls `check`
/// with the disk in every kind of state that the crash may have left (the last run, uncut, included). `script` starts
/// over each time and returns once its file system fails. Returns how many states were checked.
uint64_t ForEachCrashState(const CrashPoints& points, const std::function<void(MemoryFileSystem&)>& script,
                           const std::function<void(MemoryFileSystem&, const CrashState&)>& check);

}  // namespace thalweg::testing
