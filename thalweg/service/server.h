#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "arrow/status.h"
#include "thalweg/net/stream.h"
#include "thalweg/runtime/byte_budget.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/service/endpoint.h"
#include "thalweg/service/services.h"

namespace thalweg::service {

class Session;

/// The connections of one server. OnStream is what a listener is given.
/// Thread safety: OnStream on the stream's shard; Stop from any thread, once, after the listener has stopped.
class Server {
 public:
  Server(Services& services, std::vector<runtime::Executor*> shards, std::function<void(std::string)> report);
  ~Server();

  /// `endpoint` is where the stream came in; it outlives the server.
  void OnStream(std::unique_ptr<net::Stream> stream, const Endpoint& endpoint);

  /// Takes no more requests; `done` is called, on some shard, once every connection is closed or `budget_ms` is over.
  void Stop(int64_t budget_ms, std::function<void()> done);

  int connections() const;

  /// Memory for requests, and for records in answers.
  const runtime::ByteBudget& requests() const { return memory_; }
  runtime::ByteBudget& answers() { return answers_; }

  /// Of sessions only.
  void Forget(Session& session);
  void NoteRefusedLogin(const std::string& peer, const arrow::Status& why);
  void NoteMalformed(const std::string& peer, const arrow::Status& why);

 private:
  /// Sessions of one shard; touched there only.
  struct Shard {
    runtime::Executor* executor = nullptr;
    std::unordered_set<Session*> sessions;
    bool sweeping = false;
  };

  Shard& ShardOf(const runtime::Executor& executor);
  void Sweep(Shard& shard);
  void FinishStop();

  Services& services_;
  const std::function<void(std::string)> report_;
  runtime::ByteBudget memory_;
  runtime::ByteBudget answers_;
  std::vector<Shard> shards_;

  mutable std::mutex mutex_;
  int connections_ = 0;
  bool stopping_ = false;
  std::function<void()> stopped_;
};

}  // namespace thalweg::service
