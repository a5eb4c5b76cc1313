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

// Most that the values in one answer take: a client that wants more asks for fewer keys, or scans.
constexpr uint64_t kLookupBytesMax = 64 << 20;
constexpr uint64_t kPrefixBytesMax = 16 << 20;
// Memory for an answer is taken before it is known what that will be. At first for values of this size, and not less than
// the second; the few requests whose values are larger are answered in a second try, with as much as one request gets.
constexpr uint64_t kValueBytes = 4 << 10;
constexpr uint64_t kFirstBytesMin = 64 << 10;
// Of the values: as they are found, and in the answer.
constexpr uint64_t kCopies = 2;

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

/// Puts a row under each of `keys` that has none. Somebody else may do so at the same time: then theirs stays. Whatever the
/// client says of acks, the rows are durable afterwards: nobody could find them before.
runtime::Task<arrow::Status> InsertMissing(const Call& call, TableBucket bucket, const Inserting& inserting,
                                           std::span<const ByteView> keys, const tablet::FoundRows& found) {
  TW_CO_RETURN_NOT_OK(inserting.refused);
  TW_CO_ASSIGN_OR_RETURN(auto owner, BatchOfKeys(*inserting.table, keys, found));
  tablet::PutRequest put{.table = inserting.table, .only_missing = true, .owner = owner, .batch = owner->view()};
  for (const size_t column : inserting.table->schema().PrimaryKeyIndexes()) {
    put.target_columns.push_back(static_cast<int32_t>(column));
  }
  const auto done = co_await call.services.engine.Put(bucket, std::move(put), /*durable=*/true,
                                                      std::max(inserting.timeout_ms, 0), call.home);
  co_return done.status();
}

/// Takes memory for the values of `keys`, without waiting where there is some; how many bytes of them may be read.
runtime::Task<arrow::Result<uint64_t>> TakeForValues(const Call& call, uint64_t keys) {
  const uint64_t bytes = kCopies * std::max(keys * kValueBytes, kFirstBytesMin);
  uint64_t taken = TryTakeAnswerMemory(call, bytes);
  if (taken == 0) {
    TW_CO_ASSIGN_OR_RETURN(taken, co_await TakeAnswerMemory(call, bytes));
  }
  co_return taken / kCopies;
}

/// What puts of the keys that `request` misses go by.
Inserting InsertingOf(const Call& call, const wire::LookupRequest& request, const TableAccess& access) {
  Inserting inserting{.timeout_ms = request.timeout_ms.value_or(0)};
  const int32_t acks = request.acks.value_or(-1);
  if (acks < -1 || acks > 1) {
    inserting.refused = Error(ErrorCode::kInvalidRequiredAcks, "acks is {}; it must be -1 (all), 0 or 1.", acks);
  } else if (access.table().IsPartitioned()) {
    inserting.refused = Error(ErrorCode::kUnsupportedVersion,
                              "{} is partitioned: put the rows that a lookup misses, this server does not do it there.",
                              access.table().path);
  } else {
    auto made = call.services.kv_tables.Get(access.table());
    inserting.refused = made.status();
    if (made.ok()) inserting.table = std::move(*made);
  }
  return inserting;
}

uint64_t KeysIn(const wire::LookupRequest& request) {
  uint64_t keys = 0;
  for (const auto& part : request.buckets) keys += part.keys.size();
  return keys;
}

/// Finds the values for one bucket, up to `bytes_max` of them: where they are more `found` is cut, and the result has nothing
/// yet.
runtime::Task<> LookUpOne(const Call& call, TableId table, const Inserting& inserting,
                          const wire::LookupRequest::Bucket& part, arrow::Status refused, uint64_t bytes_max,
                          tablet::FoundRows& found, wire::LookupResult& result) {
  result.partition = part.partition;
  result.bucket = part.bucket;
  result.original_partition_name = part.original_partition_name;
  if (!refused.ok()) {
    Fail(refused, result);
    co_return;
  }
  found.set_bytes_max(bytes_max);
  auto& engine = call.services.engine;
  const TableBucket bucket{table, part.partition, part.bucket};
  arrow::Status status = co_await engine.Lookup(bucket, part.keys, found, call.home);
  const auto is_missing = [&](size_t i) { return !found.At(i); };
  if (status.ok() && found.cut()) co_return;
  const bool inserts = inserting.table || !inserting.refused.ok();
  if (status.ok() && inserts && std::ranges::any_of(std::views::iota(size_t{0}, found.size()), is_missing)) {
    status = co_await InsertMissing(call, bucket, inserting, part.keys, found);
    if (status.ok()) status = co_await engine.Lookup(bucket, part.keys, found, call.home);
    if (status.ok() && found.cut()) co_return;
  }
  if (!status.ok()) {
    Fail(status, result);
    co_return;
  }
  result.values.reserve(part.keys.size());
  for (size_t i = 0; i < part.keys.size(); ++i) result.values.push_back(found.At(i));
}

/// The rows that a bucket has for prefixes.
struct FoundPrefixes {
  std::vector<tablet::ScannedRows> lists;
  bool cut = false;

  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const auto& list : lists) sum += list.bytes.size();
    return sum;
  }
};

/// As LookUpOne.
runtime::Task<> LookUpPrefixes(const Call& call, TableId table, const wire::LookupRequest::Bucket& part,
                               arrow::Status refused, uint64_t bytes_max, FoundPrefixes& found,
                               wire::PrefixLookupResult& result) {
  result.partition = part.partition;
  result.bucket = part.bucket;
  if (!refused.ok()) {
    Fail(refused, result);
    co_return;
  }
  std::vector<tablet::RowScan> scans;
  scans.reserve(part.keys.size());
  for (const ByteView prefix : part.keys) scans.push_back({.prefix = prefix, .bytes_max = bytes_max});
  auto rows = co_await call.services.engine.ScanAll({table, part.partition, part.bucket}, scans, call.home);
  if (rows.ok() && !rows->empty() && rows->back().cut) {
    found = {.cut = true};
    co_return;
  }
  if (!rows.ok()) {
    Fail(rows.status(), result);
    co_return;
  }
  found.lists = std::move(*rows);
  result.value_lists.reserve(found.lists.size());
  for (const tablet::ScannedRows& each : found.lists) result.value_lists.push_back(each.Values());
}

}  // namespace

runtime::Task<arrow::Result<Reply>> HandleLookup(Call call) {
  TW_CO_ASSIGN_OR_RETURN(const auto request, wire::DecodeLookupRequest(call.request.body));
  const auto access = TableAccess::Find(call.services, request.table);
  Inserting inserting;
  if (request.insert_if_not_exists && access.ok() && access->CheckPrimaryKeyTable().ok()) {
    inserting = InsertingOf(call, request, *access);
  }
  TW_CO_ASSIGN_OR_RETURN(const uint64_t bytes_max, co_await TakeForValues(call, KeysIn(request)));
  std::vector<wire::LookupResult> results(request.buckets.size());
  std::vector<tablet::FoundRows> found(results.size());
  std::vector<runtime::Task<>> lookups;
  lookups.reserve(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const auto& part = request.buckets[i];
    arrow::Status status = CheckKeyed(call, access, part);
    lookups.push_back(LookUpOne(call, request.table, inserting, part, std::move(status), bytes_max / results.size(),
                                found[i], results[i]));
  }
  co_await runtime::WhenAll(call.home, std::move(lookups));
  // As Fluss: of the whole request, and only once something has to be put.
  if (CodeOf(inserting.refused) == ErrorCode::kInvalidRequiredAcks &&
      std::ranges::find(results, ErrorCode::kInvalidRequiredAcks, &wire::LookupResult::error) != results.end()) {
    co_return inserting.refused;
  }
  if (std::ranges::any_of(found, &tablet::FoundRows::cut)) {
    call.answer_memory = {};
    TW_CO_RETURN_NOT_OK((co_await TakeAnswerMemory(call, kCopies * kLookupBytesMax)).status());
    uint64_t left = kLookupBytesMax;
    for (const auto& rows : found) left -= rows.cut() ? 0 : std::min<uint64_t>(left, rows.bytes());
    for (size_t i = 0; i < results.size(); ++i) {
      if (!found[i].cut()) continue;
      co_await LookUpOne(call, request.table, inserting, request.buckets[i], arrow::Status::OK(), left, found[i],
                         results[i]);
      if (found[i].cut()) {
        Fail(Error(ErrorCode::kRecordTooLarge, "The rows take more than {} bytes: look up fewer keys at once.",
                   kLookupBytesMax),
             results[i]);
        found[i] = {};
      }
      left -= std::min<uint64_t>(left, found[i].bytes());
    }
  }
  Bytes frame = wire::EncodeLookupResponse(call.request.id, results);
  call.answer_memory.Resize(static_cast<int64_t>(frame.size()));
  Reply reply;
  reply.emplace_back(std::move(frame));
  co_return reply;
}

runtime::Task<arrow::Result<Reply>> HandlePrefixLookup(Call call) {
  TW_CO_ASSIGN_OR_RETURN(const auto request, wire::DecodeLookupRequest(call.request.body));
  const auto access = TableAccess::Find(call.services, request.table);
  TW_CO_ASSIGN_OR_RETURN(const uint64_t bytes_max, co_await TakeForValues(call, KeysIn(request)));
  std::vector<wire::PrefixLookupResult> results(request.buckets.size());
  std::vector<FoundPrefixes> found(results.size());
  std::vector<runtime::Task<>> lookups;
  lookups.reserve(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const auto& part = request.buckets[i];
    lookups.push_back(LookUpPrefixes(call, request.table, part, CheckKeyed(call, access, part),
                                     bytes_max / results.size(), found[i], results[i]));
  }
  co_await runtime::WhenAll(call.home, std::move(lookups));
  if (std::ranges::any_of(found, &FoundPrefixes::cut)) {
    call.answer_memory = {};
    TW_CO_RETURN_NOT_OK((co_await TakeAnswerMemory(call, kCopies * kPrefixBytesMax)).status());
    uint64_t left = kPrefixBytesMax;
    for (const auto& rows : found) left -= std::min(left, rows.bytes());
    for (size_t i = 0; i < results.size(); ++i) {
      if (!std::exchange(found[i].cut, false)) continue;
      co_await LookUpPrefixes(call, request.table, request.buckets[i], arrow::Status::OK(), left, found[i], results[i]);
      if (found[i].cut) {
        Fail(Error(ErrorCode::kRecordTooLarge, "More than {} bytes of rows begin with the prefixes asked for.",
                   kPrefixBytesMax),
             results[i]);
      }
      left -= std::min(left, found[i].bytes());
    }
  }
  Bytes frame = wire::EncodePrefixLookupResponse(call.request.id, results);
  call.answer_memory.Resize(static_cast<int64_t>(frame.size()));
  Reply reply;
  reply.emplace_back(std::move(frame));
  co_return reply;
}

}  // namespace thalweg::service
