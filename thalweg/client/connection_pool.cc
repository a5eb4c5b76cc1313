#include "thalweg/client/connection_pool.h"

#include <algorithm>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/base/error.h"

namespace thalweg::client {
namespace {

bool MayPass(ErrorCode code) {
  switch (code) {
    case ErrorCode::kRequestTimeOut:
    case ErrorCode::kUnknownTableOrBucket:
    case ErrorCode::kSchemaNotExist:
    case ErrorCode::kCorruptRecord:
    case ErrorCode::kCorruptMessage:
      return false;
    default:
      return IsRetriable(code);
  }
}

/// Whoever has a connection waits for its answers.
ConnectionOptions WithoutThread(ConnectionOptions options) {
  options.own_thread = false;
  return options;
}

}  // namespace

ConnectionPool::ConnectionPool(ConnectionOptions options, PoolLimits limits)
    : options_(WithoutThread(std::move(options))), limits_(limits) {
  TW_CHECK(limits_.connections_max > 0 && limits_.tries_max > 0);
}

ConnectionPool::~ConnectionPool() { TW_CHECK(borrowed_ == 0); }

ConnectionPool::Slot ConnectionPool::Borrow() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [this] { return borrowed_ < limits_.connections_max; });
  ++borrowed_;
  if (idle_.empty()) {
    lock.unlock();
    return {Connection::Make(options_)};
  }
  Slot slot = std::move(idle_.back());
  idle_.pop_back();
  return slot;
}

void ConnectionPool::Return(Slot slot) {
  {
    const std::lock_guard lock(mutex_);
    --borrowed_;
    idle_.push_back(std::move(slot));
  }
  returned_.notify_one();
}

arrow::Status ConnectionPool::TryOnce(Repeat repeat, const Work& work, Slot& slot, bool* worked) const {
  *worked = false;
  // What must not be repeated is not sent over a connection that may have ended long ago.
  if (!slot.sound || repeat == Repeat::kNo) ARROW_RETURN_NOT_OK(slot.connection->Reconnect());
  slot.sound = true;
  *worked = true;
  const arrow::Status status = work(*slot.connection);
  slot.sound = CodeOf(status) != ErrorCode::kNetwork && CodeOf(status) != ErrorCode::kRequestTimeOut;
  return status;
}

arrow::Status ConnectionPool::Run(Repeat repeat, const Work& work) {
  Slot slot = Borrow();
  runtime::Nanos pause = limits_.pause_first;
  arrow::Status status;
  for (int tries = 1;; ++tries) {
    const bool was_kept = slot.sound;
    bool worked = false;
    status = TryOnce(repeat, work, slot, &worked);
    if (status.ok() || tries >= limits_.tries_max || !MayPass(CodeOf(status))) break;
    if (worked && repeat == Repeat::kNo) break;
    // A connection that was kept may have ended meanwhile: that is no reason to wait.
    if (was_kept && CodeOf(status) == ErrorCode::kNetwork) continue;
    slot.connection->Sleep(pause);
    pause = std::min(pause * 2, limits_.pause_max);
  }
  Return(std::move(slot));
  return status;
}

}  // namespace thalweg::client
