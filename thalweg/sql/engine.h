#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "arrow/result.h"
#include "thalweg/security/principal.h"
#include "thalweg/sql/session.h"

namespace thalweg::sql {

/// Bounds of the whole engine (thalweg.sql.* in docs/options.md).
struct EngineOptions {
  size_t sessions_max = 16;                 ///< open at a time; each has a DuckDB of its own once it has run a statement
  uint64_t memory_bytes_max = 512ull << 20;  ///< of one session's queries, in memory; there is no spilling to disk
  int64_t time_ms_max = 300'000;            ///< of one statement, the reading of its rows included; 0: no bound
  size_t threads = 2;                       ///< that one query runs in, the caller's included
  int nice = 10;                            ///< how far threads of queries stand behind those that serve writes, 0 to 19
};

struct SessionOptions {
  /// Whose rights the session has.
  security::Principal principal = security::kAnonymous;
  std::string database = "fluss";
  /// Narrower than the engine's where set.
  std::optional<uint64_t> memory_bytes_max{};
  std::optional<int64_t> time_ms_max{};
};

/// SQL over the tables of this server: DuckDB, which finds databases as schemas and tables as tables.
///
/// Nothing of DuckDB is loaded or started before the first statement of the first session. DuckDB may neither read nor write files,
/// reach the network, nor load extensions.
///
/// Thread safety: all of it.
class Engine {
 public:
  virtual ~Engine() = default;  ///< no session is open

  /// Cheap. Fails where there are `sessions_max` already.
  virtual arrow::Result<std::unique_ptr<Session>> OpenSession(SessionOptions options) = 0;
};

}  // namespace thalweg::sql
