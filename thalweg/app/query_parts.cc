#include "thalweg/app/query_parts.h"

#include <optional>

#include "thalweg/service/kv_tables.h"
#include "thalweg/upkeep/auto_partition.h"
#include "thalweg/upkeep/dropped_data.h"

namespace thalweg::app {

QueryParts::QueryParts(const Parts& parts, int64_t memory_bytes, size_t threads)
    : memory_(memory_bytes),
      workers_(threads, "query"),
      environment_{
          .catalog = parts.catalog,
          .engine = parts.engine,
          .clock = parts.clock,
          .workers = workers_,
          .worker_count = threads,
          .memory = memory_,
          .kv_table_of = [&tables = parts.kv_tables](const catalog::Table& table) { return tables.Get(table); },
          .table_changed = [&partitions = parts.auto_partition](
                               TableId table, runtime::Executor& home) { return partitions.Apply(table, home); },
          .dropped =
              [&data = parts.dropped_data](const catalog::Table& table, std::optional<PartitionId> partition,
                                           runtime::Executor& home) {
                if (partition) {
                  data.Remove({table.id, *partition}, upkeep::BucketsOf(table, *partition), home);
                } else {
                  data.Remove({table.id}, upkeep::BucketsOf(table), home);
                }
              },
          .policy = parts.policy} {}

}  // namespace thalweg::app
