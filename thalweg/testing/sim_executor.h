#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "thalweg/base/check.h"
#include "thalweg/runtime/executor.h"

namespace thalweg::testing {

class SimScheduler;

/// One executor of a simulation: a shard, a thread or a pool, by how it was made.
class SimExecutor final : public runtime::Executor {
 public:
  void Post(runtime::Work work) override;
  void PostAfter(runtime::Nanos delay, runtime::Work work) override;
  bool RunsHere() const override;

  const std::string& name() const { return name_; }

  /// Destroys what is queued and what is posted from now on, without running it: the thread is gone.
  void Stop();

 private:
  friend class SimScheduler;
  SimExecutor(SimScheduler& scheduler, std::string name, bool in_order)
      : scheduler_(scheduler), name_(std::move(name)), in_order_(in_order) {}

  SimScheduler& scheduler_;
  const std::string name_;
  const bool in_order_;
  bool stopped_ = false;
  bool is_ready_ = false;  ///< stands in the scheduler's list of executors that have work
  std::deque<runtime::Work> queue_;
};

/// Any number of executors over one virtual clock and one real thread. Which executor goes next, and which piece of a
/// pool's work, is drawn from the seed: the same seed and the same program give the same run. Time stands still while
/// there is work and then jumps to the next timer.
///
/// Invariants: 1. work posted to a thread (MakeThread) runs in the order posted; that of a pool in any order;
/// 2. delayed work never runs early; with one deadline on one thread it runs in the order posted.
/// Thread safety: none; one thread makes, runs and destroys it. Executors live as long as the scheduler.
class SimScheduler {
 public:
  explicit SimScheduler(uint64_t seed = 1) : random_state_(seed) {}
  ~SimScheduler();
  SimScheduler(const SimScheduler&) = delete;
  SimScheduler& operator=(const SimScheduler&) = delete;

  SimExecutor& MakeThread(std::string name) { return Make(std::move(name), true); }
  SimExecutor& MakePool(std::string name) { return Make(std::move(name), false); }

  /// Virtual nanoseconds since the scheduler was made.
  int64_t now_ns() const { return now_ns_; }

  /// Runs one piece of work, after moving the clock to the next timer where nothing is due. False: nothing is left.
  bool Step();
  /// Runs all that is due now, and what that posts; the clock stays.
  void RunReady();
  /// Runs all that falls due within `span`, then stands at its end.
  void RunFor(runtime::Nanos span);
  /// Runs until `done` holds. False where nothing was left to run, or `limit` of virtual time passed, before it did.
  bool RunUntil(const std::function<bool()>& done, runtime::Nanos limit = std::chrono::hours(1));

  /// Starts `task` on the calling thread and runs everything until it has ended. Dies where it cannot end.
  template <typename T>
  T Await(runtime::Task<T> task) {
    std::optional<T> result;
    runtime::Spawn(Store(std::move(task), result));
    TW_CHECK(RunUntil([&] { return result.has_value(); }));
    return std::move(*result);
  }
  void Await(runtime::Task<void> task);

  /// The next number from the seed, below `bound`.
  uint64_t Draw(uint64_t bound);

 private:
  friend class SimExecutor;

  struct Delayed {
    int64_t due_ns;
    uint64_t order;
    SimExecutor* executor;
    runtime::Work work;
    bool operator<(const Delayed& other) const {
      return due_ns != other.due_ns ? due_ns > other.due_ns : order > other.order;  // heap: the earliest on top
    }
  };

  template <typename T>
  static runtime::Task<void> Store(runtime::Task<T> task, std::optional<T>& into) {
    into.emplace(co_await std::move(task));
  }

  SimExecutor& Make(std::string name, bool in_order);
  void Enqueue(SimExecutor& executor, runtime::Work work);
  void MoveDue();
  void RunOne();

  uint64_t random_state_;
  int64_t now_ns_ = 0;
  uint64_t delayed_count_ = 0;
  const SimExecutor* running_ = nullptr;
  std::vector<std::unique_ptr<SimExecutor>> executors_;
  std::vector<SimExecutor*> ready_;
  std::vector<Delayed> delayed_;
};

}  // namespace thalweg::testing
