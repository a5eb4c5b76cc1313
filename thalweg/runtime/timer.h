#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "thalweg/runtime/executor.h"

namespace thalweg::runtime {

/// One piece of delayed work that can be called off. Built on PostAfter alone, so it works in simulations. A cancelled
/// delay costs its executor a few dozen bytes until it has run out: where most timers are cancelled, keep delays short.
///
/// Invariant: after Cancel or the destructor the work does not run. Thread safety: all calls from the executor.
class Timer {
 public:
  explicit Timer(Executor& executor) : executor_(executor) {}
  ~Timer() { Cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Runs `work` on the executor, once, not before `delay` has passed. Takes the place of what was armed before.
  void Arm(Nanos delay, Work work) {
    Cancel();
    pending_ = std::make_shared<Work>(std::move(work));
    executor_.PostAfter(delay, [this, weak = std::weak_ptr(pending_)] {
      const auto held = weak.lock();
      if (!held) return;  // cancelled, or the timer is gone: `this` is not touched
      pending_.reset();
      (*held)();
    });
  }

  void Cancel() { pending_.reset(); }

  bool armed() const { return pending_ != nullptr; }

 private:
  Executor& executor_;
  std::shared_ptr<Work> pending_;
};

}  // namespace thalweg::runtime
