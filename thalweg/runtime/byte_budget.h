#pragma once

#include <coroutine>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "thalweg/base/check.h"
#include "thalweg/runtime/executor.h"

namespace thalweg::runtime {

/// A bounded number of bytes that requests take before they use memory. Who has to wait is served in order of arrival.
/// A request for more than the whole limit gets through alone, once all else has been given back, so nothing waits for
/// ever; the limit is then exceeded by that one request.
///
/// Invariants: 1. used() <= limit, or a single holder has all of it, or some holder has grown; 2. nobody overtakes a waiter.
/// Thread safety: all but the destructor, which finds nobody waiting.
class ByteBudget {
 public:
  explicit ByteBudget(int64_t limit) : limit_(limit) { TW_CHECK(limit > 0); }
  ~ByteBudget() { TW_CHECK(waiters_.empty()); }
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  /// Takes `bytes` where they are free and nobody waits.
  [[nodiscard]] bool TryAcquire(int64_t bytes) {
    TW_CHECK(bytes >= 0);
    std::lock_guard lock(mutex_);
    return TryAcquireLocked(bytes);
  }

  /// `co_await budget.Acquire(bytes, executor)`: goes on with the bytes taken; at once where they are free, else on
  /// `executor`.
  auto Acquire(int64_t bytes, Executor& executor) {
    struct Awaiter {
      ByteBudget& budget;
      int64_t bytes;
      Executor& executor;
      bool await_ready() const noexcept { return false; }
      bool await_suspend(std::coroutine_handle<> handle) {
        std::lock_guard lock(budget.mutex_);
        if (budget.TryAcquireLocked(bytes)) return false;
        budget.waiters_.push_back({bytes, handle, &executor});
        return true;
      }
      void await_resume() const noexcept {}
    };
    TW_CHECK(bytes >= 0);
    return Awaiter{*this, bytes, executor};
  }

  /// Gives back what was taken, in one part or several.
  void Release(int64_t bytes) {
    TW_CHECK(bytes >= 0);
    std::vector<Waiter> served;
    {
      std::lock_guard lock(mutex_);
      used_ -= bytes;
      TW_CHECK(used_ >= 0);
      while (!waiters_.empty() && Fits(waiters_.front().bytes)) {
        used_ += waiters_.front().bytes;
        served.push_back(waiters_.front());
        waiters_.pop_front();
      }
    }
    for (const Waiter& waiter : served) {
      waiter.executor->Post([handle = waiter.handle] { handle.resume(); });
    }
  }

  /// Takes more than was asked for, without waiting, limit or not.
  void Grow(int64_t bytes) {
    TW_CHECK(bytes >= 0);
    std::lock_guard lock(mutex_);
    used_ += bytes;
  }

  /// Gives `bytes`, which the caller has acquired, back at the end of the scope.
  class Hold {
   public:
    Hold() = default;
    Hold(ByteBudget& budget, int64_t bytes) : budget_(&budget), bytes_(bytes) {}
    Hold(Hold&& other) noexcept : budget_(std::exchange(other.budget_, nullptr)), bytes_(other.bytes_) {}
    Hold& operator=(Hold&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Hold() {
      if (budget_) budget_->Release(bytes_);
    }
    /// It has turned out to be this much, more or less than acquired. Nothing for a hold of nothing.
    void Resize(int64_t bytes) {
      if (!budget_) return;
      if (bytes > bytes_) budget_->Grow(bytes - bytes_);
      if (bytes < bytes_) budget_->Release(bytes_ - bytes);
      bytes_ = bytes;
    }

   private:
    ByteBudget* budget_ = nullptr;
    int64_t bytes_ = 0;
  };

  int64_t limit() const { return limit_; }
  int64_t used() const {
    std::lock_guard lock(mutex_);
    return used_;
  }

 private:
  struct Waiter {
    int64_t bytes;
    std::coroutine_handle<> handle;
    Executor* executor;
  };

  bool Fits(int64_t bytes) const { return used_ == 0 || bytes <= limit_ - used_; }

  bool TryAcquireLocked(int64_t bytes) {
    if (!waiters_.empty() || !Fits(bytes)) return false;
    used_ += bytes;
    return true;
  }

  const int64_t limit_;
  mutable std::mutex mutex_;
  int64_t used_ = 0;
  std::deque<Waiter> waiters_;
};

}  // namespace thalweg::runtime
