#pragma once

#include <functional>
#include <string>

#include "thalweg/base/ids.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"
#include "thalweg/schema/table_config.h"
#include "thalweg/upkeep/dropped_data.h"
#include "thalweg/upkeep/time_zones.h"

namespace thalweg::upkeep {

/// Keeps the partitions of tables with `table.auto-partition.enabled`: creates those of the present and the next time units,
/// drops those that are older than the table keeps. Which is told by the value of one partition key, which is a time
/// (schema/partition_time.h); values are compared as text, so what is not a time may be dropped too, as by Fluss.
///
/// Of tables with one partition key only, partitions are created; with more of them nobody knows the other values.
/// Tables by the day are spread over the day: each looks at a clock that is late by up to 23 hours, always by the same.
///
/// Thread safety: all of it. Work goes on at the `pool`, which may block.
class AutoPartition {
 public:
  struct Environment {
    catalog::Catalog& catalog;
    const runtime::Clock& clock;
    runtime::Executor& pool;
    TimeZones& zones;
    DroppedData& dropped_data;
    std::function<void(std::string)> report;  ///< for a person
  };

  explicit AutoPartition(Environment environment) : environment_(std::move(environment)) {}

  /// One table, without the spread: after it was created, or its options were changed. Does nothing where the table has no
  /// automatic partitions, and reports what failed. Resumes on `home`.
  runtime::Task<> Apply(TableId table, runtime::Executor& home);
  /// All tables. Ends on the pool.
  runtime::Task<> ApplyToAll();

  /// How late the clock of a table by the day is, in minutes.
  static int64_t DelayMinutes(TableId table);

 private:
  runtime::Task<> ApplyTo(catalog::TablePtr table, bool spread);
  runtime::Task<> DropOld(catalog::TablePtr table, schema::TableConfig::AutoPartition config, std::string oldest_kept);

  const Environment environment_;
};

}  // namespace thalweg::upkeep
