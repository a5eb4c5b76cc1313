#pragma once

#include <functional>
#include <memory>

#include "thalweg/runtime/executor.h"

namespace thalweg::runtime {

/// From now on, writing to a connection or pipe that the other side has closed is an error of that write and does not
/// end the process. For the whole process; any number of times, from any thread.
void IgnoreBrokenPipes();

/// Has the kernel send this process a SIGTERM when the thread that started it ends. False where `parent` is not its parent
/// (any more): then it should end at once.
bool EndWithParent(int parent);

/// Calls back on a shard whenever the process is asked to end (SIGTERM, SIGINT), which then no longer ends it by itself.
/// At most one of these at a time. Thread safety: made and destroyed by one thread, on or off the shard.
class ShutdownSignals {
 public:
  /// `on_signal` gets the signal's number, once for each signal: a second one may mean that the user is impatient.
  ShutdownSignals(Executor& shard, std::function<void(int signal)> on_signal);
  /// The callback may still be running on the shard, but does not start any more.
  ~ShutdownSignals();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace thalweg::runtime
