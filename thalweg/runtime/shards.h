#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "thalweg/runtime/executor.h"

namespace thalweg::runtime {

class Shard;

/// The threads that all requests run on: each is an executor of its own, runs its work in the order posted, waits for
/// its sockets and timers, and must never be blocked. The threads are called shard-0, shard-1, …
///
/// Thread safety: all but Stop and the destructor, which one thread calls.
class Shards {
 public:
  /// Starts `count` threads; at least 1.
  static std::unique_ptr<Shards> Start(size_t count);

  /// Stops. The executors (and so all that still refers to them) end here.
  ~Shards();

  /// Lets the running piece of work of each shard end and joins the threads; what is queued is destroyed without having
  /// run, and so is what is posted later. A coroutine that waits meanwhile never goes on (and its frame is not freed):
  /// close gates first. Not from a shard.
  void Stop();

  size_t count() const { return shards_.size(); }
  /// Shard `index`, below count().
  Executor& at(size_t index);

 private:
  Shards();

  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace thalweg::runtime
