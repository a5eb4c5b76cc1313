#include "thalweg/flight/read_request.h"

#include <algorithm>
#include <string>
#include <utility>

#include "proto/thalweg/flight/v1/flight.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/flight/literal.h"
#include "thalweg/flight/table_definition.h"

namespace thalweg::flight {
namespace {

arrow::Result<query::RowRange> RangeOf(const v1::Range& range) {
  query::RowRange made;
  if (range.has_from_offset()) {
    if (range.from_offset() < 0 || range.from_now()) {
      return Error(ErrorCode::kInvalidScanRequest, "from_offset is at least 0, and does not go with from_now.");
    }
    made.from = LogOffset(range.from_offset());
  }
  if (range.from_now()) made.from = query::kFromLatest;
  if (range.has_to_offset()) made.to = LogOffset(std::max<int64_t>(range.to_offset(), 0));
  if (range.has_from_time_ms()) made.from_ms = range.from_time_ms();
  if (range.has_to_time_ms()) made.to_ms = range.to_time_ms();
  return made;
}

arrow::Result<PartitionId> PartitionOf(const query::Table& table, const std::string& name) {
  if (table.base()->IsPartitioned() == name.empty()) {
    return Error(ErrorCode::kInvalidScanRequest, "{} is {}partitioned: {} a partition.", table.path(),
                 name.empty() ? "" : "not ", name.empty() ? "name" : "do not name");
  }
  if (name.empty()) return kNoPartition;
  const auto* found = table.base()->partitions.Find(name);
  if (found) return (*found)->id;
  return Error(ErrorCode::kPartitionNotExists, "{} has no partition {}.", table.path(), name);
}

arrow::Result<std::vector<query::BucketRange>> BucketsOf(const query::Table& table, const v1::ReadTable& read) {
  std::vector<query::BucketRange> buckets;
  for (const auto& bucket : read.buckets()) {
    if (!bucket.range().from_token().empty() || !bucket.range().to_token().empty()) {
      return Error(ErrorCode::kInvalidScanRequest, "Tokens name buckets themselves: put them into ReadTable.range.");
    }
    auto& made = buckets.emplace_back(query::BucketRange{.bucket = BucketId(bucket.bucket())});
    ARROW_ASSIGN_OR_RAISE(made.partition, PartitionOf(table, bucket.partition()));
    ARROW_ASSIGN_OR_RAISE(made.range, RangeOf(bucket.range()));
  }
  return buckets;
}

/// A range that tokens bound is another one in each bucket.
arrow::Result<std::vector<query::BucketRange>> BucketsOfTokens(const query::Table& table, const v1::Range& range,
                                                               const std::optional<std::vector<PartitionId>>& only) {
  ARROW_ASSIGN_OR_RAISE(const auto base, RangeOf(range));
  if ((base.from && !range.from_token().empty()) || (base.to && !range.to_token().empty())) {
    return Error(ErrorCode::kInvalidScanRequest, "A token takes the place of an offset: give one of the two.");
  }
  ARROW_ASSIGN_OR_RAISE(const auto from, query::Token::Parse(range.from_token()));
  ARROW_ASSIGN_OR_RAISE(const auto to, query::Token::Parse(range.to_token()));
  std::vector<query::BucketRange> buckets;
  for (const auto& bucket : table.buckets()) {
    if (only && std::ranges::find(*only, bucket.partition) == only->end()) continue;
    auto& made = buckets.emplace_back(query::BucketRange{bucket.partition, bucket.bucket, base});
    if (const auto end = from.ends.find(bucket); end != from.ends.end()) made.range.from = end->second;
    if (range.to_token().empty()) continue;
    const auto end = to.ends.find(bucket);
    made.range.to = end == to.ends.end() ? LogOffset(0) : end->second;
  }
  return buckets;
}

arrow::Status AddBuckets(const v1::ReadTable& read, query::ScanRequest* request) {
  if (!read.buckets().empty()) {
    if (!read.partitions().empty() || read.has_range()) {
      return Error(ErrorCode::kInvalidScanRequest,
                   "buckets name partitions and have ranges of their own: put them there.");
    }
    ARROW_ASSIGN_OR_RAISE(request->buckets, BucketsOf(*request->table, read));
    return arrow::Status::OK();
  }
  if (!read.partitions().empty()) {
    request->partitions.emplace();
    for (const auto& name : read.partitions()) {
      ARROW_ASSIGN_OR_RAISE(request->partitions->emplace_back(), PartitionOf(*request->table, name));
    }
  }
  if (read.range().from_token().empty() && read.range().to_token().empty()) {
    ARROW_ASSIGN_OR_RAISE(request->range, RangeOf(read.range()));
    return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(request->buckets, BucketsOfTokens(*request->table, read.range(), request->partitions));
  // A token that bounds the end has nothing of partitions that it does not name.
  request->new_partitions = !request->partitions && read.range().to_token().empty();
  ARROW_ASSIGN_OR_RAISE(request->range, RangeOf(read.range()));
  request->partitions.reset();
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<query::ScanRequest> ScanRequestOf(const Call& call, const v1::ReadTable& read) {
  query::ScanRequest request;
  ARROW_ASSIGN_OR_RAISE(request.table, call.session.FindTable(PathOf(read.table())));
  const auto& path = request.table->base()->path;
  ARROW_RETURN_NOT_OK(
      call.session.Require(security::Operation::kRead, security::Resource::Table(path.database, path.table)));
  ARROW_ASSIGN_OR_RAISE(request.columns, PositionsOf(*request.table, read.has_columns(), read.columns()));
  if (read.has_filter()) {
    ARROW_ASSIGN_OR_RAISE(request.filter, PredicateOf(read.filter(), request.table->schema()));
  }
  if (read.has_limit()) {
    if (read.limit() < 0) return Error(ErrorCode::kInvalidScanRequest, "limit is at least 0.");
    request.limit = read.limit();
  }
  ARROW_RETURN_NOT_OK(AddBuckets(read, &request));
  request.follow = read.follow();
  request.batch_rows_max = call.services.limits.batch_rows_max;
  if (read.has_batch_rows_max()) {
    request.batch_rows_max = std::clamp(read.batch_rows_max(), 1, call.services.limits.batch_rows_max);
  }
  return request;
}

arrow::Result<std::vector<v1::ReadTable>> SplitRead(const Call& call, const query::Table& table,
                                                    const v1::ReadTable& read) {
  const int wanted = std::clamp(read.endpoints_max(), 1, call.services.limits.endpoints_max);
  // New partitions are nobody's bucket yet, and tokens are of all buckets: one stream has them.
  const bool one = wanted == 1 || read.has_limit() || !read.range().from_token().empty() ||
                   !read.range().to_token().empty() || (read.follow() && table.base()->IsPartitioned());
  if (one) return std::vector<v1::ReadTable>{read};
  std::vector<v1::BucketRange> buckets(read.buckets().begin(), read.buckets().end());
  if (buckets.empty()) {
    for (const auto& bucket : table.buckets()) {
      const std::string partition = PartitionNameOf(call, bucket.partition);
      if (!read.partitions().empty() && std::ranges::find(read.partitions(), partition) == read.partitions().end()) {
        continue;
      }
      auto& made = buckets.emplace_back();
      made.set_partition(partition);
      made.set_bucket(bucket.bucket.value);
      if (read.has_range()) *made.mutable_range() = read.range();
    }
  }
  if (buckets.size() < 2) return std::vector<v1::ReadTable>{read};
  std::vector<v1::ReadTable> parts(std::min(buckets.size(), static_cast<size_t>(wanted)), read);
  for (auto& part : parts) {
    part.clear_buckets();
    part.clear_partitions();
    part.clear_range();
  }
  for (size_t i = 0; i < buckets.size(); ++i) *parts[i % parts.size()].add_buckets() = std::move(buckets[i]);
  return parts;
}

std::string PartitionNameOf(const Call& call, PartitionId partition) {
  if (partition == kNoPartition) return "";
  const auto found = call.services.environment.catalog.view()->FindPartition(partition);
  return found ? found->name : "";
}

}  // namespace thalweg::flight
