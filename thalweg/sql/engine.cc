#include "thalweg/sql/engine.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/sql/duck_session_internal.h"

namespace thalweg::sql {
namespace {

// DuckDBs that no session has, kept for the next one.
constexpr size_t kIdleInstancesMax = 2;

/// Threads and DuckDBs, which sessions take and give back. Lives as long as the last session.
class Workshop : public std::enable_shared_from_this<Workshop> {
 public:
  Workshop(EngineEnvironment environment, const EngineOptions& options)
      : environment_(std::move(environment)),
        options_(options),
        threads_((options.sessions_max + kIdleInstancesMax) * std::max<size_t>(1, options.threads), options.nice) {}

  arrow::Result<std::unique_ptr<Session>> OpenSession(SessionOptions options) {
    {
      std::lock_guard lock(mutex_);
      if (sessions_ >= options_.sessions_max) {
        return Error(ErrorCode::kStorageBackpressure,
                     "There are {} SQL sessions already: close one, or try again later.", sessions_);
      }
      ++sessions_;
    }
    const uint64_t memory =
        std::min(options.memory_bytes_max.value_or(options_.memory_bytes_max), options_.memory_bytes_max);
    int64_t time_ms = options.time_ms_max.value_or(options_.time_ms_max);
    if (options_.time_ms_max > 0)
      time_ms = time_ms > 0 ? std::min(time_ms, options_.time_ms_max) : options_.time_ms_max;
    const auto self = shared_from_this();
    auto core = std::make_shared<SessionCore>(
        environment_, threads_, std::move(options), options_.threads, time_ms,
        [self, memory] { return self->GiveInstance(memory); },
        [self, memory](std::unique_ptr<Instance> instance) { self->TakeInstance(std::move(instance), memory); });
    // The core may live on in answers, but is closed with its session: that is what counts.
    return std::make_unique<CountedSession>(self, std::make_unique<DuckSession>(std::move(core)));
  }

 private:
  /// Gives its place back at its end.
  class CountedSession final : public Session {
   public:
    CountedSession(std::shared_ptr<Workshop> workshop, std::unique_ptr<Session> session)
        : workshop_(std::move(workshop)), session_(std::move(session)) {}
    ~CountedSession() override {
      session_.reset();
      std::lock_guard lock(workshop_->mutex_);
      --workshop_->sessions_;
    }
    arrow::Result<Answer> Execute(std::string_view text) override { return session_->Execute(text); }
    arrow::Result<std::shared_ptr<Statement>> Prepare(std::string_view text) override {
      return session_->Prepare(text);
    }
    void Cancel() override { session_->Cancel(); }
    std::string database() const override { return session_->database(); }
    arrow::Status UseDatabase(const std::string& name) override { return session_->UseDatabase(name); }

   private:
    const std::shared_ptr<Workshop> workshop_;
    std::unique_ptr<Session> session_;
  };

  arrow::Result<std::unique_ptr<Instance>> GiveInstance(uint64_t memory) {
    {
      std::lock_guard lock(mutex_);
      if (memory == options_.memory_bytes_max && !idle_.empty()) {
        auto instance = std::move(idle_.back());
        idle_.pop_back();
        return instance;
      }
    }
    return Instance::Open(threads_, std::max<size_t>(1, options_.threads), memory);
  }

  void TakeInstance(std::unique_ptr<Instance> instance, uint64_t memory) {
    std::lock_guard lock(mutex_);
    if (memory == options_.memory_bytes_max && idle_.size() < kIdleInstancesMax) idle_.push_back(std::move(instance));
  }

  const EngineEnvironment environment_;
  const EngineOptions options_;
  QueryThreads threads_;

  std::mutex mutex_;
  size_t sessions_ = 0;
  std::vector<std::unique_ptr<Instance>> idle_;
};

class DuckEngine final : public Engine {
 public:
  DuckEngine(EngineEnvironment environment, const EngineOptions& options)
      : workshop_(std::make_shared<Workshop>(std::move(environment), options)) {}

  arrow::Result<std::unique_ptr<Session>> OpenSession(SessionOptions options) override {
    return workshop_->OpenSession(std::move(options));
  }

 private:
  const std::shared_ptr<Workshop> workshop_;
};

}  // namespace

std::unique_ptr<Engine> Engine::Make(EngineEnvironment environment, const EngineOptions& options) {
  return std::make_unique<DuckEngine>(std::move(environment), options);
}

}  // namespace thalweg::sql
