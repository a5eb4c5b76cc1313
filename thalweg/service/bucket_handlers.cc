#include <vector>

#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/runtime/countdown.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/services.h"
#include "thalweg/service/table_access.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::service {
namespace {

enum OffsetType : int32_t { kOffsetEarliest = 0, kOffsetLatest = 1, kOffsetTimestamp = 2 };

template <typename Message>
void SetError(const arrow::Status& status, Message* to) {
  to->set_error_code(static_cast<int32_t>(CodeOf(status)));
  to->set_error_message(status.message());
}

runtime::Task<arrow::Result<LogOffset>> OffsetOf(const Call& call, const pb::ListOffsetsRequest& request,
                                                 TableBucket bucket) {
  auto& engine = call.services.engine;
  if (request.offset_type() == kOffsetTimestamp) {
    if (!request.has_starttimestamp()) {
      co_return Error(ErrorCode::kInvalidTimestamp, "An offset by time needs a time.");
    }
    if (const int64_t now_ms = call.services.clock.WallMs(); request.starttimestamp() > now_ms) {
      co_return Error(ErrorCode::kInvalidTimestamp, "{} is {} ms in the future.", request.starttimestamp(),
                      request.starttimestamp() - now_ms);
    }
    co_return co_await engine.OffsetForTimestamp(bucket, request.starttimestamp(), call.home);
  }
  if (request.offset_type() != kOffsetEarliest && request.offset_type() != kOffsetLatest) {
    co_return Error(ErrorCode::kUnsupportedVersion, "Offset type {} is not known.", request.offset_type());
  }
  TW_CO_ASSIGN_OR_RETURN(const auto bounds, co_await engine.BoundsOf(bucket, call.home));
  co_return request.offset_type() == kOffsetEarliest ? bounds.start : bounds.high_watermark;
}

runtime::Task<> ListOne(const Call& call, const pb::ListOffsetsRequest& request, const TableAccess& access,
                        int32_t number, pb::PbListOffsetsRespForBucket* to) {
  to->set_bucket_id(number);
  const TableBucket bucket = access.BucketOf(request, number);
  if (const auto status = access.CheckBucket(bucket.partition, bucket.bucket); !status.ok()) {
    SetError(status, to);
    co_return;
  }
  const auto offset = co_await OffsetOf(call, request, bucket);
  if (offset.ok()) {
    to->set_offset(offset->value);
  } else {
    SetError(offset.status(), to);
  }
}

runtime::Task<> CountOne(const Call& call, const TableAccess& access, const pb::PbTableStatsReqForBucket& wanted,
                         pb::PbTableStatsRespForBucket* to) {
  const TableBucket bucket = access.BucketOf(wanted, wanted.bucket_id());
  if (wanted.has_partition_id()) to->set_partition_id(wanted.partition_id());
  to->set_bucket_id(wanted.bucket_id());
  arrow::Status status = access.CheckBucket(bucket.partition, bucket.bucket);
  if (!status.ok()) {
    SetError(status, to);
    co_return;
  }
  if (access.table().descriptor->HasPrimaryKey()) {
    const auto rows = co_await call.services.engine.CountRows(bucket, call.home);
    if (rows.ok()) {
      to->set_row_count(*rows);
    } else {
      SetError(rows.status(), to);
    }
    co_return;
  }
  const auto bounds = co_await call.services.engine.BoundsOf(bucket, call.home);
  if (bounds.ok()) {
    to->set_row_count(bounds->high_watermark - bounds->start);
  } else {
    SetError(bounds.status(), to);
  }
}

}  // namespace

runtime::Task<arrow::Result<Reply>> HandleInitWriter(Call call) {
  pb::InitWriterRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  const auto id = co_await call.services.catalog.NextWriterId(call.home);
  TW_CO_RETURN_NOT_OK(id.status());
  pb::InitWriterResponse response;
  response.set_writer_id(id->value);
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleListOffsets(Call call) {
  pb::ListOffsetsRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  // Also a table that is not there is told bucket by bucket.
  const auto access = TableAccess::Find(call.services, TableId(request.table_id()));
  pb::ListOffsetsResponse response;
  std::vector<runtime::Task<>> tasks;
  for (const int32_t number : request.bucket_id()) {
    auto* to = response.add_buckets_resp();
    to->set_bucket_id(number);
    if (access.ok()) {
      tasks.push_back(ListOne(call, request, *access, number, to));
    } else {
      SetError(access.status(), to);
    }
  }
  co_await runtime::WhenAll(call.home, std::move(tasks));
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleGetTableStats(Call call) {
  pb::GetTableStatsRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  const auto access = TableAccess::Find(call.services, TableId(request.table_id()));
  pb::GetTableStatsResponse response;
  std::vector<runtime::Task<>> tasks;
  for (const auto& wanted : request.buckets_req()) {
    auto* to = response.add_buckets_resp();
    if (access.ok()) {
      tasks.push_back(CountOne(call, *access, wanted, to));
      continue;
    }
    if (wanted.has_partition_id()) to->set_partition_id(wanted.partition_id());
    to->set_bucket_id(wanted.bucket_id());
    SetError(access.status(), to);
  }
  co_await runtime::WhenAll(call.home, std::move(tasks));
  co_return MessageReply(call, response);
}

}  // namespace thalweg::service
