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

// Most that one answer holds; a client that wants more reads the log, or scans.
constexpr uint64_t kAnswerBytesMax = 64 << 20;
constexpr uint64_t kStepBytes = 4 << 20;
// Memory is taken before it is known what the records are: at first for records of this size, and not less than the second;
// the few requests whose records are larger are answered in a second try.
constexpr uint64_t kRecordBytes = 4 << 10;
constexpr uint64_t kFirstBytesMin = 256 << 10;
// Of the records, at a time: as they are found and put together, put together and in the message, there and in the frame.
constexpr uint64_t kCopies = 2;

/// What was found, unless it is more than may be read: then it is cut, and there is nothing.
struct Found {
  std::string records;
  bool cut = false;
};

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
runtime::Task<arrow::Result<Found>> LastRecords(const Call& call, const TableAccess& access, TableBucket bucket,
                                                int64_t limit, uint64_t bytes_max) {
  auto& engine = call.services.engine;
  TW_CO_ASSIGN_OR_RETURN(const auto bounds, co_await engine.BoundsOf(bucket, call.home));
  const LogOffset from = std::max(bounds.start, bounds.high_watermark + -limit);
  Found found;
  std::string& records = found.records;
  LogOffset at = from;
  if (const auto kept = call.services.slices.Find(bucket, from)) {
    TW_CO_ASSIGN_OR_RETURN(const auto header, format::ParseHeader(kept->view()));
    records.append(AsText(kept->view()));
    at = header.next_offset();
  }
  while (at < bounds.high_watermark) {
    const uint64_t step = std::min(kStepBytes, bytes_max);
    const auto read =
        co_await engine.Read({.bucket = bucket, .from = at, .bytes_max = step, .at_least_one = true}, call.home);
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
      if (records.size() + batch.size() > bytes_max) co_return Found{.cut = true};
      records.append(AsText(batch.view()));
    }
    at = read.next;
  }
  co_return found;
}

/// The first `limit` rows of a bucket in the order of keys, as a value batch.
runtime::Task<arrow::Result<Found>> FirstRows(const Call& call, TableBucket bucket, int64_t limit, uint64_t bytes_max) {
  format::ValueBatchBuilder batch;
  {
    TW_CO_ASSIGN_OR_RETURN(const auto rows,
                           co_await call.services.engine.ScanRows(
                               bucket, {.prefix = {}, .limit = limit, .bytes_max = bytes_max}, call.home));
    if (rows.cut) co_return Found{.cut = true};
    for (const ByteView value : rows.Values()) batch.Append(value);
  }
  co_return Found{.records = std::string(AsText(batch.Finish()))};
}

runtime::Task<arrow::Result<std::string>> Scan(const Call& call, const pb::LimitScanRequest& request,
                                               bool& is_log_table) {
  TW_CO_ASSIGN_OR_RETURN(const auto access, TableAccess::Find(call.services, TableId(request.table_id())));
  const TableBucket bucket = access.BucketOf(request, request.bucket_id());
  TW_CO_RETURN_NOT_OK(access.CheckBucket(bucket.partition, bucket.bucket));
  is_log_table = !access.table().descriptor->HasPrimaryKey();
  if (request.limit() < 0)
    co_return Error(ErrorCode::kInvalidScanRequest, "A limit of {} makes no sense.", request.limit());
  const uint64_t likely = std::max(static_cast<uint64_t>(request.limit()) * kRecordBytes, kFirstBytesMin);
  uint64_t bytes_max = 0;
  for (const uint64_t wanted : {std::min(likely, kAnswerBytesMax), kAnswerBytesMax}) {
    call.answer_memory = {};
    TW_CO_ASSIGN_OR_RETURN(const uint64_t taken, co_await TakeAnswerMemory(call, kCopies * wanted));
    if (taken / kCopies <= bytes_max) break;  // no more is to be had
    bytes_max = taken / kCopies;
    TW_CO_ASSIGN_OR_RETURN(auto found, is_log_table
                                           ? co_await LastRecords(call, access, bucket, request.limit(), bytes_max)
                                           : co_await FirstRows(call, bucket, request.limit(), bytes_max));
    if (found.cut) continue;
    call.answer_memory.Resize(static_cast<int64_t>(kCopies * found.records.size()));
    co_return std::move(found.records);
  }
  co_return Error(ErrorCode::kRecordTooLarge,
                  "The {} rows asked for take more than {} bytes: ask for fewer rows, or read all of them with a scan.",
                  request.limit(), bytes_max);
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
