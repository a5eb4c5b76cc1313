#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "arrow/status.h"
#include "thalweg/runtime/byte_budget.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/executor.h"

namespace arrow::flight {
class ServerCallContext;
}

namespace thalweg::flight {

struct CallWatchOptions {
  runtime::Nanos interval = std::chrono::milliseconds(100);
  int64_t send_ms_max = 60'000;         ///< a client that does not take what it asked for, for so long, is given up;
  int64_t pressed_send_ms_max = 4'000;  ///< so, where others need the memory
};

/// Looks after calls that a thread waits in, which cannot see for itself that its client is gone: every `interval` while there are
/// any. Nothing tells us sooner: gRPC's own means are not within reach of those who use libarrow_flight.
/// Thread safety: all of it.
class CallWatch {
 public:
  using Cancel = std::function<void(arrow::Status why)>;

  /// `memory` is what readers share. All of it outlives the watch.
  CallWatch(runtime::Executor& executor, const runtime::Clock& clock, const runtime::ByteBudget& memory,
            CallWatchOptions options = {});
  /// Every call has ended.
  ~CallWatch();

  /// One call, as long as it lasts.
  class Entry {
   public:
    Entry() = default;
    Entry(Entry&& other) noexcept = default;
    Entry& operator=(Entry&& other) noexcept;
    /// `cancel` is not called from here on; waits for the one that is under way.
    ~Entry() { End(); }

    /// From now on it is the client who has to take something, …
    void Sending();
    /// … which it has.
    void Sent();
    /// Why it was cancelled; OK where it was not.
    arrow::Status why() const;

   private:
    friend class CallWatch;
    struct State;
    void End();
    std::shared_ptr<State> state_;
  };
  /// `cancel` is called, on whatever thread, when the client is gone, does not take what it is sent, or the server stops; again
  /// every `interval` while the entry lasts, as what it is to end may only just begin, and with the first reason. It must not
  /// wait, nor end the entry. `context` outlives the entry.
  Entry Watch(const arrow::flight::ServerCallContext& context, Cancel cancel);

  /// Cancels all calls, and those that come.
  void Stop();
  bool stopping() const;

 private:
  struct Shared;
  const std::shared_ptr<Shared> shared_;
};

}  // namespace thalweg::flight
