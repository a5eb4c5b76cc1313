#include "thalweg/runtime/signals.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <asio/signal_set.hpp>
#include <atomic>
#include <csignal>
#include <utility>

#include "thalweg/runtime/asio_internal.h"

namespace thalweg::runtime {

void IgnoreBrokenPipes() { std::signal(SIGPIPE, SIG_IGN); }

bool EndWithParent(int parent) {
  // In this order: a parent that ends in between is noticed by one or the other.
  return ::prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && ::getppid() == parent;
}

struct ShutdownSignals::State : std::enable_shared_from_this<State> {
  State(Executor& on, std::function<void(int)> callback)
      : shard(on), signals(IoContextOf(on), SIGTERM, SIGINT), on_signal(std::move(callback)) {}

  void Wait() {
    signals.async_wait([self = shared_from_this()](std::error_code error, int signal) {
      if (error || self->ended) return;
      self->on_signal(signal);
      self->Wait();
    });
  }

  Executor& shard;
  asio::signal_set signals;
  const std::function<void(int)> on_signal;
  std::atomic<bool> ended = false;
};

ShutdownSignals::ShutdownSignals(Executor& shard, std::function<void(int)> on_signal)
    : state_(std::make_shared<State>(shard, std::move(on_signal))) {
  shard.Post([state = state_] { state->Wait(); });
}

ShutdownSignals::~ShutdownSignals() {
  state_->ended = true;
  Executor& shard = state_->shard;
  shard.Post([state = std::move(state_)] { state->signals.cancel(); });
}

}  // namespace thalweg::runtime
