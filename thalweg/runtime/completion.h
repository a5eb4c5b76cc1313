#pragma once

#include <atomic>
#include <coroutine>
#include <optional>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/runtime/executor.h"

namespace thalweg::runtime {

/// One value, handed over once, from any thread to one coroutine.
///
/// Thread safety: one thread calls Set once, one coroutine waits once; in either order. The object may be destroyed as
/// soon as the waiter has resumed: Set touches nothing after the hand-over.
template <typename T>
class Completion {
 public:
  Completion() = default;
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;

  void Set(T value) {
    value_.emplace(std::move(value));
    if (const State before = state_.exchange(State::kSet, std::memory_order_acq_rel); before == State::kWaiting) {
      resume_on_->Post([handle = waiter_] { handle.resume(); });
    } else {
      TW_CHECK(before == State::kEmpty);
    }
  }

  /// Resumes on `executor`; goes on at once, without a switch, where the value is there already.
  auto Wait(Executor& executor) {
    struct Awaiter {
      Completion& self;
      Executor& executor;
      bool await_ready() const noexcept { return self.state_.load(std::memory_order_acquire) == State::kSet; }
      bool await_suspend(std::coroutine_handle<> handle) noexcept {
        self.waiter_ = handle;
        self.resume_on_ = &executor;
        State expected = State::kEmpty;
        return self.state_.compare_exchange_strong(expected, State::kWaiting, std::memory_order_acq_rel);
      }
      T await_resume() { return std::move(*self.value_); }
    };
    return Awaiter{*this, executor};
  }

 private:
  enum class State : uint8_t { kEmpty, kWaiting, kSet };

  std::optional<T> value_;
  std::coroutine_handle<> waiter_;
  Executor* resume_on_ = nullptr;
  std::atomic<State> state_{State::kEmpty};
};

}  // namespace thalweg::runtime
