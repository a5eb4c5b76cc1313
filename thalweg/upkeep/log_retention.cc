#include "thalweg/upkeep/log_retention.h"

#include <chrono>
#include <unordered_map>

#include "fmt/format.h"

namespace thalweg::upkeep {
namespace {

/// Commits of a table before this time are too old; INT64_MIN where they never are.
int64_t CutoffMs(const catalog::Table& table, int64_t now_ms) {
  const auto config = table.layout->Config();
  // What the catalog holds was checked when it got there. A later server may know options that this one does not: then
  // nothing is removed, since nobody knows what was meant.
  if (!config.ok() || (*config)->log_ttl.count() <= 0 || (*config)->log_ttl.count() > now_ms) return INT64_MIN;
  return now_ms - (*config)->log_ttl.count();
}

}  // namespace

runtime::Task<> DropExpiredRecords(const catalog::Catalog& catalog, tablet::Engine& engine, const runtime::Clock& clock,
                                   runtime::Executor& pool, const std::function<void(std::string)>& report) {
  co_await runtime::SwitchTo(pool);
  const auto view = catalog.view();
  const int64_t now_ms = clock.WallMs();
  std::unordered_map<TableId, int64_t> cutoffs;
  size_t failed = 0;
  arrow::Status why;
  for (const TableBucket& bucket : engine.BucketsWithOldSegments()) {
    const auto known = cutoffs.find(bucket.table);
    int64_t cutoff_ms = INT64_MIN;
    if (known != cutoffs.end()) {
      cutoff_ms = known->second;
    } else if (const auto table = view->FindTable(bucket.table)) {
      cutoff_ms = cutoffs[bucket.table] = CutoffMs(*table, now_ms);
    }
    if (cutoff_ms == INT64_MIN) continue;
    const arrow::Status dropped = co_await engine.DropExpired(bucket, cutoff_ms, pool);
    if (!dropped.ok() && failed++ == 0) why = dropped;
  }
  if (failed == 0) co_return;
  report(fmt::format("Records that are too old stay in {} bucket(s) until they can be removed: {}", failed,
                     why.message()));
}

}  // namespace thalweg::upkeep
