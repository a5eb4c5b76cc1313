#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "thalweg/runtime/byte_budget.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/security/failed_logins.h"

namespace thalweg::catalog {
class Catalog;
}
namespace thalweg::security {
struct AccessPolicy;
}
namespace thalweg::tablet {
class Engine;
}
namespace thalweg::upkeep {
class AutoPartition;
class DroppedData;
}  // namespace thalweg::upkeep

namespace thalweg::service {

class KvTables;
class RequestMetrics;
class SliceCache;

struct ServiceLimits {
  int64_t frame_bytes_max = 100 << 20;       ///< of one request
  int64_t request_memory_bytes = 256 << 20;  ///< of all requests that are being read or answered
  int64_t answer_memory_bytes = 128 << 20;   ///< of records in answers that are made or not sent yet, files apart
  size_t batch_bytes_max = 100 << 20;        ///< of one record batch
  int32_t scan_bytes_max = 10 << 20;         ///< of rows in one answer of SCAN_KV
  int connections_max = 20'000;
  int calls_per_connection_max = 1'000;                ///< in flight; reading pauses above
  int64_t unsent_bytes_per_connection_max = 64 << 20;  ///< reading pauses above
  int64_t idle_ms_max = 600'000;                       ///< a connection without any traffic is closed
  int64_t login_ms_max = 60'000;                       ///< a connection that has not logged in by then is closed;
  int failed_logins_max = 5;                           ///< so is one after so many log-ins that failed
  int64_t frame_ms_max = 30'000;                       ///< a request must have arrived whole within this
  int64_t fetch_wait_ms_max = 30'000;
  int64_t answer_wait_ms_max = 20'000;  ///< that a read waits for memory for its answer
  int64_t send_ms_max = 60'000;         ///< a client that takes nothing of an answer for so long is closed;
  int64_t pressed_send_ms_max = 4'000;  ///< so, or takes next to nothing, while answers need the memory
};

/// What handlers work with. Outlives all calls.
struct Services {
  catalog::Catalog& catalog;
  tablet::Engine& engine;
  upkeep::AutoPartition& auto_partition;
  upkeep::DroppedData& dropped_data;
  const runtime::Clock& clock;
  runtime::Executor& pool;  ///< may block
  RequestMetrics& metrics;
  SliceCache& slices;
  KvTables& kv_tables;
  ServiceLimits limits;
  /// Who may do what. Null: everybody everything.
  const security::AccessPolicy* policy = nullptr;
  /// The options that the server was started with, for DESCRIBE_CLUSTER_CONFIGS: no passwords, no keys.
  std::map<std::string, std::string> configuration{};
  security::FailedLogins failed_logins{};
};

/// Both roles of the protocol are played by this one server, so its number is the same in both.
inline constexpr int32_t kServerId = 0;

}  // namespace thalweg::service
