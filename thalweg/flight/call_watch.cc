#include "thalweg/flight/call_watch.h"

#include <atomic>
#include <utility>
#include <vector>

#include "arrow/flight/server.h"
#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/flight/flight_status.h"

namespace thalweg::flight {

namespace {

constexpr int64_t kNsPerMs = 1'000'000;

}  // namespace

/// Also keeps what is posted for later from touching a watch that is gone.
struct CallWatch::Shared : std::enable_shared_from_this<Shared> {
  Shared(runtime::Executor& on, const runtime::Clock& time, const runtime::ByteBudget& budget, CallWatchOptions how)
      : executor(on), clock(time), memory(budget), options(how) {}

  void Schedule();
  void Look();

  runtime::Executor& executor;
  const runtime::Clock& clock;
  const runtime::ByteBudget& memory;
  const CallWatchOptions options;

  std::mutex mutex;
  std::list<Entry::State*> entries;
  bool scheduled = false;
  bool stopping = false;
  bool gone = false;  ///< what they refer to may be, too
};

struct CallWatch::Entry::State {
  State(std::shared_ptr<Shared> owner, const arrow::flight::ServerCallContext& call, Cancel how)
      : shared(std::move(owner)), context(call), cancel(std::move(how)) {}

  /// Holding the lock.
  void End(arrow::Status reason) {
    if (why.ok()) why = std::move(reason);
    cancel(why);
  }

  const std::shared_ptr<Shared> shared;
  const arrow::flight::ServerCallContext& context;
  const Cancel cancel;
  std::atomic<int64_t> sending_since_ns = 0;  ///< 0: it is not the client who is waited for
  arrow::Status why;
  std::list<State*>::iterator place;
};

void CallWatch::Shared::Schedule() {
  scheduled = true;
  executor.PostAfter(options.interval, [self = shared_from_this()] { self->Look(); });
}

void CallWatch::Shared::Look() {
  std::lock_guard lock(mutex);
  scheduled = false;
  if (gone) return;
  const int64_t now_ns = clock.MonotonicNs();
  const bool pressed = memory.used() > memory.limit() / 4 * 3;
  const int64_t patience_ms = pressed ? options.pressed_send_ms_max : options.send_ms_max;
  for (Entry::State* entry : entries) {
    const int64_t since_ns = entry->sending_since_ns;
    if (!entry->why.ok() || entry->context.is_cancelled()) {
      entry->End(CallCancelled());
    } else if (since_ns != 0 && now_ns - since_ns > patience_ms * kNsPerMs) {
      entry->End(Error(ErrorCode::kRequestTimeOut,
                       "The client has taken nothing of what it asked for in {} s: read it faster, or in parts.",
                       patience_ms / 1000));
    }
  }
  if (!entries.empty()) Schedule();
}

CallWatch::CallWatch(runtime::Executor& executor, const runtime::Clock& clock, const runtime::ByteBudget& memory,
                     CallWatchOptions options)
    : shared_(std::make_shared<Shared>(executor, clock, memory, options)) {}

CallWatch::~CallWatch() {
  std::lock_guard lock(shared_->mutex);
  TW_CHECK(shared_->entries.empty());
  shared_->gone = true;
}

CallWatch::Entry CallWatch::Watch(const arrow::flight::ServerCallContext& context, Cancel cancel) {
  Entry entry;
  entry.state_ = std::make_shared<Entry::State>(shared_, context, std::move(cancel));
  std::lock_guard lock(shared_->mutex);
  entry.state_->place = shared_->entries.insert(shared_->entries.end(), entry.state_.get());
  if (shared_->stopping) entry.state_->End(CallCancelled());
  if (!shared_->scheduled) shared_->Schedule();
  return entry;
}

void CallWatch::Stop() {
  std::lock_guard lock(shared_->mutex);
  shared_->stopping = true;
  for (Entry::State* entry : shared_->entries) entry->End(CallCancelled());
}

bool CallWatch::stopping() const {
  std::lock_guard lock(shared_->mutex);
  return shared_->stopping;
}

CallWatch::Entry& CallWatch::Entry::operator=(Entry&& other) noexcept {
  if (this != &other) {
    End();
    state_ = std::move(other.state_);
  }
  return *this;
}

void CallWatch::Entry::End() {
  if (!state_) return;
  {
    std::lock_guard lock(state_->shared->mutex);
    state_->shared->entries.erase(state_->place);
  }
  state_.reset();
}

void CallWatch::Entry::Sending() {
  if (state_) state_->sending_since_ns = state_->shared->clock.MonotonicNs();
}

void CallWatch::Entry::Sent() {
  if (state_) state_->sending_since_ns = 0;
}

arrow::Status CallWatch::Entry::why() const {
  if (!state_) return arrow::Status::OK();
  std::lock_guard lock(state_->shared->mutex);
  return state_->why;
}

}  // namespace thalweg::flight
