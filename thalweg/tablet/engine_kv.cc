#include <algorithm>
#include <chrono>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/tablet/stored_keys.h"

// Rows by key: writes that become changes in a bucket's log, and reads of what they add up to.

namespace thalweg::tablet {
namespace {

// A change takes about this much more in the log than the row that made it: what was there before stands beside it.
constexpr uint64_t kChangelogFactor = 2;
constexpr uint64_t kChangelogBytesMin = 1024;
// What a batch finds, and what it changes, is in memory as a whole: at most so many times what it may take in the log, where it
// may be compressed. A small batch can name a large row again and again.
constexpr uint64_t kRowBytesFactor = 4;
// Most numbers of an auto-increment column that are reserved at a time, whatever its table's option says: what is left of them
// at the end of the server is lost, and there are only so many.
constexpr int64_t kNumbersReservedMax = 1'000'000'000;
// How often a write looks whether there is room for its rows in memory again.
constexpr std::chrono::milliseconds kRoomPause(5);

bool HasAll(const kv::RowBatch& rows) {
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!rows.At(i)) return false;
  }
  return true;
}

}  // namespace

runtime::Task<arrow::Result<Engine::PutDone>> Engine::Put(TableBucket id, PutRequest request, bool durable,
                                                          int64_t timeout_ms, runtime::Executor& home) {
  Shard& shard = ShardFor(id);
  co_await runtime::EnsureOn(*shard.executor);
  uint64_t reserved =
      std::min(kChangelogFactor * request.batch.size() + kChangelogBytesMin, journal_record_bytes_max());
  const arrow::Status refused = co_await Admit(shard, reserved, timeout_ms);
  if (!refused.ok()) {
    co_await runtime::EnsureOn(home);
    co_return refused;
  }
  runtime::Completion<arrow::Status> done;
  bool wait = false;
  auto put = co_await PutInTurn(shard, id, request, reserved, timeout_ms, durable ? &done : nullptr, wait);
  // What is in the log now is let go when it is durable.
  if (reserved > 0) {
    CountInFlight(shard, -static_cast<int64_t>(reserved));
    AdmitWaiting(shard);
  }
  if (put.ok() && wait) TW_CO_RETURN_NOT_OK(co_await done.Wait(home));
  co_await runtime::EnsureOn(home);
  co_return put;
}

runtime::Task<arrow::Result<Engine::PutDone>> Engine::PutInTurn(Shard& shard, TableBucket id, const PutRequest& request,
                                                                uint64_t& reserved, int64_t timeout_ms,
                                                                runtime::Completion<arrow::Status>* done, bool& wait) {
  if (!states_) co_return Error(ErrorCode::kNonPrimaryKeyTable, "{} keeps no rows by key.", id);
  TW_CO_ASSIGN_OR_RETURN(const auto bucket, co_await Find(shard, id));
  if (!bucket->kv()) bucket->MakeKv(*shard.executor, *state_flusher_);
  co_await bucket->kv()->Turn();
  auto put = co_await PutNext(shard, bucket, request, reserved, timeout_ms, done, wait);
  bucket->kv()->EndTurn();
  co_return put;
}

runtime::Task<arrow::Result<Engine::PutDone>> Engine::PutNext(Shard& shard, std::shared_ptr<Bucket> bucket,
                                                              const PutRequest& request, uint64_t& reserved,
                                                              int64_t timeout_ms,
                                                              runtime::Completion<arrow::Status>* done, bool& wait) {
  TW_CO_ASSIGN_OR_RETURN(const PutBatch batch, PutBatch::Parse(request.batch));
  TW_CO_RETURN_NOT_OK(co_await EnsureRows(shard, bucket));
  TW_CO_RETURN_NOT_OK(co_await AwaitDirtyRoom(shard, timeout_ms));
  const auto count = static_cast<uint32_t>(batch.keys.size());
  // Before anything is merged: what was sent twice must not change a row twice.
  TW_CO_ASSIGN_OR_RETURN(const auto repeated, bucket->CheckRepeated(batch.writer, batch.sequence, done));
  if (repeated) {
    wait = done && !repeated->durable;
    co_return PutDone{.end = repeated->end, .records = count, .repeated = true};
  }
  KvBucket& rows = *bucket->kv();
  const StoredKeys stored(rows.table()->keys(), batch.keys);
  const auto state = rows.state();
  kv::RowBatch old_rows;
  const uint64_t row_bytes_max = kRowBytesFactor * journal_record_bytes_max();
  old_rows.set_bytes_max(row_bytes_max);
  old_rows.Reset(batch.keys.size());
  state->overlay().LookupNewest(stored.keys(), &old_rows);
  if (old_rows.unknown() > 0) {
    KvCounters::Add(kv_counters_.old_rows_asked, old_rows.unknown());
    // Only this write may change rows now, so what the state says stays true, whatever is flushed to it meanwhile.
    TW_CO_RETURN_NOT_OK(co_await runtime::RunOn(environment_.pool, *shard.executor, [&]() -> arrow::Status {
      Entrance& use = bucket->store().state_use();
      if (!use.Enter()) return Error(ErrorCode::kUnknownTableOrBucket, "Its table was dropped.");
      const arrow::Status status = state->Complete(stored.keys(), &old_rows);
      use.Leave();
      return status;
    }));
    TW_CO_RETURN_NOT_OK(bucket->failure());
  }
  if (request.only_missing && HasAll(old_rows)) {
    TW_CO_ASSIGN_OR_RETURN(const bool durable, bucket->CheckDurable(done));
    wait = done && !durable;
    co_return PutDone{.end = bucket->next_offset(), .records = count};
  }
  TW_CO_RETURN_NOT_OK(co_await EnsureNumbers(shard, *bucket, *request.table, batch.keys.size()));
  const LogOffset begin = bucket->next_offset();
  TW_CO_ASSIGN_OR_RETURN(auto merged,
                         rows.Merge(request, batch, stored.keys(), old_rows, begin, row_bytes_max, shard.builders));
  const uint64_t bytes = merged.changelog.records.size();
  if (bytes > journal_record_bytes_max()) {
    rows.Abort();
    co_return Error(ErrorCode::kRecordTooLarge,
                    "What the batch changes takes {} bytes in the log, at most {} fit: send smaller batches.", bytes,
                    journal_record_bytes_max());
  }
  auto accepted = bucket->Append(std::move(merged.changelog), environment_.clock.WallMs(), done);
  if (!accepted.ok()) {
    rows.Abort();
    co_return accepted.status();
  }
  TW_CHECK(accepted->entry && accepted->base == begin);
  rows.Accept(merged);
  CountInFlight(shard, static_cast<int64_t>(bytes) - static_cast<int64_t>(reserved));
  reserved = 0;
  journal_->Append(std::move(*accepted->entry));
  KvCounters::Add(kv_counters_.puts);
  KvCounters::Add(kv_counters_.rows_put, count);
  wait = done != nullptr;
  co_return PutDone{.end = merged.end, .records = count};
}

runtime::Task<arrow::Status> Engine::EnsureNumbers(Shard& shard, Bucket& bucket, const KvTable& table, uint64_t count) {
  const auto column = table.numbered_column();
  RowNumbers& numbers = bucket.kv()->numbers();
  if (column && numbers.left() < count) {
    const int64_t reserved = std::max(std::min(table.config().auto_increment_cache_size, kNumbersReservedMax),
                                      static_cast<int64_t>(count - numbers.left()));
    TW_CO_ASSIGN_OR_RETURN(const int64_t first, co_await options_.kv.reserve_numbers(
                                                    bucket.store().bucket().table, *column, reserved, *shard.executor));
    numbers.Add(first, reserved);
    TW_CO_RETURN_NOT_OK(bucket.failure());
  }
  co_return arrow::Status::OK();
}

runtime::Task<arrow::Status> Engine::AwaitDirtyRoom(Shard& shard, int64_t timeout_ms) {
  const int64_t deadline_ns = environment_.clock.MonotonicNs() + timeout_ms * 1'000'000;
  while (dirty_->IsFull()) {
    if (stopping_) co_return StoppingError();
    if (environment_.clock.MonotonicNs() >= deadline_ns) {
      co_return Error(ErrorCode::kStorageBackpressure,
                      "Rows come faster than they reach the disk: nothing was written. Retry.");
    }
    // What scans keep of it at most then is a quarter, since so many are open.
    scans_->MakeRoom(dirty_->limit() / static_cast<int64_t>(4 * options_.kv.scans.open_max));
    co_await runtime::Sleep(*shard.executor, kRoomPause);
  }
  co_return arrow::Status::OK();
}

runtime::Task<arrow::Result<std::shared_ptr<Bucket>>> Engine::FindRows(Shard& shard, TableBucket id) {
  if (!states_) co_return Error(ErrorCode::kNonPrimaryKeyTable, "{} keeps no rows by key.", id);
  TW_CO_ASSIGN_OR_RETURN(auto bucket, co_await Find(shard, id));
  if (!bucket->kv()) bucket->MakeKv(*shard.executor, *state_flusher_);
  TW_CO_RETURN_NOT_OK(co_await EnsureRows(shard, bucket));
  co_return bucket;
}

runtime::Task<arrow::Status> Engine::Lookup(TableBucket id, std::span<const ByteView> keys, FoundRows& rows,
                                            runtime::Executor& home) {
  Shard& shard = ShardFor(id);
  co_await runtime::EnsureOn(*shard.executor);
  const auto bucket = co_await FindRows(shard, id);
  arrow::Status status = bucket.status();
  if (status.ok()) {
    const auto state = (*bucket)->kv()->state();
    const StoredKeys stored((*bucket)->kv()->table()->keys(), keys);
    KvCounters::Add(kv_counters_.lookups);
    KvCounters::Add(kv_counters_.keys_looked_up, keys.size());
    if (!state->LookupInMemory(stored.keys(), &rows)) {
      KvCounters::Add(kv_counters_.keys_from_state, rows.unknown());
      co_await runtime::SwitchTo(environment_.pool);
      Entrance& use = (*bucket)->store().state_use();
      if (use.Enter()) {
        status = state->Complete(stored.keys(), &rows);
        use.Leave();
      } else {
        status = Error(ErrorCode::kUnknownTableOrBucket, "The table of {} was dropped.", id);
      }
    }
  }
  co_await runtime::EnsureOn(home);
  co_return status;
}

namespace {

arrow::Result<ScannedRows> ScanSnapshot(const kv::StateSnapshot& snapshot, const RowScan& scan) {
  ScannedRows found;
  const auto cursor = snapshot.Scan(scan.prefix);
  for (; cursor->Valid() && static_cast<int64_t>(found.places.size()) < scan.limit; cursor->Next()) {
    const ByteView value = cursor->value();
    if (found.bytes.size() + value.size() > scan.bytes_max) {
      found.cut = true;
      break;
    }
    found.places.emplace_back(found.bytes.size(), value.size());
    found.bytes.insert(found.bytes.end(), value.begin(), value.end());
  }
  ARROW_RETURN_NOT_OK(cursor->status());
  return found;
}

/// See Engine::ScanAll.
arrow::Result<std::vector<ScannedRows>> ScanState(kv::BucketState& state, const format::KeyCodec& prefixes,
                                                  std::span<const RowScan> scans) {
  ARROW_ASSIGN_OR_RAISE(const auto snapshot, state.TakeSnapshot());
  std::vector<ScannedRows> found;
  found.reserve(scans.size());
  uint64_t left = scans.empty() ? 0 : scans.front().bytes_max;
  std::vector<uint8_t> stored;
  for (RowScan scan : scans) {
    if (prefixes.drops_zeros()) {
      prefixes.DropZeros(scan.prefix, &stored);
      scan.prefix = stored;
    }
    scan.bytes_max = left;
    ARROW_ASSIGN_OR_RAISE(auto rows, ScanSnapshot(*snapshot, scan));
    left -= rows.bytes.size();
    found.push_back(std::move(rows));
    if (found.back().cut) break;
  }
  return found;
}

}  // namespace

runtime::Task<arrow::Result<ScannedRows>> Engine::ScanRows(TableBucket id, RowScan scan, runtime::Executor& home) {
  TW_CO_ASSIGN_OR_RETURN(auto found, co_await ScanAll(id, {&scan, 1}, home));
  co_return std::move(found.front());
}

runtime::Task<arrow::Result<std::vector<ScannedRows>>> Engine::ScanAll(TableBucket id, std::span<const RowScan> scans,
                                                                       runtime::Executor& home) {
  Shard& shard = ShardFor(id);
  co_await runtime::EnsureOn(*shard.executor);
  const auto bucket = co_await FindRows(shard, id);
  arrow::Result<std::vector<ScannedRows>> found = std::vector<ScannedRows>();
  if (!bucket.ok()) {
    found = bucket.status();
  } else {
    const auto state = (*bucket)->kv()->state();
    const auto table = (*bucket)->kv()->table();
    co_await runtime::SwitchTo(environment_.pool);
    Entrance& use = (*bucket)->store().state_use();
    if (use.Enter()) {
      found = ScanState(*state, table->prefixes(), scans);
      if (found.ok()) {
        for (const auto& rows : *found) KvCounters::Add(kv_counters_.rows_scanned, rows.places.size());
      }
      use.Leave();
    } else {
      found = Error(ErrorCode::kUnknownTableOrBucket, "The table of {} was dropped.", id);
    }
  }
  co_await runtime::EnsureOn(home);
  co_return found;
}

runtime::Task<arrow::Result<int64_t>> Engine::CountRows(TableBucket id, runtime::Executor& home) {
  Shard& shard = ShardFor(id);
  co_await runtime::EnsureOn(*shard.executor);
  const auto bucket = co_await FindRows(shard, id);
  std::optional<int64_t> count;
  if (bucket.ok()) count = (*bucket)->kv()->state()->meta().row_count;
  co_await runtime::EnsureOn(home);
  TW_CO_RETURN_NOT_OK(bucket.status());
  if (count) co_return *count;
  co_return Error(ErrorCode::kInvalidTable,
                  "The rows of {} are not counted: its table has the option table.changelog.image = wal.", id);
}

KvStats Engine::kv_stats() const {
  if (!states_) return {};
  const auto stores = states_->counts();
  return {.puts = kv_counters_.puts,
          .rows_put = kv_counters_.rows_put,
          .old_rows_asked = kv_counters_.old_rows_asked,
          .lookups = kv_counters_.lookups,
          .keys_looked_up = kv_counters_.keys_looked_up,
          .keys_from_state = kv_counters_.keys_from_state,
          .rows_scanned = kv_counters_.rows_scanned,
          .scans_opened = scans_->opened(),
          .scans_expired = scans_->expired(),
          .scans_open = scans_->open_count(),
          .flushes = dirty_->flushes(),
          .rows_flushed = dirty_->rows_flushed(),
          .flush_failures = state_flusher_->failures(),
          .dirty_bytes = dirty_->used(),
          .stores_open = states_->open_count(),
          .store_hits = stores.hits,
          .store_opens = stores.opens,
          .store_evictions = stores.evictions};
}

}  // namespace thalweg::tablet
