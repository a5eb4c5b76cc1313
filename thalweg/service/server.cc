#include "thalweg/service/server.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/check.h"
#include "thalweg/service/session.h"

namespace thalweg::service {
namespace {

constexpr auto kSweepEvery = std::chrono::seconds(2);

}  // namespace

Server::Server(Services& services, std::vector<runtime::Executor*> shards, std::function<void(std::string)> report)
    : services_(services),
      report_(std::move(report)),
      memory_(services.limits.request_memory_bytes),
      answers_(services.limits.answer_memory_bytes) {
  for (auto* executor : shards) shards_.push_back({.executor = executor});
}

Server::~Server() = default;

Server::Shard& Server::ShardOf(const runtime::Executor& executor) {
  const auto shard = std::ranges::find_if(shards_, [&](const Shard& s) { return s.executor == &executor; });
  TW_CHECK(shard != shards_.end());
  return *shard;
}

void Server::OnStream(std::unique_ptr<net::Stream> stream, const Endpoint& endpoint) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || connections_ >= services_.limits.connections_max) {
      stream->Close();
      return;
    }
    ++connections_;
  }
  Shard& shard = ShardOf(stream->executor());
  auto session = std::make_shared<Session>(*this, services_, memory_, endpoint, std::move(stream));
  shard.sessions.insert(session.get());
  session->Start();
  if (!std::exchange(shard.sweeping, true)) {
    shard.executor->PostAfter(kSweepEvery, [this, &shard] { Sweep(shard); });
  }
}

void Server::Sweep(Shard& shard) {
  const int64_t now_ns = services_.clock.MonotonicNs();
  const bool pressed = answers_.used() > answers_.limit() / 2;
  // Closing a session may end it, and take it out of the set.
  const std::vector<Session*> sessions(shard.sessions.begin(), shard.sessions.end());
  for (Session* session : sessions) {
    if (shard.sessions.contains(session)) session->CheckTimeouts(now_ns, pressed);
  }
  shard.sweeping = !shard.sessions.empty();
  if (shard.sweeping) {
    shard.executor->PostAfter(kSweepEvery, [this, &shard] { Sweep(shard); });
  }
}

void Server::Forget(Session& session) {
  ShardOf(session.executor()).sessions.erase(&session);
  bool last = false;
  {
    std::lock_guard lock(mutex_);
    last = --connections_ == 0 && stopping_;
  }
  if (last) FinishStop();
}

void Server::NoteRefusedLogin(const std::string& peer, const arrow::Status& why) {
  report_(fmt::format("Refused to log in {}: {}", peer, why.message()));
}

void Server::NoteMalformed(const std::string& peer, const arrow::Status& why) {
  report_(fmt::format("Closed the connection of {}: {}", peer, why.message()));
}

void Server::Stop(int64_t budget_ms, std::function<void()> done) {
  bool none = false;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    stopped_ = std::move(done);
    none = connections_ == 0;
  }
  if (none) {
    FinishStop();
    return;
  }
  for (auto& shard : shards_) {
    shard.executor->Post([&shard] {
      const std::vector<Session*> sessions(shard.sessions.begin(), shard.sessions.end());
      for (Session* session : sessions) {
        if (shard.sessions.contains(session)) session->Drain();
      }
    });
  }
  shards_.front().executor->PostAfter(std::chrono::milliseconds(budget_ms), [this] { FinishStop(); });
}

void Server::FinishStop() {
  std::function<void()> done;
  {
    std::lock_guard lock(mutex_);
    done = std::exchange(stopped_, nullptr);
  }
  if (done) done();
}

int Server::connections() const {
  std::lock_guard lock(mutex_);
  return connections_;
}

}  // namespace thalweg::service
