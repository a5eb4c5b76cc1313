#pragma once

#include "thalweg/runtime/clock.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::testing {

/// The clock of one simulated machine: monotonic time is the scheduler's, wall time starts at 2026-01-01 00:00 UTC and
/// can be set wrong. Thread safety: that of the scheduler.
class SimClock final : public runtime::Clock {
 public:
  static constexpr int64_t kStartWallMs = 1'767'225'600'000;

  explicit SimClock(const SimScheduler& scheduler) : scheduler_(scheduler) {}

  int64_t WallMs() const override { return kStartWallMs + wall_skew_ms_ + scheduler_.now_ns() / 1'000'000; }
  int64_t MonotonicNs() const override { return scheduler_.now_ns(); }

  /// How far the wall clock is off, from now on; may be negative, and may make it go back.
  void SetWallSkewMs(int64_t skew_ms) { wall_skew_ms_ = skew_ms; }

 private:
  const SimScheduler& scheduler_;
  int64_t wall_skew_ms_ = 0;
};

}  // namespace thalweg::testing
