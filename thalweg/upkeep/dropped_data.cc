#include "thalweg/upkeep/dropped_data.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"

namespace thalweg::upkeep {
namespace {

// A stop waits for no more than so many buckets to be removed.
constexpr size_t kBucketsAtOnce = 64;

}  // namespace

void DroppedData::Remove(catalog::Dropped dropped, std::vector<TableBucket> buckets, runtime::Executor& home) {
  runtime::SpawnOn(home, RemoveNow(dropped, std::move(buckets), home));
}

runtime::Task<> DroppedData::RemoveNow(catalog::Dropped dropped, std::vector<TableBucket> buckets,
                                       runtime::Executor& home) {
  if (!gate_.Enter()) co_return;
  const runtime::Gate::Holder in(gate_);
  const arrow::Status status = co_await TryRemove(dropped, std::move(buckets), home);
  if (status.ok()) co_return;
  report_(
      fmt::format("Files of a dropped table (id {}) stay until the next start: {}", dropped.table, status.message()));
}

runtime::Task<arrow::Status> DroppedData::TryRemove(catalog::Dropped dropped, std::vector<TableBucket> buckets,
                                                    runtime::Executor& home) {
  for (size_t at = 0; at < buckets.size(); at += kBucketsAtOnce) {
    if (gate_.closed()) co_return arrow::Status::OK();
    const auto first = buckets.begin() + static_cast<ptrdiff_t>(at);
    const auto count = static_cast<ptrdiff_t>(std::min(kBucketsAtOnce, buckets.size() - at));
    TW_CO_RETURN_NOT_OK(co_await engine_.Drop(std::vector<TableBucket>(first, first + count), home));
  }
  TW_CO_RETURN_NOT_OK(co_await engine_.RemoveFolders(dropped.table, dropped.partition, home));
  co_return co_await catalog_.ForgetDropped(dropped, home);
}

runtime::Task<> DroppedData::RemoveLeftovers(std::vector<catalog::Dropped> leftovers, runtime::Executor& home) {
  for (const catalog::Dropped& dropped : leftovers) co_await RemoveNow(dropped, {}, home);
}

std::vector<TableBucket> BucketsOf(const catalog::Table& table, PartitionId partition) {
  std::vector<TableBucket> buckets;
  buckets.reserve(static_cast<size_t>(table.bucket_count()));
  for (int32_t i = 0; i < table.bucket_count(); ++i) buckets.push_back({table.id, partition, BucketId(i)});
  return buckets;
}

std::vector<TableBucket> BucketsOf(const catalog::Table& table) {
  if (!table.IsPartitioned()) return BucketsOf(table, kNoPartition);
  std::vector<TableBucket> buckets;
  table.partitions.ForEach([&](const std::string&, const catalog::PartitionPtr& partition) {
    for (const auto& bucket : BucketsOf(table, partition->id)) buckets.push_back(bucket);
  });
  return buckets;
}

}  // namespace thalweg::upkeep
