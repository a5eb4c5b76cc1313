#include "thalweg/io/outside_calls.h"

#include <atomic>
#include <thread>

namespace thalweg::io {
namespace {

std::atomic<int> calls_left_alone{0};

}  // namespace

bool OutsideCalls::Wait(std::move_only_function<void()> call) {
  struct State {
    bool done = false;
    bool left_alone = false;
  };
  const auto state = std::make_shared<State>();
  std::unique_lock lock(shared_->mutex);
  const auto& deadline = shared_->deadline;
  if (deadline && std::chrono::steady_clock::now() >= *deadline) return false;
  std::thread([shared = shared_, state, call = std::move(call)]() mutable {
    call();
    call = nullptr;  // what it held goes here, wherever its owner is
    std::lock_guard done(shared->mutex);
    state->done = true;
    if (state->left_alone) --calls_left_alone;
    shared->changed.notify_all();
  }).detach();
  shared_->changed.wait(lock, [&] { return state->done || deadline; });
  if (!state->done) shared_->changed.wait_until(lock, *deadline, [&] { return state->done; });
  if (state->done) return true;
  state->left_alone = true;
  ++calls_left_alone;
  return false;
}

void OutsideCalls::BeginStop() {
  std::lock_guard lock(shared_->mutex);
  if (!shared_->deadline) shared_->deadline = std::chrono::steady_clock::now() + kGrace;
  shared_->changed.notify_all();
}

int OutsideCalls::left_alone() { return calls_left_alone; }

}  // namespace thalweg::io
