#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/query/key_sets_internal.h"
#include "thalweg/query/keyed_scan_internal.h"
#include "thalweg/query/log_scan_internal.h"
#include "thalweg/query/scan_outline.h"
#include "thalweg/query/state_scan_internal.h"
#include "thalweg/runtime/countdown.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::query {
namespace {

constexpr int64_t kNanosPerMilli = 1'000'000;
// A filter that names no more keys than this is a lookup.
constexpr size_t kLookupKeysMax = 1'000;

arrow::Status CheckRequest(const ScanRequest& request) {
  if (!request.table) return Error(ErrorCode::kInvalidScanRequest, "The scan is of no table.");
  if (request.limit && *request.limit < 0) {
    return Error(ErrorCode::kInvalidScanRequest, "The limit is {}: it must not be negative.", *request.limit);
  }
  if (request.buckets && request.partitions) {
    return Error(ErrorCode::kInvalidScanRequest, "Name the buckets or the partitions that are to be read, not both.");
  }
  const auto is_set = [](const RowRange& range) { return range.from || range.to || range.from_ms || range.to_ms; };
  bool ranges = is_set(request.range);
  std::set<std::pair<PartitionId, BucketId>> named;
  for (const auto& bucket : request.buckets.value_or(std::vector<BucketRange>())) {
    ranges = ranges || is_set(bucket.range);
    if (!named.emplace(bucket.partition, bucket.bucket).second) {
      return Error(ErrorCode::kInvalidScanRequest, "Bucket {} is named twice.", bucket.bucket);
    }
  }
  if (request.table->kind() == TableKind::kPrimaryKey && (ranges || request.follow)) {
    return Error(ErrorCode::kInvalidScanRequest,
                 "The rows of {} are those of now: for what they were, or become, read {}{}.", request.table->path(),
                 request.table->path(), kChangelogSuffix);
  }
  return arrow::Status::OK();
}

/// The keys that are looked up; nothing where buckets are read.
std::optional<std::vector<std::vector<format::Datum>>> KeysOf(const ScanRequest& request) {
  const Table& table = *request.table;
  if (table.kind() != TableKind::kPrimaryKey || !request.filter || request.buckets || request.partitions) return {};
  return KeySets(table, &*request.filter).Combinations(table.schema().PrimaryKeyIndexes(), kLookupKeysMax);
}

/// The buckets to read, and what of each. `known`: the partitions among which they were chosen.
arrow::Result<std::vector<std::pair<TableBucket, RowRange>>> ChooseBuckets(const Environment& environment,
                                                                           const ScanRequest& request, uint64_t* pruned,
                                                                           std::vector<PartitionId>* known) {
  const auto view = environment.catalog.view();
  const TableId id = request.table->id();
  const auto table = view->FindTable(id);
  if (!table) return Error(ErrorCode::kUnknownTableOrBucket, "{} was dropped.", request.table->path());
  const KeySets keys(*request.table, request.filter ? &*request.filter : nullptr);
  ARROW_ASSIGN_OR_RAISE(const auto numbers, keys.Buckets());
  std::vector<std::pair<TableBucket, RowRange>> chosen;
  const auto add = [&](const TableBucket& bucket, const RowRange& range, bool may_match) {
    const bool in = may_match && (!numbers || std::ranges::find(*numbers, bucket.bucket) != numbers->end());
    if (in) chosen.emplace_back(bucket, range);
    *pruned += in ? 0 : 1;
  };
  const auto add_all = [&](const catalog::PartitionPtr& partition) {
    const bool may_match = !partition || keys.MayMatch(*partition);
    for (int32_t i = 0; i < table->bucket_count(); ++i) {
      add({id, partition ? partition->id : kNoPartition, BucketId(i)}, request.range, may_match);
    }
  };
  if (request.buckets) {
    for (const auto& named : *request.buckets) {
      const TableBucket bucket{id, named.partition, named.bucket};
      ARROW_RETURN_NOT_OK(view->CheckBucket(bucket));
      const auto partition = view->FindPartition(named.partition);
      known->push_back(named.partition);
      add(bucket, named.range, !partition || keys.MayMatch(*partition));
    }
  } else if (request.partitions) {
    for (const PartitionId named : *request.partitions) {
      ARROW_RETURN_NOT_OK(view->CheckBucket({id, named, BucketId(0)}));
      add_all(view->FindPartition(named));
    }
  } else if (!table->IsPartitioned()) {
    add_all(nullptr);
  } else {
    std::vector<catalog::PartitionPtr> partitions;
    table->partitions.ForEach(
        [&](const std::string&, const catalog::PartitionPtr& partition) { partitions.push_back(partition); });
    std::ranges::sort(partitions, {}, [](const auto& each) -> const std::string& { return each->name; });
    for (const auto& partition : partitions) {
      known->push_back(partition->id);
      add_all(partition);
    }
  }
  return chosen;
}

/// Where the reading of one bucket begins and ends.
runtime::Task<arrow::Status> Place(const Environment& environment, bool follow, RowRange range, LogPart& part,
                                   runtime::Executor& home) {
  TW_CO_ASSIGN_OR_RETURN(const auto bounds, co_await environment.engine.BoundsOf(part.bucket, home));
  const LogOffset from = range.from.value_or(kFromEarliest);
  part.next = std::max(from == kFromLatest ? bounds.high_watermark : from, bounds.start);
  if (!follow && part.next > bounds.high_watermark) part.next = bounds.high_watermark;
  if (follow && part.next > bounds.high_watermark) {
    co_return Error(ErrorCode::kLogOffsetOutOfRange, "{} has come to offset {}, and is asked for {}.", part.bucket,
                    bounds.high_watermark, part.next);
  }
  part.end = follow ? range.to.value_or(LogOffset(INT64_MAX))
                    : std::min(range.to.value_or(bounds.high_watermark), bounds.high_watermark);
  part.from_ms = range.from_ms.value_or(INT64_MIN);
  part.to_ms = range.to_ms.value_or(INT64_MAX);
  if (range.from_ms) {
    TW_CO_ASSIGN_OR_RETURN(const LogOffset begin,
                           co_await environment.engine.OffsetForTimestamp(part.bucket, *range.from_ms, home));
    part.next = std::max(part.next, std::min(begin, bounds.high_watermark));
  }
  co_return arrow::Status::OK();
}

}  // namespace

arrow::Result<ScanOutline> Outline(const Environment& environment, const ScanRequest& request) {
  ARROW_RETURN_NOT_OK(CheckRequest(request));
  ScanOutline outline;
  if (const auto keys = KeysOf(request)) {
    outline.keys = keys->size();
    return outline;
  }
  uint64_t pruned = 0;
  std::vector<PartitionId> known;
  ARROW_ASSIGN_OR_RAISE(const auto chosen, ChooseBuckets(environment, request, &pruned, &known));
  outline.buckets = chosen.size();
  outline.buckets_left_out = pruned;
  return outline;
}

runtime::Task<arrow::Result<std::shared_ptr<Scan>>> Scan::Open(Session session, ScanRequest request,
                                                               runtime::Executor& home) {
  TW_CO_RETURN_NOT_OK(CheckRequest(request));
  const Environment& environment = session.environment();
  const auto& path = request.table->base()->path;
  TW_CO_RETURN_NOT_OK(
      session.Require(security::Operation::kRead, security::Resource::Table(path.database, path.table)));
  TW_CO_ASSIGN_OR_RETURN(auto shape, ScanShape::Make(request));
  if (!request.at_least.empty()) {
    int64_t wait_ms = request.at_least_wait_ms;
    if (request.deadline_ns) {
      wait_ms = std::min(wait_ms, (*request.deadline_ns - environment.clock.MonotonicNs()) / kNanosPerMilli);
    }
    TW_CO_RETURN_NOT_OK(co_await WaitFor(environment, request.at_least, wait_ms, home));
  }
  if (auto keys = KeysOf(request)) {
    co_return std::shared_ptr<Scan>(
        std::make_shared<KeyedScan>(std::move(session), std::move(request), std::move(shape), std::move(*keys)));
  }
  uint64_t pruned = 0;
  std::vector<PartitionId> known;
  TW_CO_ASSIGN_OR_RETURN(const auto chosen, ChooseBuckets(environment, request, &pruned, &known));
  std::shared_ptr<ScanCore> scan;
  if (request.table->kind() == TableKind::kPrimaryKey) {
    std::vector<TableBucket> buckets;
    buckets.reserve(chosen.size());
    for (const auto& [bucket, range] : chosen) buckets.push_back(bucket);
    scan = std::make_shared<StateScan>(std::move(session), std::move(request), std::move(shape), std::move(buckets));
  } else {
    std::vector<LogPart> parts(chosen.size());
    std::vector<runtime::Task<arrow::Status>> places;
    for (size_t i = 0; i < parts.size(); ++i) {
      parts[i].bucket = chosen[i].first;
      places.push_back(Place(environment, request.follow, chosen[i].second, parts[i], home));
    }
    const arrow::Status placed = co_await runtime::WhenAll(home, std::move(places));
    co_await runtime::EnsureOn(home);
    TW_CO_RETURN_NOT_OK(placed);
    scan = std::make_shared<LogScan>(std::move(session), std::move(request), std::move(shape), std::move(parts),
                                     std::move(known));
  }
  scan->counters().buckets_pruned = pruned;
  co_return std::shared_ptr<Scan>(std::move(scan));
}

}  // namespace thalweg::query
