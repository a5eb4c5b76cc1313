#include "thalweg/runtime/threads.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/runtime/timer_heap_internal.h"

namespace thalweg::runtime {
namespace {
thread_local const BlockingPool* current_pool = nullptr;
constexpr size_t kThreadNameBytesMax = 15;  // the kernel's limit

constexpr int kNiceMax = 19;

/// Puts the calling thread `nice` behind the main one. To Linux a priority is a thread's, and it has that of the thread that
/// started it, which may be one of another pool. Where it must not be raised the work is done all the same.
void StandBack(int nice) {
  const auto self = static_cast<id_t>(gettid());
  const int wanted = std::min(getpriority(PRIO_PROCESS, static_cast<id_t>(getpid())) + nice, kNiceMax);
  if (getpriority(PRIO_PROCESS, self) != wanted) (void)setpriority(PRIO_PROCESS, self, wanted);
}

}  // namespace

BlockingPool::BlockingPool(size_t threads_max, std::string name, int nice)
    : threads_max_(threads_max), name_(std::move(name)), nice_(nice), timers_(std::make_unique<TimerHeap>()) {
  TW_CHECK(threads_max >= 1);
}

BlockingPool::~BlockingPool() { Stop(); }

void BlockingPool::Post(Work work) {
  std::lock_guard lock(mutex_);
  if (stopping_) return;
  queue_.push_back(std::move(work));
  // Under the lock: the work may end the pool as soon as a thread can take it. The one that minds the deadlines comes last:
  // in its place another one has to be woken.
  if (resting_ >= queue_.size()) {
    wake_.notify_one();
  } else if (watched_ && resting_ + 1 == queue_.size()) {
    watch_.notify_one();
  } else if (threads_.size() < threads_max_) {
    Start(threads_.size());
  }
}

void BlockingPool::PostAfter(Nanos delay, Work work) {
  const auto due = DueAfter(delay);
  std::lock_guard lock(mutex_);
  if (stopping_) return;
  const bool earliest = timers_->Add(due, std::move(work));
  if (earliest) KeepWatch();
}

bool BlockingPool::RunsHere() const { return current_pool == this; }

size_t BlockingPool::threads() const {
  std::lock_guard lock(mutex_);
  return threads_.size();
}

void BlockingPool::Start(size_t index) {
  threads_.emplace_back([this, index] { Run(index); });
}

void BlockingPool::Run(size_t index) {
  const std::string name = threads_max_ == 1 ? name_ : name_ + "-" + std::to_string(index);
  pthread_setname_np(pthread_self(), name.substr(0, kThreadNameBytesMax).c_str());
  StandBack(nice_);
  current_pool = this;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto next = timers_->next();
    Work work;
    bool successor = false;  // whoever posted may have counted on this thread
    if (next && (work = timers_->TakeDue(std::chrono::steady_clock::now()))) {
      // A deadline that has come goes before the queue, so that a full queue cannot hold it back.
      successor = queue_.size() > resting_;
    } else if (!queue_.empty()) {
      work = std::move(queue_.front());
      queue_.pop_front();
    } else if (next && !watched_) {
      watched_ = true;
      watch_.wait_until(lock, *next);
      watched_ = false;
      continue;
    } else {
      ++resting_;
      wake_.wait(lock);
      --resting_;
      continue;
    }
    if (!watched_ && (timers_->next() || successor)) KeepWatch();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

void BlockingPool::KeepWatch() {
  if (watched_) {
    watch_.notify_one();  // it waits for a later deadline
  } else if (resting_ > 0) {
    wake_.notify_one();
  } else if (threads_.size() < threads_max_) {
    Start(threads_.size());
  }
}

void BlockingPool::Stop() {
  TW_CHECK(!RunsHere());
  std::vector<std::thread> threads;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  wake_.notify_all();
  watch_.notify_all();
  for (std::thread& thread : threads) thread.join();
  // Destroying work may post again, so not under the lock.
  std::deque<Work> queued;
  std::vector<Work> delayed;
  {
    std::lock_guard lock(mutex_);
    queued.swap(queue_);
    delayed = timers_->TakeAll();
  }
}

}  // namespace thalweg::runtime
