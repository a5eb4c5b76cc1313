#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "arrow/result.h"
#include "thalweg/base/ids.h"
#include "thalweg/catalog/table.h"
#include "thalweg/runtime/byte_budget.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"

namespace thalweg::catalog {
class Catalog;
}
namespace thalweg::security {
struct AccessPolicy;
}
namespace thalweg::tablet {
class Engine;
class KvTable;
}  // namespace thalweg::tablet

namespace thalweg::query {

/// What queries and writes work with. All of it outlives them.
struct Environment {
  catalog::Catalog& catalog;
  tablet::Engine& engine;
  const runtime::Clock& clock;
  /// Where batches are decoded, filtered and encoded, and files are read: may block, and should not be the pool that writes of
  /// the engine need. As many threads as queries may use cores.
  runtime::Executor& workers;
  size_t worker_count = 1;
  /// Memory of all batches that are decoded and not taken yet (read-ahead), and of what is being written.
  runtime::ByteBudget& memory;
  /// What buckets know of a table with a primary key (service::KvTables::Get). INVALID_CONFIG, INVALID_TABLE.
  std::function<arrow::Result<std::shared_ptr<const tablet::KvTable>>(const catalog::Table&)> kv_table_of;
  /// Called after a table was created or altered: its automatic partitions. Resumes on the executor given. May be empty.
  std::function<runtime::Task<>(TableId, runtime::Executor&)> table_changed{};
  /// Called after a table (no partition given) or one of its partitions was dropped: removes what it held, without waiting.
  /// May be empty.
  std::function<void(const catalog::Table&, std::optional<PartitionId>, runtime::Executor&)> dropped{};
  /// Who may do what. Null: everybody everything.
  const security::AccessPolicy* policy = nullptr;
};

}  // namespace thalweg::query
