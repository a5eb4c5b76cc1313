#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace thalweg::io {

/// Calls into a library that may not come back for many seconds, and knows no way to be called off: each runs on a thread of its
/// own, so that whoever waits for it can leave once the server is to stop. What a call uses is its own: it may outlive everybody.
///
/// Thread safety: all calls.
class OutsideCalls {
 public:
  /// So much time do all calls have together from BeginStop on, those included that begin then.
  static constexpr std::chrono::milliseconds kGrace{500};

  /// Waits for what `fn` returns. None where there is nothing to wait for any more: the call is left alone, or not begun.
  template <typename Fn>
  auto Run(Fn fn) -> std::optional<decltype(fn())> {
    using Result = decltype(fn());
    const auto result = std::make_shared<std::optional<Result>>();
    const bool came = Wait([result, fn = std::move(fn)]() mutable { result->emplace(fn()); });
    return came ? std::move(*result) : std::nullopt;
  }

  /// Does not wait.
  void BeginStop();

  /// How many calls are under way in the whole process that nobody waits for.
  static int left_alone();

 private:
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<std::chrono::steady_clock::time_point> deadline;  ///< of all calls, once they are to stop
  };

  /// Runs `call` on a thread. False where it was not waited for, or not even begun.
  bool Wait(std::move_only_function<void()> call);

  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace thalweg::io
