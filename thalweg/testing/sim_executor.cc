#include "thalweg/testing/sim_executor.h"

#include <algorithm>
#include <utility>

namespace thalweg::testing {

void SimExecutor::Post(runtime::Work work) {
  if (!stopped_) scheduler_.Enqueue(*this, std::move(work));
}

void SimExecutor::PostAfter(runtime::Nanos delay, runtime::Work work) {
  if (stopped_) return;
  if (delay.count() <= 0) return Post(std::move(work));
  auto& delayed = scheduler_.delayed_;
  delayed.push_back({scheduler_.now_ns_ + delay.count(), scheduler_.delayed_count_++, this, std::move(work)});
  std::push_heap(delayed.begin(), delayed.end());
}

bool SimExecutor::RunsHere() const { return scheduler_.running_ == this; }

void SimExecutor::Stop() {
  stopped_ = true;
  // Destructors of work may post again, which stopped_ turns into nothing; still, no container is walked meanwhile.
  std::vector<runtime::Work> dropped;
  std::move(queue_.begin(), queue_.end(), std::back_inserter(dropped));
  queue_.clear();
  auto& delayed = scheduler_.delayed_;
  for (auto& entry : delayed) {
    if (entry.executor == this) dropped.push_back(std::move(entry.work));
  }
  std::erase_if(delayed, [this](const auto& entry) { return entry.executor == this; });
  std::make_heap(delayed.begin(), delayed.end());
}

SimScheduler::~SimScheduler() {
  for (auto& executor : executors_) executor->Stop();
}

SimExecutor& SimScheduler::Make(std::string name, bool in_order) {
  executors_.push_back(std::unique_ptr<SimExecutor>(new SimExecutor(*this, std::move(name), in_order)));
  return *executors_.back();
}

uint64_t SimScheduler::Draw(uint64_t bound) {
  // splitmix64 (Steele, Lea, Flood 2014): small, and good enough to pick from short lists.
  uint64_t z = (random_state_ += 0x9E3779B97F4A7C15ull);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return (z ^ (z >> 31)) % bound;
}

void SimScheduler::Enqueue(SimExecutor& executor, runtime::Work work) {
  executor.queue_.push_back(std::move(work));
  if (!std::exchange(executor.is_ready_, true)) ready_.push_back(&executor);
}

void SimScheduler::MoveDue() {
  while (!delayed_.empty() && delayed_.front().due_ns <= now_ns_) {
    std::pop_heap(delayed_.begin(), delayed_.end());
    Delayed due = std::move(delayed_.back());
    delayed_.pop_back();
    Enqueue(*due.executor, std::move(due.work));
  }
}

void SimScheduler::RunOne() {
  const size_t pick = Draw(ready_.size());
  SimExecutor& executor = *ready_[pick];
  if (executor.queue_.empty()) {  // stopped since it was listed
    executor.is_ready_ = false;
    ready_.erase(ready_.begin() + static_cast<ptrdiff_t>(pick));
    return;
  }
  const size_t index = executor.in_order_ ? 0 : Draw(executor.queue_.size());
  runtime::Work work = std::move(executor.queue_[index]);
  executor.queue_.erase(executor.queue_.begin() + static_cast<ptrdiff_t>(index));
  if (executor.queue_.empty()) {
    executor.is_ready_ = false;
    ready_.erase(ready_.begin() + static_cast<ptrdiff_t>(pick));
  }
  const SimExecutor* before = std::exchange(running_, &executor);
  work();
  running_ = before;
}

bool SimScheduler::Step() {
  MoveDue();
  if (ready_.empty()) {
    if (delayed_.empty()) return false;
    now_ns_ = delayed_.front().due_ns;
    MoveDue();
  }
  RunOne();
  return true;
}

void SimScheduler::RunReady() {
  MoveDue();
  while (!ready_.empty()) RunOne();
}

void SimScheduler::RunFor(runtime::Nanos span) {
  const int64_t end_ns = now_ns_ + span.count();
  for (;;) {
    RunReady();
    if (delayed_.empty() || delayed_.front().due_ns > end_ns) break;
    now_ns_ = delayed_.front().due_ns;
  }
  now_ns_ = end_ns;
}

bool SimScheduler::RunUntil(const std::function<bool()>& done, runtime::Nanos limit) {
  const int64_t end_ns = now_ns_ + limit.count();
  while (!done()) {
    if (now_ns_ > end_ns || !Step()) return false;
  }
  return true;
}

void SimScheduler::Await(runtime::Task<void> task) {
  bool done = false;
  runtime::Spawn([](runtime::Task<void> inner, bool& flag) -> runtime::Task<void> {
    co_await std::move(inner);
    flag = true;
  }(std::move(task), done));
  TW_CHECK(RunUntil([&] { return done; }));
}

}  // namespace thalweg::testing
