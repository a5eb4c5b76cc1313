#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/check.h"

namespace thalweg::runtime {

/// A coroutine that starts when it is awaited and gives one value. It resumes its awaiter directly (symmetric transfer,
/// so chains of any length use no stack), on whatever executor it finished on: a task that changes executors says so.
/// Exceptions do not leave a task: one that escapes ends the process.
///
/// Not copyable; must be awaited at most once. A task that was never awaited frees its frame without having run.
template <typename T = void>
class [[nodiscard]] Task;

namespace internal {

struct PromiseBase {
  std::coroutine_handle<> continuation = std::noop_coroutine();

  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept {
      return done.promise().continuation;
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T Take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
  void Take() const noexcept {}
};

}  // namespace internal

template <typename T>
class [[nodiscard]] Task {
 public:
  using promise_type = internal::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  struct Awaiter {
    Handle handle;
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
      handle.promise().continuation = awaiting;
      return handle;
    }
    T await_resume() { return handle.promise().Take(); }
  };
  Awaiter operator co_await() && {
    TW_CHECK(handle_);
    return {handle_};
  }

 private:
  Handle handle_;
};

template <typename T>
Task<T> internal::Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> internal::Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace thalweg::runtime

/// ARROW_RETURN_NOT_OK and ARROW_ASSIGN_OR_RAISE for coroutines.
#define TW_CO_RETURN_NOT_OK(expression) \
  do { \
    ::arrow::Status tw_status_ = (expression); \
    if (!tw_status_.ok()) [[unlikely]] \
      co_return tw_status_; \
  } while (false)

#define TW_CO_CONCAT_(a, b) a##b
#define TW_CO_NAME_(a, b) TW_CO_CONCAT_(a, b)
#define TW_CO_ASSIGN_OR_RETURN_(result, target, expression) \
  auto&& result = (expression); \
  if (!result.ok()) [[unlikely]] \
    co_return result.status(); \
  target = std::move(result).ValueUnsafe()
#define TW_CO_ASSIGN_OR_RETURN(target, expression) \
  TW_CO_ASSIGN_OR_RETURN_(TW_CO_NAME_(tw_result_, __COUNTER__), target, expression)
