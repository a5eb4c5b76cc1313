#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/runtime/countdown.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/request_metrics.h"
#include "thalweg/service/services.h"
#include "thalweg/service/table_access.h"
#include "thalweg/tablet/append.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/wire/produce_log.h"

namespace thalweg::service {
namespace {

/// Appends to one bucket and fills in its result. Hands the append to the engine without waiting before.
runtime::Task<> AppendOne(const Call& call, const wire::ProduceLogRequest& request,
                          const wire::ProduceLogRequest::Bucket& part, arrow::Status table_status,
                          const catalog::Table* table, TableRows* rows, wire::ProduceLogResult& result) {
  result.partition = part.partition;
  result.bucket = part.bucket;
  const auto fail = [&](const arrow::Status& status) {
    result.error = CodeOf(status);
    result.error_message = status.message();
  };
  if (!table_status.ok()) {
    fail(table_status);
    co_return;
  }
  // The records stand in our own frame, so offsets are written into them where they are.
  const size_t body_at = static_cast<size_t>(call.request.body.data() - call.frame->data());
  const MutableByteView records = call.frame->view().subspan(body_at + part.records_offset, part.records_bytes);
  auto append = tablet::AppendRequest::Make(call.frame, records, call.services.limits.batch_bytes_max);
  if (!append.ok()) {
    fail(append.status());
    co_return;
  }
  for (const auto& batch : append->batches) {
    // Readers could not make sense of it, and their fetches would stop at it for ever.
    if (!table->FindSchema(batch.schema)) {
      fail(Error(ErrorCode::kSchemaNotExist, "{} has no schema version {}, which a batch names.", table->path,
                 batch.schema));
      co_return;
    }
  }
  const uint32_t row_count = append->rows;
  const TableBucket bucket{request.table, part.partition, part.bucket};
  const auto appended = co_await call.services.engine.Append(bucket, std::move(*append), request.acks != 0,
                                                             std::max(request.timeout_ms, 0), call.home);
  if (!appended.ok()) {
    fail(appended.status());
    co_return;
  }
  result.base_offset = appended->base;
  if (!appended->repeated) rows->AddAppended(row_count);
}

}  // namespace

runtime::Task<arrow::Result<Reply>> HandleProduceLog(Call call) {
  TW_CO_ASSIGN_OR_RETURN(const auto request, wire::DecodeProduceLogRequest(call.request.body));
  if (request.acks < -1 || request.acks > 1) {
    co_return Error(ErrorCode::kInvalidRequiredAcks, "acks is {}; it must be -1 (all), 0 or 1.", request.acks);
  }
  const auto access = TableAccess::Find(call.services, request.table);
  std::vector<wire::ProduceLogResult> results(request.buckets.size());
  TableRows* rows = access.ok() ? &call.services.metrics.RowsOf(request.table, access->path_text()) : nullptr;
  std::vector<runtime::Task<>> appends;
  appends.reserve(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const auto& part = request.buckets[i];
    arrow::Status status = access.status();
    if (status.ok()) status = access->CheckLogTable();
    if (status.ok()) status = access->CheckBucket(part.partition, part.bucket);
    appends.push_back(
        AppendOne(call, request, part, std::move(status), access.ok() ? &access->table() : nullptr, rows, results[i]));
  }
  co_await runtime::WhenAll(call.home, std::move(appends));
  Reply reply;
  reply.emplace_back(wire::EncodeProduceLogResponse(call.request.id, results));
  co_return reply;
}

}  // namespace thalweg::service
