#include "thalweg/tablet/state_flusher.h"

#include <algorithm>
#include <chrono>

#include "fmt/format.h"

namespace thalweg::tablet {

void StateFlusher::NoteDirty(const std::shared_ptr<FlushedState>& state) {
  const bool over = budget_.IsOver();
  const bool known = state->queued.exchange(true);
  if (known && !over) return;
  std::lock_guard lock(mutex_);
  if (stopping_) return;
  if (!known) due_.push_back({state, clock_.MonotonicNs() + options_.delay_ns});
  ScheduleLocked(over ? 0 : options_.delay_ns);
}

void StateFlusher::ScheduleLocked(int64_t delay_ns) {
  const int64_t now_ns = clock_.MonotonicNs();
  const int64_t due_ns = std::max(now_ns + delay_ns, not_before_ns_);
  if (stopping_ || running_ || due_ns >= scheduled_ns_) return;
  scheduled_ns_ = due_ns;
  auto tick = [this, entrance = entrance_, due_ns] {
    if (!entrance->Enter()) return;
    Tick(due_ns);
    entrance->Leave();
  };
  if (due_ns <= now_ns) {
    pool_.Post(std::move(tick));
  } else {
    pool_.PostAfter(std::chrono::nanoseconds(due_ns - now_ns), std::move(tick));
  }
}

std::shared_ptr<FlushedState> StateFlusher::Take() {
  std::lock_guard lock(mutex_);
  const int64_t now_ns = clock_.MonotonicNs();
  if (stopping_ || due_.empty() || now_ns < not_before_ns_) return nullptr;
  auto chosen = due_.begin();
  if (budget_.IsOver()) {
    const auto victims = budget_.Victims();
    const auto is_victim = [&](const Due& due) {
      return std::ranges::find(victims, due.state->bucket) != victims.end();
    };
    if (const auto found = std::ranges::find_if(due_, is_victim); found != due_.end()) chosen = found;
  } else {
    chosen = std::ranges::min_element(due_, {}, &Due::at_ns);
    if (chosen->at_ns > now_ns) return nullptr;
  }
  auto state = std::move(chosen->state);
  due_.erase(chosen);
  return state;
}

bool StateFlusher::FlushOne(const std::shared_ptr<FlushedState>& state) {
  // First: what is published from here on asks for another turn.
  state->queued = false;
  if (!state->store->state_use().Enter()) return true;  // its table is gone
  const auto written = state->state->Flush();
  state->store->state_use().Leave();
  if (written.ok()) {
    state->store->NoteStateStored(state->state->overlay().stored());
    return true;
  }
  ++failures_;
  report_(
      fmt::format("Writing the rows of {} to its state failed and will be tried again; they stay in memory and in the "
                  "changelog: {}",
                  state->bucket, written.status().message()));
  return false;
}

void StateFlusher::Tick(int64_t due_ns) {
  {
    std::lock_guard lock(mutex_);
    if (due_ns != scheduled_ns_) return;  // an earlier one took its place
    scheduled_ns_ = INT64_MAX;
    if (std::exchange(running_, true)) return;
  }
  while (const auto state = Take()) {
    if (FlushOne(state)) continue;
    std::lock_guard lock(mutex_);
    const int64_t now_ns = clock_.MonotonicNs();
    not_before_ns_ = now_ns + options_.retry_ns;
    if (!state->queued.exchange(true)) due_.push_back({state, now_ns});
  }
  std::lock_guard lock(mutex_);
  running_ = false;
  if (due_.empty()) return;
  const auto next = std::ranges::min_element(due_, {}, &Due::at_ns);
  ScheduleLocked(budget_.IsOver() ? 0 : next->at_ns - clock_.MonotonicNs());
}

void StateFlusher::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  entrance_->Close();
}

void StateFlusher::Drain(int64_t deadline_ns) {
  for (const auto& due : due_) {
    if (clock_.MonotonicNs() > deadline_ns) break;
    FlushOne(due.state);
  }
  due_.clear();
}

}  // namespace thalweg::tablet
