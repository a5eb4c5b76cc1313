#include "thalweg/flight/acknowledger.h"

#include <utility>

namespace thalweg::flight {

Acknowledger::~Acknowledger() {
  std::unique_lock lock(mutex_);
  waiting_.clear();
  changed_.wait(lock, [&] { return !running_; });
}

arrow::Status Acknowledger::AwaitRoom() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return waiting_bytes_ < kWaitingBytesMax || !failure_.ok(); });
  return failure_;
}

void Acknowledger::Add(std::string message) {
  const std::lock_guard lock(mutex_);
  if (!failure_.ok()) return;
  waiting_bytes_ += message.size();
  waiting_.push_back(std::move(message));
  if (!std::exchange(running_, true)) pool_.Post([this] { Run(); });
}

arrow::Status Acknowledger::Finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !running_; });
  return failure_;
}

void Acknowledger::Run() {
  std::unique_lock lock(mutex_);
  while (failure_.ok() && !waiting_.empty()) {
    const std::string message = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    arrow::Status status = send_(message);
    lock.lock();
    waiting_bytes_ -= message.size();
    failure_ = std::move(status);
    changed_.notify_all();
  }
  running_ = false;
  changed_.notify_all();
}

}  // namespace thalweg::flight
