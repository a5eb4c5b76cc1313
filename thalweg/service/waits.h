#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "thalweg/tablet/read.h"

namespace thalweg::service {

/// The calls of one connection that wait for news, so that they can be told not to: when the connection is lost, or the
/// server stops.
/// Thread safety: none; it lives on the connection's shard.
class Waits {
 public:
  bool over() const { return over_; }

  /// To be taken out again after the wait. Not once it is over.
  void Add(std::shared_ptr<tablet::ReadWaiter> waiter) { waiters_.push_back(std::move(waiter)); }
  void Remove(const std::shared_ptr<tablet::ReadWaiter>& waiter) { std::erase(waiters_, waiter); }

  /// Wakes everyone; from now on nobody should wait.
  void End() {
    over_ = true;
    for (const auto& waiter : waiters_) waiter->Wake();
  }

 private:
  bool over_ = false;
  std::vector<std::shared_ptr<tablet::ReadWaiter>> waiters_;
};

}  // namespace thalweg::service
