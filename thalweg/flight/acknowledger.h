#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "arrow/status.h"
#include "thalweg/runtime/executor.h"

namespace thalweg::flight {

/// Sends acknowledgements of a write without holding up the reading of what comes next: a client that reads none of them before it has sent
/// everything would else wait for us, and we for it.
/// Thread safety: all but the destructor; `send` is called on `pool`, one call at a time, and in the order of Add.
class Acknowledger {
 public:
  static constexpr size_t kWaitingBytesMax = 4 << 20;  ///< beyond, there is no room

  using Send = std::function<arrow::Status(const std::string& message)>;
  /// `send` may block.
  Acknowledger(runtime::Executor& pool, Send send) : pool_(pool), send_(std::move(send)) {}
  /// Waits for a `send` that is under way, and sends no more.
  ~Acknowledger();

  /// Waits until there is room: to be called before a write starts, whose message will be added. The first error of `send`, after which
  /// nothing is sent.
  arrow::Status AwaitRoom();
  /// Does not wait.
  void Add(std::string message);
  /// Waits until all that was added is sent. As AwaitRoom.
  arrow::Status Finish();

 private:
  void Run();

  runtime::Executor& pool_;
  const Send send_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> waiting_;
  size_t waiting_bytes_ = 0;
  bool running_ = false;
  arrow::Status failure_;
};

}  // namespace thalweg::flight
