#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "thalweg/flight/call_watch.h"
#include "thalweg/flight/limits.h"
#include "thalweg/query/environment.h"
#include "thalweg/runtime/block_on.h"
#include "thalweg/runtime/executor.h"

namespace thalweg::flight {

struct SqlDoor;

/// A listener of the Fluss protocol, as clients of this door are told of it.
struct FlussListener {
  std::string name;
  std::string address;  ///< HOST:PORT; without a host where that is the one at which the client has reached us
  bool sasl = false;
  bool tls = false;
};

/// What calls work with. Outlives them all.
struct Services {
  const query::Environment& environment;
  std::vector<runtime::Executor*> shards;
  CallWatch& watch;
  runtime::Executor& acknowledgers;  ///< may block for as long as clients do
  Limits limits{};
  std::string version{};
  std::vector<FlussListener> fluss_listeners{};
  SqlDoor* sql = nullptr;  ///< null: no SQL
  std::atomic<size_t> next_shard = 0;

  /// One shard after the other.
  runtime::Executor& NextShard() { return *shards[next_shard.fetch_add(1, std::memory_order_relaxed) % shards.size()]; }

  /// Runs the task that `make` gives, from one shard or another, and waits for it: for the threads of gRPC, which may be blocked.
  template <typename Make>
  auto Wait(Make make) {
    runtime::Executor& home = NextShard();
    return runtime::BlockOn(home, make(home));
  }
};

}  // namespace thalweg::flight
