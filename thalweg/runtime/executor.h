#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <utility>

#include "thalweg/runtime/task.h"

namespace thalweg::runtime {

using Work = std::move_only_function<void()>;
using Nanos = std::chrono::nanoseconds;

/// Runs work. A shard runs it on one thread, in the order posted, and must never be blocked; the journal's executor is
/// one thread that may block; the blocking pool is several. In a simulation all of them are one thread and one heap.
///
/// Thread safety: Post and PostAfter from any thread. Work that one thread posted to a single-threaded executor runs
/// in that order. Work still queued when the executor stops is destroyed without having run.
class Executor {
 public:
  virtual ~Executor() = default;

  virtual void Post(Work work) = 0;
  /// As Post, but not before `delay` has passed on the executor's clock.
  virtual void PostAfter(Nanos delay, Work work) = 0;
  /// Whether the caller runs on this executor.
  virtual bool RunsHere() const = 0;
};

namespace internal {
struct SwitchAwaiter {
  Executor& executor;
  bool is_there;
  bool await_ready() const noexcept { return is_there; }
  void await_suspend(std::coroutine_handle<> handle) {
    executor.Post([handle] { handle.resume(); });
  }
  void await_resume() const noexcept {}
};
}  // namespace internal

/// `co_await SwitchTo(executor)`: what follows runs there. Always goes through the queue, even when already there.
inline auto SwitchTo(Executor& executor) { return internal::SwitchAwaiter{executor, false}; }

/// `co_await EnsureOn(executor)`: as SwitchTo, but where the caller is there already it goes on at once, free of cost.
inline auto EnsureOn(Executor& executor) { return internal::SwitchAwaiter{executor, executor.RunsHere()}; }

/// `co_await Sleep(executor, delay)`: what follows runs on `executor`, not before `delay` has passed.
inline auto Sleep(Executor& executor, Nanos delay) {
  struct Awaiter {
    Executor& executor;
    Nanos delay;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      executor.PostAfter(delay, [handle] { handle.resume(); });
    }
    void await_resume() const noexcept {}
  };
  return Awaiter{executor, delay};
}

namespace internal {
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
};
inline Detached RunDetached(Task<void> task) { co_await std::move(task); }
}  // namespace internal

/// Starts `task` at once on the calling thread and lets it run to its end with nobody waiting. Whoever may stop before
/// the task does holds a Gate that the task has entered.
inline void Spawn(Task<void> task) { internal::RunDetached(std::move(task)); }

/// As Spawn, but starts on `executor`.
inline void SpawnOn(Executor& executor, Task<void> task) {
  executor.Post([task = std::move(task)]() mutable { internal::RunDetached(std::move(task)); });
}

/// `co_await RunOn(pool, home, fn)`: runs `fn` on `pool` (where it may block), resumes on `home` with what it returned.
template <typename F>
auto RunOn(Executor& pool, Executor& home, F fn) -> Task<decltype(fn())> {
  co_await SwitchTo(pool);
  auto result = fn();
  co_await SwitchTo(home);
  co_return result;
}

}  // namespace thalweg::runtime
