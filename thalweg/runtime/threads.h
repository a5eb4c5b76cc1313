#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "thalweg/runtime/executor.h"

namespace thalweg::runtime {

class TimerHeap;

/// Threads whose work may block: file reads, fdatasync, RocksDB. They start when work finds none idle, up to a bound, and
/// stay. Called blocking-0, blocking-1, … Work may run in any order.
///
/// Thread safety: all but Stop and the destructor, which one thread calls, not one of the pool.
class BlockingPool final : public Executor {
 public:
  /// `nice` above 0: its threads stand back for the CPU behind the others of the process, by so much (man 2 setpriority).
  explicit BlockingPool(size_t threads_max, std::string name = "blocking", int nice = 0);
  /// Stops.
  ~BlockingPool() override;

  void Post(Work work) override;
  void PostAfter(Nanos delay, Work work) override;
  bool RunsHere() const override;

  /// Waits for what is running; what is queued is destroyed without having run, and so is what is posted later.
  void Stop();

  /// How many threads have been started.
  size_t threads() const;

 private:
  void Run(size_t index);
  void Start(size_t index);
  /// Has some thread wait for the next deadline, where one is free or may be started. Holding the lock.
  void KeepWatch();

  const size_t threads_max_;
  const std::string name_;
  const int nice_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;   ///< of those that have nothing to do
  std::condition_variable watch_;  ///< of the one among them that minds the next deadline
  std::deque<Work> queue_;
  std::unique_ptr<TimerHeap> timers_;
  std::vector<std::thread> threads_;
  size_t resting_ = 0;    ///< wait on wake_
  bool watched_ = false;  ///< one waits on watch_
  bool stopping_ = false;
};

/// One thread of that kind: work runs in the order posted.
class ThreadExecutor final : public Executor {
 public:
  /// `name` shows in top and in debuggers; at most 13 characters of it.
  explicit ThreadExecutor(std::string name) : pool_(1, std::move(name)) {}

  void Post(Work work) override { pool_.Post(std::move(work)); }
  void PostAfter(Nanos delay, Work work) override { pool_.PostAfter(delay, std::move(work)); }
  bool RunsHere() const override { return pool_.RunsHere(); }
  void Stop() { pool_.Stop(); }

 private:
  BlockingPool pool_;
};

}  // namespace thalweg::runtime
