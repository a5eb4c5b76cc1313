#include <algorithm>
#include <utility>
#include <vector>

#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/format/kv_batch.h"
#include "thalweg/runtime/countdown.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/kv_tables.h"
#include "thalweg/service/request_metrics.h"
#include "thalweg/service/services.h"
#include "thalweg/service/table_access.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/wire/put_kv.h"

namespace thalweg::service {
namespace {

// From this version on a client knows STORAGE_BACKPRESSURE, and names all columns where it means whole rows.
constexpr int16_t kLatest = 2;
// Most records in one request: what is kept of each takes much more than its bytes there, which may be few.
constexpr int64_t kRecordsMax = 1 << 20;

/// What every bucket of one request is written with.
struct PutTerms {
  std::shared_ptr<const tablet::KvTable> table;
  bool overwrite = false;
};

/// Writes to one bucket and fills in its result. Hands the batch to the engine without waiting before.
runtime::Task<> PutOne(const Call& call, const wire::PutKvRequest& request, const wire::PutKvRequest::Bucket& part,
                       arrow::Status refused, const PutTerms& terms, TableRows* rows, wire::PutKvResult& result) {
  result.partition = part.partition;
  result.bucket = part.bucket;
  const auto fail = [&](const arrow::Status& status) {
    result.error = CodeOf(status);
    if (result.error == ErrorCode::kStorageBackpressure && call.request.version < kLatest) {
      result.error = ErrorCode::kKvStorage;
    }
    result.error_message = status.message();
  };
  if (!refused.ok()) {
    fail(refused);
    co_return;
  }
  const TableBucket bucket{request.table, part.partition, part.bucket};
  const auto put = co_await call.services.engine.Put(bucket,
                                                     {.table = terms.table,
                                                      .target_columns = request.target_columns,
                                                      .overwrite = terms.overwrite,
                                                      .all_targets_are_whole_rows = call.request.version >= kLatest,
                                                      .owner = call.frame,
                                                      .batch = part.records},
                                                     request.acks != 0, std::max(request.timeout_ms, 0), call.home);
  if (!put.ok()) {
    fail(put.status());
    co_return;
  }
  result.log_end_offset = put->end;
  if (!put->repeated) rows->AddAppended(put->records);
}

arrow::Status CheckRecordCount(const wire::PutKvRequest& request) {
  int64_t count = 0;
  for (const auto& part : request.buckets) {
    const auto batch = format::ParseKvBatch(part.records);
    if (batch.ok()) count += batch->record_count;  // what it is otherwise its bucket says
  }
  if (count <= kRecordsMax) return arrow::Status::OK();
  return Error(ErrorCode::kRecordTooLarge, "A PUT_KV request has {} records, more than {}: send smaller requests.",
               count, kRecordsMax);
}

arrow::Result<PutTerms> TermsOf(const Call& call, const wire::PutKvRequest& request, const TableAccess& access) {
  ARROW_RETURN_NOT_OK(access.CheckPrimaryKeyTable());
  ARROW_RETURN_NOT_OK(access.CheckKeyVersion(call.request.version));
  if (request.agg_mode < 0 || request.agg_mode > 1) {
    return Error(ErrorCode::kUnsupportedVersion, "agg_mode is {}; it must be 0 (merge) or 1 (overwrite).",
                 request.agg_mode);
  }
  PutTerms terms;
  terms.overwrite = request.agg_mode == 1;
  ARROW_ASSIGN_OR_RAISE(terms.table, call.services.kv_tables.Get(access.table()));
  return terms;
}

}  // namespace

runtime::Task<arrow::Result<Reply>> HandlePutKv(Call call) {
  TW_CO_ASSIGN_OR_RETURN(const auto request, wire::DecodePutKvRequest(call.request.body));
  if (request.acks < -1 || request.acks > 1) {
    co_return Error(ErrorCode::kInvalidRequiredAcks, "acks is {}; it must be -1 (all), 0 or 1.", request.acks);
  }
  TW_CO_RETURN_NOT_OK(CheckRecordCount(request));
  const auto access = TableAccess::Find(call.services, request.table);
  arrow::Result<PutTerms> terms = access.ok() ? TermsOf(call, request, *access) : access.status();
  TableRows* rows = access.ok() ? &call.services.metrics.RowsOf(request.table, access->path_text()) : nullptr;
  std::vector<wire::PutKvResult> results(request.buckets.size());
  std::vector<runtime::Task<>> puts;
  puts.reserve(results.size());
  const PutTerms nothing;
  for (size_t i = 0; i < results.size(); ++i) {
    const auto& part = request.buckets[i];
    arrow::Status status = terms.status();
    if (status.ok()) status = access->CheckBucket(part.partition, part.bucket);
    puts.push_back(PutOne(call, request, part, std::move(status), terms.ok() ? *terms : nothing, rows, results[i]));
  }
  co_await runtime::WhenAll(call.home, std::move(puts));
  Reply reply;
  reply.emplace_back(wire::EncodePutKvResponse(call.request.id, results));
  co_return reply;
}

}  // namespace thalweg::service
