#include "thalweg/runtime/shards.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <asio/basic_waitable_timer.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "thalweg/base/check.h"
#include "thalweg/runtime/asio_internal.h"
#include "thalweg/runtime/timer_heap_internal.h"

namespace thalweg::runtime {
namespace {
thread_local const Shard* current_shard = nullptr;

int OpenEventFd() {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  TW_CHECK(fd >= 0);
  return fd;
}
}  // namespace

/// One thread with one event loop. Posted work gathers in an inbox that the loop empties a batch at a time, so that a
/// post costs a lock and a move, and sockets get their turn between batches.
///
/// Other threads wake the loop by an eventfd and not through Asio: Asio wakes the loop while it holds the mutex that the
/// loop takes next, so that every such post puts the woken thread to sleep once more.
class Shard final : public Executor {
 public:
  explicit Shard(size_t index) : wake_fd_(OpenEventFd()), wake_(io_, wake_fd_) {
    AwaitWake();
    thread_ = std::thread([this, index] {
      pthread_setname_np(pthread_self(), ("shard-" + std::to_string(index)).c_str());
      current_shard = this;
      io_.run();
    });
  }

  void Post(Work work) override {
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

  void PostAfter(Nanos delay, Work work) override {
    const auto due = DueAfter(delay);
    if (RunsHere()) return AddTimer(due, std::move(work));
    Post([this, due, work = std::move(work)]() mutable { AddTimer(due, std::move(work)); });
  }

  bool RunsHere() const override { return current_shard == this; }

  /// Ends the thread.
  void Join() {
    if (!thread_.joinable()) return;
    TW_CHECK(!RunsHere());
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    io_.stop();
    thread_.join();
  }

  /// After Join: destroys what was left. That may post again, to any shard, so nothing is held meanwhile.
  void DropWork() {
    const std::vector<Work> delayed = timers_.TakeAll();
    const std::vector<Work> running = std::exchange(batch_, {});
    std::vector<Work> queued;
    {
      std::lock_guard lock(mutex_);
      queued.swap(inbox_);
    }
  }

  asio::io_context& io() { return io_; }

 private:
  using Alarm = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                           asio::io_context::executor_type>;

  void AwaitWake() {
    wake_.async_read_some(asio::buffer(&wakes_, sizeof wakes_), [this](std::error_code error, size_t) {
      if (error) return;  // the shard ends
      Drain();
      AwaitWake();
    });
  }

  void Drain() {
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

  void AddTimer(TimerHeap::TimePoint due, Work work) {
    if (timers_.Add(due, std::move(work))) SetAlarm(due);
  }

  void SetAlarm(TimerHeap::TimePoint due) {
    alarm_.expires_at(due);
    alarm_.async_wait([this](std::error_code error) {
      if (!error) RunDue();
    });
  }

  void RunDue() {
    const auto now = std::chrono::steady_clock::now();
    while (Work work = timers_.TakeDue(now)) {
      if (stopping_.load(std::memory_order_relaxed)) return;
      work();
    }
    if (const auto next = timers_.next()) SetAlarm(*next);
  }

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

Shards::Shards() = default;

std::unique_ptr<Shards> Shards::Start(size_t count) {
  TW_CHECK(count >= 1);
  std::unique_ptr<Shards> shards(new Shards);
  for (size_t i = 0; i < count; ++i) shards->shards_.push_back(std::make_unique<Shard>(i));
  return shards;
}

Shards::~Shards() { Stop(); }

void Shards::Stop() {
  for (auto& shard : shards_) shard->Join();
  for (auto& shard : shards_) shard->DropWork();
}

Executor& Shards::at(size_t index) {
  TW_CHECK(index < shards_.size());
  return *shards_[index];
}

asio::io_context& IoContextOf(Executor& shard) {
  auto* found = dynamic_cast<Shard*>(&shard);
  TW_CHECK(found != nullptr);
  return found->io();
}

}  // namespace thalweg::runtime
