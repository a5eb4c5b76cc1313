#pragma once

#include <cstdint>
#include <memory>

#include "thalweg/query/environment.h"
#include "thalweg/runtime/byte_budget.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/threads.h"

namespace thalweg::catalog {
class Catalog;
}
namespace thalweg::security {
struct AccessPolicy;
}
namespace thalweg::service {
class KvTables;
}
namespace thalweg::tablet {
class Engine;
}
namespace thalweg::upkeep {
class AutoPartition;
class DroppedData;
}  // namespace thalweg::upkeep

namespace thalweg::app {

/// What the doors that speak Arrow and SQL share. Nothing of it runs before the first query.
class QueryParts {
 public:
  struct Parts {
    catalog::Catalog& catalog;
    tablet::Engine& engine;
    upkeep::AutoPartition& auto_partition;
    upkeep::DroppedData& dropped_data;
    service::KvTables& kv_tables;
    const runtime::Clock& clock;
    const security::AccessPolicy* policy = nullptr;
  };
  /// `parts` outlive it. As many threads as there are shards: more would take turns with them.
  QueryParts(const Parts& parts, int64_t memory_bytes, size_t threads);

  const query::Environment& environment() const { return environment_; }
  runtime::ByteBudget& memory() { return memory_; }
  /// After everybody who queries has ended, and before the shards do.
  void Stop() { workers_.Stop(); }

 private:
  runtime::ByteBudget memory_;
  runtime::BlockingPool workers_;
  const query::Environment environment_;
};

}  // namespace thalweg::app
