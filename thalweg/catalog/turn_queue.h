#pragma once

#include <coroutine>
#include <deque>
#include <mutex>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/runtime/executor.h"

namespace thalweg::catalog {

/// Lets coroutines go one at a time, in the order in which they asked.
///
///   const TurnQueue::Turn turn = co_await turns.Take(home);   // goes on at once, or later on `home`
///
/// Thread safety: all but the destructor, which finds nobody waiting.
class TurnQueue {
 public:
  ~TurnQueue() { TW_CHECK(waiting_.empty()); }

  /// The next one goes when it is destroyed.
  class Turn {
   public:
    explicit Turn(TurnQueue& queue) : queue_(&queue) {}
    Turn(Turn&& other) noexcept : queue_(std::exchange(other.queue_, nullptr)) {}
    ~Turn() {
      if (queue_) queue_->Pass();
    }

   private:
    TurnQueue* queue_;
  };

  auto Take(runtime::Executor& home) {
    struct Awaiter {
      TurnQueue& queue;
      runtime::Executor& home;
      bool await_ready() const noexcept { return false; }
      bool await_suspend(std::coroutine_handle<> handle) {
        std::lock_guard lock(queue.mutex_);
        if (!std::exchange(queue.taken_, true)) return false;
        queue.waiting_.emplace_back(handle, &home);
        return true;
      }
      Turn await_resume() const noexcept { return Turn(queue); }
    };
    return Awaiter{*this, home};
  }

 private:
  void Pass() {
    std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      taken_ = false;
      return;
    }
    const auto [handle, home] = waiting_.front();
    waiting_.pop_front();
    home->Post([handle] { handle.resume(); });
  }

  std::mutex mutex_;
  bool taken_ = false;
  std::deque<std::pair<std::coroutine_handle<>, runtime::Executor*>> waiting_;
};

}  // namespace thalweg::catalog
