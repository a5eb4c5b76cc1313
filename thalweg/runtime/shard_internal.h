#pragma once

// Ahead of Asio's: whether its memory is aligned depends on what the standard library has told by then, and has to be the same everywhere.
// clang-format off
#include <cstddef>
// clang-format on

#include <asio/basic_waitable_timer.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/timer_heap_internal.h"

#if !defined(ASIO_HAS_STD_ALIGNED_ALLOC)
#error "Asio was included before any header of the standard library"
#endif

namespace thalweg::runtime {

/// One event loop, and the one thread that runs it at a time. Posted work gathers in an inbox that the loop empties a batch at a time,
/// so that a post costs a lock and a move, and sockets get their turn between batches.
///
/// Other threads wake the loop by an eventfd and not through Asio: Asio wakes the loop while it holds the mutex that the
/// loop takes next, so that every such post puts the woken thread to sleep once more.
class Shard final : public Executor {
 public:
  /// Nobody runs the loop before Start or Drive.
  Shard();
  /// A thread of its own, called shard-`index`.
  void Start(size_t index);
  /// The calling thread runs `task` until it has ended, and what else is due meanwhile. Not beside Start; one thread at a time.
  void Drive(Task<void> task);

  void Post(Work work) override;
  void PostAfter(Nanos delay, Work work) override;
  bool RunsHere() const override;

  /// Ends the thread.
  void Join();
  /// After Join: destroys what was left. That may post again, to any shard, so nothing is held meanwhile.
  void DropWork();

  asio::io_context& io() { return io_; }

 private:
  using Alarm = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                           asio::io_context::executor_type>;

  void AwaitWake();
  void Drain();
  void AddTimer(TimerHeap::TimePoint due, Work work);
  void SetAlarm(TimerHeap::TimePoint due);
  void RunDue();

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> keep_running_{io_.get_executor()};
  Alarm alarm_{io_};
  const int wake_fd_;
  asio::posix::stream_descriptor wake_;  ///< owns wake_fd_
  uint64_t wakes_ = 0;
  TimerHeap timers_;
  std::vector<Work> batch_;  ///< being run; a member so that its memory is used again

  std::mutex mutex_;
  std::vector<Work> inbox_;
  bool drain_due_ = false;  ///< posted, or the eventfd is written
  std::atomic<bool> stopping_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace thalweg::runtime
