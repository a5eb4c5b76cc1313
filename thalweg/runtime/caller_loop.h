#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"

namespace thalweg::runtime {

class Shard;

/// An event loop without a thread of its own: whoever waits for something on it runs it meanwhile, so that an answer costs
/// no switch between threads. Nothing on it moves between two calls: what comes waits in the kernel, and what is due is late.
///
/// Thread safety: one thread at a time, which may be another one each time. Work of the loop may not call.
class CallerLoop {
 public:
  CallerLoop();
  /// What still waits on the loop never goes on: close gates first.
  ~CallerLoop();

  /// On which sockets can be opened as on an executor of Shards.
  Executor& executor();

  /// Runs `task`, on executor(), to its end.
  template <typename T>
  T Run(Task<T> task) {
    if constexpr (std::is_void_v<T>) {
      Drive(std::move(task));
    } else {
      std::optional<T> value;
      Drive(Keep(std::move(task), &value));
      return std::move(*value);
    }
  }

 private:
  template <typename T>
  static Task<void> Keep(Task<T> task, std::optional<T>* value) {
    value->emplace(co_await std::move(task));
  }
  void Drive(Task<void> task);

  const std::unique_ptr<Shard> shard_;
};

}  // namespace thalweg::runtime
