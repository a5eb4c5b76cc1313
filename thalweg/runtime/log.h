#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "arrow/result.h"
#include "fmt/format.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/executor.h"

namespace thalweg::runtime {

/// What the server says to its operator, one line each on stderr with time (UTC) and level. Never put a secret, a row or
/// a key into it. Control characters are escaped and lines cut at kLogLineBytesMax, so that no client can forge or
/// flood lines. Thread safety: all of it, at any time.
enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };

inline constexpr size_t kLogLineBytesMax = 4096;

/// "debug", "info", "warn" or "error". Error: kInvalidConfig.
arrow::Result<LogLevel> ParseLogLevel(std::string_view name);

/// Lines below `level` are not written; at first kInfo.
void SetLogLevel(LogLevel level);
bool LogEnabled(LogLevel level);

/// Lines go to `sink` instead of stderr, one call at a time; an empty one brings stderr back. For tests.
void SetLogSink(std::function<void(LogLevel, std::string_view)> sink);

void WriteLog(LogLevel level, std::string_view message);

template <typename... Args>
void Log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (LogEnabled(level)) WriteLog(level, fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
void LogDebug(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kDebug, format, std::forward<Args>(args)...);
}
/// Something an operator wants to know once: started, stopped, recovered.
template <typename... Args>
void LogInfo(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kInfo, format, std::forward<Args>(args)...);
}
/// Something is wrong but the server helps itself.
template <typename... Args>
void LogWarn(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kWarn, format, std::forward<Args>(args)...);
}
/// Somebody has to do something; the line says what.
template <typename... Args>
void LogError(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kError, format, std::forward<Args>(args)...);
}

/// Lets one event through per interval and counts the others: for what may happen thousands of times a second.
///   static LogLimit limit(std::chrono::seconds(10));
///   LogEvery(limit, LogLevel::kWarn, "Cannot accept a connection: {}", why);
class LogLimit {
 public:
  explicit LogLimit(Nanos interval, const Clock& clock = SystemClock()) : interval_(interval), clock_(clock) {}

  /// Where the event may pass: how many have not since the last one that did.
  std::optional<uint64_t> Pass();

 private:
  const Nanos interval_;
  const Clock& clock_;
  std::atomic<int64_t> next_ns_ = INT64_MIN;
  std::atomic<uint64_t> held_back_ = 0;
};

template <typename... Args>
void LogEvery(LogLimit& limit, LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (!LogEnabled(level)) return;
  const auto held_back = limit.Pass();
  if (!held_back) return;
  std::string message = fmt::format(format, std::forward<Args>(args)...);
  if (*held_back > 0) message += fmt::format(" ({} more like this since the last such line)", *held_back);
  WriteLog(level, message);
}

}  // namespace thalweg::runtime
