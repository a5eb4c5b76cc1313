#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/gate.h"
#include "thalweg/runtime/task.h"

namespace thalweg::runtime {

/// Does the same work again and again on one executor, always `interval` after it ended the last time.
///
/// Invariants: 1. rounds do not overlap; 2. none runs after Stop has completed. The destructor finds it stopped or never
/// started. Thread safety: Start once; Stop once, from any thread, after Start or without it.
class Periodic {
 public:
  using Round = std::function<Task<void>()>;

  /// `round` starts on `home` and may end anywhere.
  Periodic(Executor& home, Nanos interval, Round round)
      : state_(std::make_shared<State>(home, interval, std::move(round))) {}

  /// The first round comes after `delay`.
  void Start(Nanos delay) { State::Schedule(state_, delay); }

  /// Waits for the round under way, if there is one, and resumes on `home`.
  Task<void> Stop(Executor& home) { co_await state_->gate.Close(home); }

 private:
  /// Outlives the Periodic in what is posted for later, which then finds the gate closed and touches nothing else.
  struct State {
    State(Executor& executor, Nanos every, Round work) : home(executor), interval(every), round(std::move(work)) {}

    static void Schedule(const std::shared_ptr<State>& state, Nanos delay) {
      state->home.PostAfter(delay, [state] { Spawn(RunOnce(state)); });
    }
    static Task<void> RunOnce(std::shared_ptr<State> state) {
      if (!state->gate.Enter()) co_return;
      const Gate::Holder in(state->gate);
      co_await state->round();
      Schedule(state, state->interval);  // inside the gate: once Stop has completed, `home` may go
    }

    Executor& home;
    const Nanos interval;
    const Round round;
    Gate gate;
  };

  const std::shared_ptr<State> state_;
};

}  // namespace thalweg::runtime
