#pragma once

#include <atomic>
#include <cstddef>
#include <utility>
#include <variant>
#include <vector>

#include "arrow/status.h"
#include "thalweg/runtime/completion.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"

namespace thalweg::runtime {

/// Lets one coroutine wait until `count` things have happened.
/// Thread safety: Arrive from any thread, `count` times in all; one coroutine waits once.
class Countdown {
 public:
  explicit Countdown(size_t count) : left_(count) {
    if (count == 0) done_.Set({});
  }

  void Arrive() {
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) done_.Set({});
  }

  /// `co_await countdown.Wait(executor)`: resumes on `executor`, or at once where all have arrived.
  auto Wait(Executor& executor) { return done_.Wait(executor); }

 private:
  std::atomic<size_t> left_;
  Completion<std::monostate> done_;
};

/// Starts all tasks on the calling thread, one after the other, and resumes on `home` when the last has ended.
inline Task<void> WhenAll(Executor& home, std::vector<Task<void>> tasks) {
  Countdown countdown(tasks.size());
  const auto run = [](Task<void> task, Countdown& done) -> Task<void> {
    {
      Task<void> inner = std::move(task);
      co_await std::move(inner);
    }
    done.Arrive();
  };
  for (auto& task : tasks) Spawn(run(std::move(task), countdown));
  co_await countdown.Wait(home);
}

/// As above. Of several failures, the one of the first task in the list; all tasks run to their end in any case.
inline Task<arrow::Status> WhenAll(Executor& home, std::vector<Task<arrow::Status>> tasks) {
  std::vector<arrow::Status> results(tasks.size());
  const auto keep = [](Task<arrow::Status> task, arrow::Status& into) -> Task<void> {
    into = co_await std::move(task);
  };
  std::vector<Task<void>> wrapped;
  wrapped.reserve(tasks.size());
  for (size_t i = 0; i < tasks.size(); ++i) wrapped.push_back(keep(std::move(tasks[i]), results[i]));
  co_await WhenAll(home, std::move(wrapped));
  for (const auto& result : results) {
    if (!result.ok()) co_return result;
  }
  co_return arrow::Status::OK();
}

}  // namespace thalweg::runtime
