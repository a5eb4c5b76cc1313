#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/format/batch_slice.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/format/value_batch.h"
#include "thalweg/schema/arrow_mapping.h"
#include "thalweg/schema/table_config.h"
#include "thalweg/service/answer_memory.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/services.h"
#include "thalweg/service/slice_cache.h"
#include "thalweg/service/table_access.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::service {
namespace {

// Most that one answer holds; a client that wants more reads the log.
constexpr uint64_t kAnswerBytesMax = 64 << 20;
constexpr uint64_t kStepBytes = 4 << 20;

/// `batch` without its records below offset `from`.
arrow::Result<Bytes> CutFront(const catalog::Table& table, const Bytes& batch, LogOffset from) {
  ARROW_ASSIGN_OR_RAISE(const auto view, format::ParseBatch(batch.view()));
  if (view.header.base_offset >= from || view.empty()) return batch;
  const auto first = static_cast<int32_t>(from - view.header.base_offset);
  const int32_t count = view.header.record_count - first;
  ARROW_ASSIGN_OR_RAISE(const auto* config, table.layout->Config());
  if (config->log_format != schema::LogFormat::kArrow) return format::SliceRowBatch(view, first, count);
  const auto written_with = table.FindSchema(view.header.schema_id);
  if (!written_with) {
    return Error(ErrorCode::kSchemaNotExist, "{} has no schema version {}, which a batch names.", table.path,
                 view.header.schema_id);
  }
  auto cut = format::SliceArrowBatch(view, schema::ToArrowSchema(*written_with), first, count);
  // Too much to decompress for one answer: then whole, as Fluss sends every batch.
  if (CodeOf(cut.status()) == ErrorCode::kRecordTooLarge) return batch;
  return cut;
}

/// The batches of one read in memory of their own, the first cut to what lies from `from` on.
arrow::Result<std::vector<Bytes>> LoadBatches(const catalog::Table& table, const tablet::ReadResult& read,
                                              LogOffset from) {
  std::vector<Bytes> runs;
  if (const auto* memory = std::get_if<tablet::MemoryRange>(&read.data)) {
    for (const auto& run : memory->runs) runs.push_back(run.batches);
  } else if (const auto* range = std::get_if<log::LogRange>(&read.data)) {
    auto buffer = std::make_shared<Buffer>(range->bytes);
    ARROW_ASSIGN_OR_RAISE(const size_t got, range->file->ReadAt(range->position, buffer->view()));
    if (got < buffer->size())
      return Error(ErrorCode::kLogStorage, "{} is shorter than its index says.", range->file->path());
    runs.emplace_back(std::shared_ptr<const Buffer>(std::move(buffer)));
  }
  std::vector<Bytes> batches;
  for (const auto& run : runs) {
    for (size_t at = 0; at < run.size();) {
      ARROW_ASSIGN_OR_RAISE(const auto batch, format::ParseBatch(run.view().subspan(at)));
      batches.push_back(run.Slice(at, batch.bytes.size()));
      at += batch.bytes.size();
    }
  }
  if (!batches.empty()) {
    ARROW_ASSIGN_OR_RAISE(batches.front(), CutFront(table, batches.front(), from));
  }
  return batches;
}

/// The last `limit` records of a bucket as batches; the first batch is cut where the limit falls into it, or was cut so
/// before.
runtime::Task<arrow::Result<std::string>> LastRecords(const Call& call, const TableAccess& access, TableBucket bucket,
                                                      int64_t limit) {
  auto& engine = call.services.engine;
  TW_CO_ASSIGN_OR_RETURN(const auto bounds, co_await engine.BoundsOf(bucket, call.home));
  const LogOffset from = std::max(bounds.start, bounds.high_watermark + -limit);
  std::string records;
  LogOffset at = from;
  if (const auto kept = call.services.slices.Find(bucket, from)) {
    TW_CO_ASSIGN_OR_RETURN(const auto header, format::ParseHeader(kept->view()));
    records.append(AsText(kept->view()));
    at = header.next_offset();
  }
  while (at < bounds.high_watermark && records.size() < kAnswerBytesMax) {
    const auto read =
        co_await engine.Read({.bucket = bucket, .from = at, .bytes_max = kStepBytes, .at_least_one = true}, call.home);
    TW_CO_RETURN_NOT_OK(read.status);
    if (read.bytes == 0) break;
    // Not on the shard: cutting decompresses a whole batch.
    TW_CO_ASSIGN_OR_RETURN(const auto batches, co_await runtime::RunOn(call.services.pool, call.home, [&] {
                             return LoadBatches(access.table(), read, from);
                           }));
    if (at == from && !batches.empty()) call.services.slices.Keep(bucket, from, batches.front().view());
    for (const auto& batch : batches) {
      TW_CO_ASSIGN_OR_RETURN(const auto header, format::ParseHeader(batch.view()));
      if (header.base_offset >= bounds.high_watermark) break;  // it came while we read
      records.append(AsText(batch.view()));
    }
    at = read.next;
  }
  co_return records;
}

/// The first `limit` rows of a bucket in the order of keys, as a value batch.
runtime::Task<arrow::Result<std::string>> FirstRows(const Call& call, TableBucket bucket, int64_t limit) {
  TW_CO_ASSIGN_OR_RETURN(const auto rows,
                         co_await call.services.engine.ScanRows(
                             bucket, {.prefix = {}, .limit = limit, .bytes_max = kAnswerBytesMax}, call.home));
  format::ValueBatchBuilder batch;
  for (const ByteView value : rows.Values()) batch.Append(value);
  co_return std::string(AsText(batch.Finish()));
}

runtime::Task<arrow::Result<std::string>> Scan(const Call& call, const pb::LimitScanRequest& request,
                                               bool& is_log_table) {
  TW_CO_ASSIGN_OR_RETURN(const auto access, TableAccess::Find(call.services, TableId(request.table_id())));
  const TableBucket bucket = access.BucketOf(request, request.bucket_id());
  TW_CO_RETURN_NOT_OK(access.CheckBucket(bucket.partition, bucket.bucket));
  is_log_table = !access.table().descriptor->HasPrimaryKey();
  if (request.limit() < 0)
    co_return Error(ErrorCode::kInvalidScanRequest, "A limit of {} makes no sense.", request.limit());
  TW_CO_RETURN_NOT_OK((co_await TakeAnswerMemory(call, kAnswerBytesMax)).status());
  auto found = is_log_table ? co_await LastRecords(call, access, bucket, request.limit())
                            : co_await FirstRows(call, bucket, request.limit());
  TW_CO_ASSIGN_OR_RETURN(auto records, std::move(found));
  // Here, in the message and in the frame.
  call.answer_memory.Resize(static_cast<int64_t>(3 * records.size()));
  co_return records;
}

}  // namespace

// What is wrong stands in the answer, as Fluss has it.
runtime::Task<arrow::Result<Reply>> HandleLimitScan(Call call) {
  pb::LimitScanRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  bool is_log_table = true;
  auto records = co_await Scan(call, request, is_log_table);
  pb::LimitScanResponse response;
  if (records.ok()) {
    response.set_is_log_table(is_log_table);
    response.set_records(std::move(*records));
  } else {
    response.set_error_code(static_cast<int32_t>(CodeOf(records.status())));
    response.set_error_message(records.status().message());
  }
  co_return MessageReply(call, response);
}

}  // namespace thalweg::service
