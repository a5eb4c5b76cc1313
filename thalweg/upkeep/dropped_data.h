#pragma once

#include <functional>
#include <string>
#include <vector>

#include "thalweg/base/ids.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/catalog/table.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/gate.h"
#include "thalweg/runtime/task.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::upkeep {

/// Frees what dropped tables and partitions held. The catalog knows of each until that is done, so that a crash in between
/// leaves nothing behind: the next start goes on with it.
///
/// Thread safety: all of it; Stop once.
class DroppedData {
 public:
  /// `report` is for a person.
  DroppedData(catalog::Catalog& catalog, tablet::Engine& engine, std::function<void(std::string)> report)
      : catalog_(catalog), engine_(engine), report_(std::move(report)) {}

  /// In the background, on `home`: closes all the buckets that a table or partition had, and removes its files. After Stop
  /// nothing is begun, nor before.
  void Remove(catalog::Dropped dropped, std::vector<TableBucket> buckets, runtime::Executor& home);
  /// The same while the caller waits.
  runtime::Task<> RemoveNow(catalog::Dropped dropped, std::vector<TableBucket> buckets, runtime::Executor& home);
  /// What a life of the server before could not finish; their buckets are in no use.
  runtime::Task<> RemoveLeftovers(std::vector<catalog::Dropped> leftovers, runtime::Executor& home);

  /// Waits for the step that is under way; the rest is for the next start. Resumes on `home`.
  runtime::Task<> Stop(runtime::Executor& home) { co_await gate_.Close(home); }

 private:
  runtime::Task<arrow::Status> TryRemove(catalog::Dropped dropped, std::vector<TableBucket> buckets,
                                         runtime::Executor& home);

  catalog::Catalog& catalog_;
  tablet::Engine& engine_;
  const std::function<void(std::string)> report_;
  runtime::Gate gate_;
};

/// All buckets that a table, or one of its partitions, has.
std::vector<TableBucket> BucketsOf(const catalog::Table& table);
std::vector<TableBucket> BucketsOf(const catalog::Table& table, PartitionId partition);

}  // namespace thalweg::upkeep
