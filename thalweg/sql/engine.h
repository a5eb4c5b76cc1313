#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/query/environment.h"
#include "thalweg/security/access_policy.h"
#include "thalweg/sql/session.h"

namespace thalweg::sql {

/// What `thalweg.settings` shows of one option of the server.
struct Setting {
  std::string name{};
  std::string value{};
  std::string description{};
};

/// What the engine works with; all of it outlives it.
struct EngineEnvironment {
  const query::Environment& query;
  /// The server's metrics in Prometheus's text format, for `thalweg.metrics`. Empty: there are none.
  std::function<std::string()> metrics{};
  /// For `thalweg.settings`. Nothing secret. Empty: there are none.
  std::function<std::vector<Setting>()> settings{};
};

/// Bounds of the whole engine.
struct EngineOptions {
  size_t sessions_max = 16;  ///< open at a time; each has a DuckDB of its own once it has run a statement
  uint64_t memory_bytes_max = 512ull << 20;  ///< of one session's queries; nothing is spilled to disk
  int64_t time_ms_max = 300'000;             ///< of one statement, the reading of its rows included; 0: no bound
  size_t threads = 2;                        ///< that one query runs in
  int nice = 10;                             ///< how far they stand back behind those that serve writes, 0 to 19
};

struct SessionOptions {
  /// Whose rights the session has.
  security::Asker asker{};
  std::string database = "fluss";
  /// Narrower than the engine's where set.
  std::optional<uint64_t> memory_bytes_max{};
  std::optional<int64_t> time_ms_max{};
};

/// SQL over the tables of this server: DuckDB, which finds databases as schemas and tables as tables.
///
/// Nothing of DuckDB is started before the first statement of the first session. DuckDB may neither read nor write files, reach the
/// network, nor load extensions.
///
/// Thread safety: all of it. Calls of sessions wait for threads of the engine, which do the work.
class Engine {
 public:
  static std::unique_ptr<Engine> Make(EngineEnvironment environment, const EngineOptions& options);
  /// No session is open, and no statement or answer of one is left.
  virtual ~Engine() = default;

  /// Cheap. STORAGE_BACKPRESSURE where `sessions_max` are open.
  virtual arrow::Result<std::unique_ptr<Session>> OpenSession(SessionOptions options) = 0;
};

}  // namespace thalweg::sql
