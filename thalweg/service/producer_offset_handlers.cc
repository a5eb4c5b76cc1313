#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "proto/fluss_admin.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/schema/table_path.h"
#include "thalweg/security/access_policy.h"
#include "thalweg/service/access.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/services.h"

// Where a producer's buckets ended when it began: kept for its next life, which undoes what the last one wrote since.

namespace thalweg::service {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kTtlMsDefault = kDayMs;
constexpr int64_t kTtlMsMax = 365 * kDayMs;

constexpr int32_t kCreated = 0;
constexpr int32_t kAlreadyExists = 1;

arrow::Status CheckProducer(const std::string& id) {
  const std::string problem = schema::NameProblem(id);
  if (problem.empty()) return arrow::Status::OK();
  return Error(ErrorCode::kInvalidProducerId, "The producer id '{}' is invalid: {}.", id, problem);
}

/// The last one counts where a bucket is named twice.
arrow::Result<std::map<TableBucket, LogOffset>> OffsetsIn(const pb::RegisterProducerOffsetsRequest& request) {
  std::map<TableBucket, LogOffset> offsets;
  for (const auto& table : request.table_offsets()) {
    for (const auto& one : table.bucket_offsets()) {
      const TableBucket bucket{TableId(table.table_id()),
                               one.has_partition_id() ? PartitionId(one.partition_id()) : kNoPartition,
                               BucketId(one.bucket_id())};
      if (!one.has_log_end_offset() || one.log_end_offset() < 0) {
        return Error(ErrorCode::kUnknownServerError, "log_end_offset of {} is missing or negative.", bucket);
      }
      offsets[bucket] = LogOffset(one.log_end_offset());
    }
  }
  return offsets;
}

}  // namespace

runtime::Task<arrow::Result<Reply>> HandleRegisterProducerOffsets(Call call) {
  pb::RegisterProducerOffsetsRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  TW_CO_RETURN_NOT_OK(CheckProducer(request.producer_id()));
  TW_CO_ASSIGN_OR_RETURN(const auto offsets, OffsetsIn(request));
  const int64_t ttl_ms = request.has_ttl_ms() ? std::clamp<int64_t>(request.ttl_ms(), 0, kTtlMsMax) : kTtlMsDefault;
  catalog::ProducerOffsets kept{.expires_ms = call.services.clock.WallMs() + ttl_ms,
                                .offsets = {offsets.begin(), offsets.end()}};
  TW_CO_ASSIGN_OR_RETURN(const bool created, co_await call.services.catalog.RegisterProducerOffsets(
                                                 request.producer_id(), std::move(kept), call.home));
  pb::RegisterProducerOffsetsResponse response;
  response.set_result(created ? kCreated : kAlreadyExists);
  co_return MessageReply(call, response);
}

// Of tables that the client may not read nothing is told; with no policy there is nothing to ask, and a table may be gone.
runtime::Task<arrow::Result<Reply>> HandleGetProducerOffsets(Call call) {
  pb::GetProducerOffsetsRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  TW_CO_RETURN_NOT_OK(CheckProducer(request.producer_id()));
  TW_CO_ASSIGN_OR_RETURN(const auto found,
                         co_await call.services.catalog.GetProducerOffsets(request.producer_id(), call.home));
  pb::GetProducerOffsetsResponse response;
  if (!found) co_return MessageReply(call, response);
  response.set_producer_id(request.producer_id());
  response.set_expiration_time(found->expires_ms);
  // Ascending, so a table's buckets stand together.
  pb::PbProducerTableOffsets* table = nullptr;
  bool shown = false;
  std::optional<TableId> at;
  for (const auto& [bucket, offset] : found->offsets) {
    if (at != bucket.table) {
      at = bucket.table;
      shown = !call.services.policy || RequireOnTable(call, security::Operation::kRead, *at).ok();
      if (!shown) continue;
      table = response.add_table_offsets();
      table->set_table_id(at->value);
    }
    if (!shown) continue;
    auto* one = table->add_bucket_offsets();
    if (bucket.partition != kNoPartition) one->set_partition_id(bucket.partition.value);
    one->set_bucket_id(bucket.bucket.value);
    one->set_log_end_offset(offset.value);
  }
  co_return MessageReply(call, response);
}

// WRITE on all of the tables that are named there and that there still are.
runtime::Task<arrow::Result<Reply>> HandleDeleteProducerOffsets(Call call) {
  pb::DeleteProducerOffsetsRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  TW_CO_RETURN_NOT_OK(CheckProducer(request.producer_id()));
  const security::Asker asker = call.connection.asker;
  const auto permit = [&services = call.services, asker](const catalog::ProducerOffsets& kept) -> arrow::Status {
    if (!services.policy) return arrow::Status::OK();
    const auto view = services.catalog.view();
    std::optional<TableId> at;
    for (const auto& [bucket, offset] : kept.offsets) {
      if (std::exchange(at, bucket.table) == bucket.table) continue;
      const auto table = view->FindTable(bucket.table);
      if (!table || services.policy->Allows(view->acls(), asker, security::Operation::kWrite, ResourceOf(*table))) {
        continue;
      }
      return Error(ErrorCode::kAuthorization, "{} has no right to WRITE {}, of which the producer has offsets.",
                   asker.principal.ToString(), ResourceOf(*table).ToString());
    }
    return arrow::Status::OK();
  };
  const auto deleted = co_await call.services.catalog.DeleteProducerOffsets(request.producer_id(), permit, call.home);
  TW_CO_RETURN_NOT_OK(deleted.status());
  co_return MessageReply(call, pb::DeleteProducerOffsetsResponse());
}

}  // namespace thalweg::service
