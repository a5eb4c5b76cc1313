#include "thalweg/runtime/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>
#include <mutex>

#include "thalweg/base/error.h"

namespace thalweg::runtime {
namespace {

std::atomic<LogLevel> least_level = LogLevel::kInfo;

struct Sink {
  std::mutex mutex;
  std::function<void(LogLevel, std::string_view)> function;
  std::atomic<bool> replaced = false;
};

// Never destroyed: a thread may still log while the process ends.
Sink& TheSink() {
  static auto* sink = new Sink;
  return *sink;
}

spdlog::logger& StderrLogger() {
  static auto* logger = [] {
    auto* made = new spdlog::logger("thalweg", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_formatter(
        std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %L %v", spdlog::pattern_time_type::utc));
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

std::string OneLine(std::string_view message) {
  constexpr std::string_view kCut = " …";
  std::string line;
  line.reserve(message.size());
  for (const char c : message) {
    if (line.size() >= kLogLineBytesMax) {
      line.resize(kLogLineBytesMax);
      line += kCut;
      break;
    }
    if (IsControl(c)) {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      line += c;
    }
  }
  return line;
}

}  // namespace

arrow::Result<LogLevel> ParseLogLevel(std::string_view name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  if (name == "warn") return LogLevel::kWarn;
  if (name == "error") return LogLevel::kError;
  return Error(ErrorCode::kInvalidConfig, "'{}' is not a log level. Use debug, info, warn or error.", name);
}

void SetLogLevel(LogLevel level) { least_level.store(level, std::memory_order_relaxed); }

bool LogEnabled(LogLevel level) { return level >= least_level.load(std::memory_order_relaxed); }

void SetLogSink(std::function<void(LogLevel, std::string_view)> function) {
  Sink& sink = TheSink();
  std::lock_guard lock(sink.mutex);
  sink.function = std::move(function);
  sink.replaced = static_cast<bool>(sink.function);
}

void WriteLog(LogLevel level, std::string_view message) {
  if (!LogEnabled(level)) return;
  const std::string line = OneLine(message);
  Sink& sink = TheSink();
  if (sink.replaced.load(std::memory_order_acquire)) {
    std::lock_guard lock(sink.mutex);
    if (sink.function) return sink.function(level, line);
  }
  StderrLogger().log(ToSpdlog(level), spdlog::string_view_t(line));
}

std::optional<uint64_t> LogLimit::Pass() {
  const int64_t now = clock_.MonotonicNs();
  int64_t next = next_ns_.load(std::memory_order_relaxed);
  if (now < next || !next_ns_.compare_exchange_strong(next, now + interval_.count(), std::memory_order_relaxed)) {
    held_back_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  return held_back_.exchange(0, std::memory_order_relaxed);
}

}  // namespace thalweg::runtime
