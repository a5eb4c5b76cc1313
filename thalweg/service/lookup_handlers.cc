#include <algorithm>
#include <memory>
#include <ranges>
#include <span>
#include <utility>
#include <vector>

#include "thalweg/base/error.h"
#include "thalweg/format/kv_batch.h"
#include "thalweg/format/row_writer.h"
#include "thalweg/runtime/countdown.h"
#include "thalweg/service/answer_memory.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/kv_tables.h"
#include "thalweg/service/services.h"
#include "thalweg/service/table_access.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/wire/lookup.h"

namespace thalweg::service {
namespace {

// Most that the values for one bucket take in one answer of PREFIX_LOOKUP.
constexpr uint64_t kPrefixBytesMax = 16 << 20;

template <typename Result>
void Fail(const arrow::Status& status, Result& result) {
  result.error = CodeOf(status);
  result.error_message = status.message();
}

/// What stands in the way of asking a bucket of this table for keys.
arrow::Status CheckKeyed(const Call& call, const arrow::Result<TableAccess>& access,
                         const wire::LookupRequest::Bucket& part) {
  ARROW_RETURN_NOT_OK(access.status());
  ARROW_RETURN_NOT_OK(access->CheckPrimaryKeyTable());
  ARROW_RETURN_NOT_OK(access->CheckKeyVersion(call.request.version));
  return access->CheckBucket(part.partition, part.bucket);
}

/// What puts of keys without rows need; none where only what is there is wanted.
struct Inserting {
  std::shared_ptr<const tablet::KvTable> table;
  arrow::Status refused;  ///< why none can be put
  int32_t acks = -1;
  int32_t timeout_ms = 0;
};

/// A batch of rows with these keys and nothing else in them.
arrow::Result<std::shared_ptr<Buffer>> BatchOfKeys(const tablet::KvTable& table, std::span<const ByteView> keys,
                                                   const tablet::FoundRows& found) {
  format::RowWriter row(&table.rows()->latest_layout());
  format::KvBatchBuilder batch;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (found.At(i)) continue;
    ARROW_ASSIGN_OR_RAISE(const auto values, table.keys().Decode(keys[i]));
    row.Start();
    for (size_t column = 0; column < table.schema().column_count(); ++column) {
      const auto at = std::ranges::find(table.keys().columns(), column);
      if (at == table.keys().columns().end()) {
        row.Null();
      } else {
        ARROW_RETURN_NOT_OK(row.Value(values[static_cast<size_t>(at - table.keys().columns().begin())]));
      }
    }
    batch.Append(keys[i], row.Finish());
  }
  const ByteView bytes = batch.Finish(table.latest(), kNoWriter, -1);
  auto owner = std::make_shared<Buffer>(bytes.size());
  std::ranges::copy(bytes, owner->data());
  return owner;
}

/// Puts a row under each of `keys` that has none. Somebody else may do so at the same time: then theirs stays.
runtime::Task<arrow::Status> InsertMissing(const Call& call, TableBucket bucket, const Inserting& inserting,
                                           std::span<const ByteView> keys, const tablet::FoundRows& found) {
  TW_CO_RETURN_NOT_OK(inserting.refused);
  TW_CO_ASSIGN_OR_RETURN(auto owner, BatchOfKeys(*inserting.table, keys, found));
  tablet::PutRequest put{.table = inserting.table, .owner = owner, .batch = owner->view()};
  for (const size_t column : inserting.table->schema().PrimaryKeyIndexes()) {
    put.target_columns.push_back(static_cast<int32_t>(column));
  }
  const auto done = co_await call.services.engine.Put(bucket, std::move(put), inserting.acks != 0,
                                                      std::max(inserting.timeout_ms, 0), call.home);
  co_return done.status();
}

runtime::Task<> LookUpOne(const Call& call, TableId table, const Inserting& inserting,
                          const wire::LookupRequest::Bucket& part, arrow::Status refused, tablet::FoundRows& found,
                          wire::LookupResult& result) {
  result.partition = part.partition;
  result.bucket = part.bucket;
  result.original_partition_name = part.original_partition_name;
  if (!refused.ok()) {
    Fail(refused, result);
    co_return;
  }
  auto& engine = call.services.engine;
  const TableBucket bucket{table, part.partition, part.bucket};
  arrow::Status status = co_await engine.Lookup(bucket, part.keys, found, call.home);
  const auto is_missing = [&](size_t i) { return !found.At(i); };
  const bool inserts = inserting.table || !inserting.refused.ok();
  if (status.ok() && inserts && std::ranges::any_of(std::views::iota(size_t{0}, found.size()), is_missing)) {
    status = co_await InsertMissing(call, bucket, inserting, part.keys, found);
    if (status.ok()) status = co_await engine.Lookup(bucket, part.keys, found, call.home);
  }
  if (!status.ok()) {
    Fail(status, result);
    co_return;
  }
  result.values.reserve(part.keys.size());
  for (size_t i = 0; i < part.keys.size(); ++i) result.values.push_back(found.At(i));
}

runtime::Task<> LookUpPrefixes(const Call& call, TableId table, const wire::LookupRequest::Bucket& part,
                               arrow::Status refused, std::vector<tablet::ScannedRows>& found,
                               wire::PrefixLookupResult& result) {
  result.partition = part.partition;
  result.bucket = part.bucket;
  if (!refused.ok()) {
    Fail(refused, result);
    co_return;
  }
  std::vector<tablet::RowScan> scans;
  scans.reserve(part.keys.size());
  for (const ByteView prefix : part.keys) scans.push_back({.prefix = prefix, .bytes_max = kPrefixBytesMax});
  auto rows = co_await call.services.engine.ScanAll({table, part.partition, part.bucket}, scans, call.home);
  if (rows.ok() && !rows->empty() && rows->back().cut) {
    rows = Error(ErrorCode::kRecordTooLarge, "More than {} bytes of rows begin with the prefixes asked for.",
                 kPrefixBytesMax);
  }
  if (!rows.ok()) {
    Fail(rows.status(), result);
    co_return;
  }
  found = std::move(*rows);
  result.value_lists.reserve(found.size());
  for (const tablet::ScannedRows& each : found) result.value_lists.push_back(each.Values());
}

}  // namespace

runtime::Task<arrow::Result<Reply>> HandleLookup(Call call) {
  TW_CO_ASSIGN_OR_RETURN(const auto request, wire::DecodeLookupRequest(call.request.body));
  const auto access = TableAccess::Find(call.services, request.table);
  Inserting inserting{.acks = request.acks.value_or(-1), .timeout_ms = request.timeout_ms.value_or(0)};
  if (request.insert_if_not_exists && access.ok() && access->CheckPrimaryKeyTable().ok()) {
    if (access->table().IsPartitioned()) {
      inserting.refused =
          Error(ErrorCode::kUnsupportedVersion,
                "{} is partitioned: put the rows that a lookup misses, this server does not do it there.",
                access->table().path);
    } else {
      auto made = call.services.kv_tables.Get(access->table());
      inserting.refused = made.status();
      if (made.ok()) inserting.table = std::move(*made);
    }
  }
  std::vector<wire::LookupResult> results(request.buckets.size());
  std::vector<tablet::FoundRows> found(results.size());
  std::vector<runtime::Task<>> lookups;
  lookups.reserve(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const auto& part = request.buckets[i];
    arrow::Status status = CheckKeyed(call, access, part);
    lookups.push_back(LookUpOne(call, request.table, inserting, part, std::move(status), found[i], results[i]));
  }
  co_await runtime::WhenAll(call.home, std::move(lookups));
  Reply reply;
  reply.emplace_back(wire::EncodeLookupResponse(call.request.id, results));
  co_return reply;
}

runtime::Task<arrow::Result<Reply>> HandlePrefixLookup(Call call) {
  TW_CO_ASSIGN_OR_RETURN(const auto request, wire::DecodeLookupRequest(call.request.body));
  const auto access = TableAccess::Find(call.services, request.table);
  TW_CO_RETURN_NOT_OK((co_await TakeAnswerMemory(call, kPrefixBytesMax)).status());
  std::vector<wire::PrefixLookupResult> results(request.buckets.size());
  std::vector<std::vector<tablet::ScannedRows>> found(results.size());
  std::vector<runtime::Task<>> lookups;
  lookups.reserve(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const auto& part = request.buckets[i];
    lookups.push_back(LookUpPrefixes(call, request.table, part, CheckKeyed(call, access, part), found[i], results[i]));
  }
  co_await runtime::WhenAll(call.home, std::move(lookups));
  Bytes frame = wire::EncodePrefixLookupResponse(call.request.id, results);
  call.answer_memory.Resize(static_cast<int64_t>(2 * frame.size()));  // here and in what was found
  Reply reply;
  reply.emplace_back(std::move(frame));
  co_return reply;
}

}  // namespace thalweg::service
