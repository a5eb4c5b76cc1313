#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/runtime/shard_internal.h"

namespace thalweg::runtime {
namespace {

thread_local const Shard* current_shard = nullptr;

int OpenEventFd() {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  TW_CHECK(fd >= 0);
  return fd;
}

Task<void> Ended(Task<void> task, bool* ended) {
  {
    Task<void> inner = std::move(task);
    co_await std::move(inner);
  }
  *ended = true;
}

}  // namespace

Shard::Shard() : wake_fd_(OpenEventFd()), wake_(io_, wake_fd_) { AwaitWake(); }

void Shard::Start(size_t index) {
  thread_ = std::thread([this, index] {
    pthread_setname_np(pthread_self(), ("shard-" + std::to_string(index)).c_str());
    current_shard = this;
    io_.run();
  });
}

void Shard::Drive(Task<void> task) {
  TW_CHECK(!thread_.joinable() && !RunsHere());
  const Shard* const before = std::exchange(current_shard, this);
  bool ended = false;
  Spawn(Ended(std::move(task), &ended));
  while (!ended) io_.run_one();
  current_shard = before;
}

void Shard::Post(Work work) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_.load(std::memory_order_relaxed)) return;  // `work` is destroyed by the caller, without the lock
    inbox_.push_back(std::move(work));
    if (std::exchange(drain_due_, true)) return;
  }
  // Nothing of the inbox runs before what follows; after it the shard may be gone, so it is the last.
  if (RunsHere()) {
    asio::post(io_, [this] { Drain(); });
  } else {
    const uint64_t one = 1;
    const ssize_t written = write(wake_fd_, &one, sizeof one);
    TW_CHECK(written == sizeof one);
  }
}

void Shard::PostAfter(Nanos delay, Work work) {
  const auto due = DueAfter(delay);
  if (RunsHere()) return AddTimer(due, std::move(work));
  Post([this, due, work = std::move(work)]() mutable { AddTimer(due, std::move(work)); });
}

bool Shard::RunsHere() const { return current_shard == this; }

void Shard::Join() {
  if (!thread_.joinable()) return;
  TW_CHECK(!RunsHere());
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  io_.stop();
  thread_.join();
}

void Shard::DropWork() {
  const std::vector<Work> delayed = timers_.TakeAll();
  const std::vector<Work> running = std::exchange(batch_, {});
  std::vector<Work> queued;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    queued.swap(inbox_);
  }
}

void Shard::AwaitWake() {
  wake_.async_read_some(asio::buffer(&wakes_, sizeof wakes_), [this](std::error_code error, size_t) {
    if (error) return;  // the shard ends
    Drain();
    AwaitWake();
  });
}

void Shard::Drain() {
  {
    std::lock_guard lock(mutex_);
    batch_.swap(inbox_);
  }
  for (Work& work : batch_) {
    if (stopping_.load(std::memory_order_relaxed)) return;
    work();
    work = nullptr;  // what it held goes now, not when the whole batch is done
  }
  batch_.clear();
  {
    std::lock_guard lock(mutex_);
    if (inbox_.empty()) {
      drain_due_ = false;
      return;
    }
  }
  asio::post(io_, [this] { Drain(); });
}

void Shard::AddTimer(TimerHeap::TimePoint due, Work work) {
  if (timers_.Add(due, std::move(work))) SetAlarm(due);
}

void Shard::SetAlarm(TimerHeap::TimePoint due) {
  alarm_.expires_at(due);
  alarm_.async_wait([this](std::error_code error) {
    if (!error) RunDue();
  });
}

void Shard::RunDue() {
  const auto now = std::chrono::steady_clock::now();
  while (Work work = timers_.TakeDue(now)) {
    if (stopping_.load(std::memory_order_relaxed)) return;
    work();
  }
  if (const auto next = timers_.next()) SetAlarm(*next);
}

}  // namespace thalweg::runtime
