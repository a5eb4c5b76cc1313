#include "thalweg/testing/crash_points.h"

#include <memory>

#include "fmt/format.h"

namespace thalweg::testing {

std::string CrashState::ToString() const {
  return fmt::format("crash after {} operations, {}, seed {} (in flight: {})", after, PowerLossName(loss), seed,
                     in_flight);
}

uint64_t ForEachCrashState(const CrashPoints& points, const std::function<void(MemoryFileSystem&)>& script,
                           const std::function<void(MemoryFileSystem&, const CrashState&)>& check) {
  uint64_t states = 0;
  for (uint64_t after = points.first;; after += points.step) {
    MemoryFileSystem disk;
    disk.CrashAfter(after);
    script(disk);
    for (const PowerLoss loss : kPowerLosses) {
      const uint64_t seeds = IsRandom(loss) ? points.seeds : 1;
      for (uint64_t i = 0; i < seeds; ++i) {
        // Seeds differ from point to point, so that a longer list of points also means more kinds of states.
        const CrashState state{after, loss, after * seeds + i, disk.crashed() ? disk.DescribeLastOperation() : "none"};
        const std::unique_ptr<MemoryFileSystem> left = disk.PowerCut(loss, state.seed);
        check(*left, state);
        ++states;
      }
    }
    if (!disk.crashed()) return states;
  }
}

}  // namespace thalweg::testing
