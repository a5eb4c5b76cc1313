#pragma once

#include <future>
#include <optional>
#include <type_traits>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"

namespace thalweg::runtime {

namespace internal {

template <typename T>
Task<void> Fulfil(Task<T> task, std::promise<T> promise) {
  // The task's frame ends before the waiting thread goes on, which may free what the frame refers to.
  if constexpr (std::is_void_v<T>) {
    {
      Task<T> inner = std::move(task);
      co_await std::move(inner);
    }
    promise.set_value();
  } else {
    std::optional<T> value;
    {
      Task<T> inner = std::move(task);
      value.emplace(co_await std::move(inner));
    }
    promise.set_value(std::move(*value));
  }
}

}  // namespace internal

/// Runs `task` on `executor` and blocks the calling thread until it has ended. For `main` and for tests: never on an
/// executor that the task needs. Waits for ever where the executor stops first.
template <typename T>
T BlockOn(Executor& executor, Task<T> task) {
  TW_CHECK(!executor.RunsHere());
  std::promise<T> promise;
  std::future<T> future = promise.get_future();
  SpawnOn(executor, internal::Fulfil(std::move(task), std::move(promise)));
  return future.get();
}

}  // namespace thalweg::runtime
