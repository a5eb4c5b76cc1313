#pragma once

#include <coroutine>
#include <mutex>

#include "thalweg/base/check.h"
#include "thalweg/runtime/executor.h"

namespace thalweg::runtime {

/// Lets background work end before what it uses does: work enters, `Close` turns later work away and waits for the rest.
///
///   if (!gate.Enter()) co_return;      // closing: do not start
///   Gate::Holder in(gate);             // leaves at the end of the scope
///
/// Invariants: 1. after Close has completed nobody is inside and nobody enters; 2. the destructor finds it closed or
/// never entered. Thread safety: all but the destructor.
class Gate {
 public:
  ~Gate() { TW_CHECK(inside_ == 0); }

  [[nodiscard]] bool Enter() {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    ++inside_;
    return true;
  }

  void Leave() {
    std::coroutine_handle<> waiter;
    Executor* executor = nullptr;
    {
      std::lock_guard lock(mutex_);
      TW_CHECK(inside_ > 0);
      if (--inside_ == 0 && waiter_) {
        waiter = std::exchange(waiter_, nullptr);
        executor = resume_on_;
      }
    }
    if (waiter) executor->Post([waiter] { waiter.resume(); });
  }

  class Holder {
   public:
    explicit Holder(Gate& gate) : gate_(&gate) {}
    Holder(Holder&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    ~Holder() {
      if (gate_) gate_->Leave();
    }

   private:
    Gate* gate_;
  };

  bool closed() const {
    std::lock_guard lock(mutex_);
    return closed_;
  }

  /// `co_await gate.Close(executor)`: resumes on `executor` once everybody has left. Once per gate.
  auto Close(Executor& executor) {
    struct Awaiter {
      Gate& gate;
      Executor& executor;
      bool await_ready() const noexcept { return false; }
      bool await_suspend(std::coroutine_handle<> handle) {
        std::lock_guard lock(gate.mutex_);
        TW_CHECK(!gate.closed_);
        gate.closed_ = true;
        if (gate.inside_ == 0) return false;
        gate.waiter_ = handle;
        gate.resume_on_ = &executor;
        return true;
      }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this, executor};
  }

 private:
  mutable std::mutex mutex_;
  int inside_ = 0;
  bool closed_ = false;
  std::coroutine_handle<> waiter_;
  Executor* resume_on_ = nullptr;
};

}  // namespace thalweg::runtime
