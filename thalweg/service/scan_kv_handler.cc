#include <algorithm>
#include <string>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/service/answer_memory.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/services.h"
#include "thalweg/service/table_access.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/wire/scan_kv.h"

namespace thalweg::service {
namespace {

using ScanAnswer = tablet::Engine::ScanAnswer;

// So many scans of one connection end sooner when it is gone; more than a server has open by default.
constexpr size_t kScansPerConnectionMax = 256;
// Of the rows: as they are read, and in the answer.
constexpr uint64_t kCopies = 2;

arrow::Status Invalid(const char* why) { return Error(ErrorCode::kInvalidScanRequest, "{}", why); }

/// What makes no sense, whatever the table.
arrow::Status CheckSense(const wire::ScanKvRequest& request) {
  if (request.open && request.scanner_id) {
    return Invalid("A scan is begun with bucket_scan_req or gone on with by scanner_id, not both.");
  }
  if (request.open && request.close) return Invalid("close_scanner is for a scan that was begun before.");
  if (!request.open && !request.scanner_id) {
    return Invalid(
        "The request names neither a bucket to scan (bucket_scan_req) nor a scan to go on with (scanner_id).");
  }
  if (request.close) return arrow::Status::OK();
  if (request.batch_bytes.value_or(0) <= 0) {
    return Invalid("batch_size_bytes must say how many bytes of rows the answer may have, one at least.");
  }
  if (!request.call_sequence) {
    return Invalid("call_seq_id is missing: 0 when a scan is begun, then one more each time.");
  }
  if (request.open && request.call_sequence != 0) return Invalid("call_seq_id must be 0 when a scan is begun.");
  return arrow::Status::OK();
}

runtime::Task<arrow::Result<ScanAnswer>> Begin(const Call& call, const wire::ScanKvBucket& wanted, uint64_t bytes_max) {
  TW_CO_ASSIGN_OR_RETURN(const auto access, TableAccess::Find(call.services, wanted.table));
  TW_CO_RETURN_NOT_OK(access.CheckPrimaryKeyTable());
  TW_CO_RETURN_NOT_OK(access.CheckBucket(wanted.partition, wanted.bucket));
  co_return co_await call.services.engine.OpenScan({wanted.table, wanted.partition, wanted.bucket},
                                                   wanted.limit.value_or(0), bytes_max, call.home);
}

void NoteScan(const Call& call, const std::string& id, bool more) {
  auto& scans = call.connection.scans;
  std::erase(scans, id);
  if (!more) return;
  // The connection may be gone by now.
  if (call.connection.waits.over()) call.services.engine.NoteScansLeft({id});
  if (scans.size() >= kScansPerConnectionMax) scans.pop_front();
  scans.push_back(id);
}

runtime::Task<arrow::Result<ScanAnswer>> Scan(const Call& call, const wire::ScanKvRequest& request) {
  TW_CO_RETURN_NOT_OK(CheckSense(request));
  const std::string id(request.scanner_id.value_or(""));
  if (request.close) {
    NoteScan(call, id, false);
    co_await call.services.engine.EndScan(id, call.home);
    co_return ScanAnswer{.id = id};
  }
  const auto wanted = static_cast<uint64_t>(std::min(*request.batch_bytes, call.services.limits.scan_bytes_max));
  TW_CO_ASSIGN_OR_RETURN(const uint64_t memory, co_await TakeAnswerMemory(call, kCopies * wanted));
  const uint64_t bytes_max = memory / kCopies;
  auto answer = request.open
                    ? co_await Begin(call, *request.open, bytes_max)
                    : co_await call.services.engine.ContinueScan(id, *request.call_sequence, bytes_max, call.home);
  if (answer.ok()) {
    NoteScan(call, answer->id, answer->batch.more);
  } else if (!request.open) {
    NoteScan(call, id, false);
  }
  co_return answer;
}

}  // namespace

// What is wrong stands in the answer, as Fluss has it.
runtime::Task<arrow::Result<Reply>> HandleScanKv(Call call) {
  TW_CO_ASSIGN_OR_RETURN(const auto request, wire::DecodeScanKvRequest(call.request.body));
  const auto answer = co_await Scan(call, request);
  wire::ScanKvResult result;
  if (answer.ok()) {
    result.scanner_id = answer->id;
    result.has_more = answer->batch.more;
    result.records = answer->batch.values.view();
    if (request.open) result.offset = answer->offset;
  } else {
    result.error = CodeOf(answer.status());
    result.error_message = answer.status().message();
  }
  Bytes frame = wire::EncodeScanKvResponse(call.request.id, result);
  call.answer_memory.Resize(static_cast<int64_t>(frame.size()));
  Reply reply;
  reply.emplace_back(std::move(frame));
  co_return reply;
}

}  // namespace thalweg::service
