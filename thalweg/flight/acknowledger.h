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
/// Thread safety: one thread calls; `send` is called on `pool`, one call at a time, and in order.
class Acknowledger {
 public:
  static constexpr size_t kWaitingBytesMax = 4 << 20;  ///< beyond, the next one waits for room

  using Send = std::function<arrow::Status(const std::string& message)>;
  /// `send` may block.
  Acknowledger(runtime::Executor& pool, Send send) : pool_(pool), send_(std::move(send)) {}
  /// Waits for a `send` that is under way, and sends no more.
  ~Acknowledger();

  /// The first error of `send`, after which nothing is sent.
  arrow::Status Add(std::string message);
  /// Waits until all are sent.
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
