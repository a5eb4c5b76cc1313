#pragma once

#include <condition_variable>
#include <mutex>

namespace thalweg::tablet {

/// Lets work that was posted outlive what it works on: who is posted holds a share of this, and asks before it goes in.
/// Thread safety: all calls.
class Entrance {
 public:
  /// Whether there still is something to work on. True: Leave follows.
  [[nodiscard]] bool Enter() {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    ++inside_;
    return true;
  }
  void Leave() {
    std::lock_guard lock(mutex_);
    if (--inside_ == 0) left_.notify_all();
  }
  /// Nobody enters any more; waits for who is inside. Blocks.
  void Close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    left_.wait(lock, [this] { return inside_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable left_;
  bool closed_ = false;
  int inside_ = 0;
};

}  // namespace thalweg::tablet
