#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/format/changelog_reader.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/format/value_batch.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/tablet/row_snapshots.h"

// Rows by key, when a bucket is first asked for them: its state on disk, and what its changelog says since.

namespace thalweg::tablet {
namespace {

arrow::Result<std::vector<Bytes>> LoadRuns(const ReadResult& read) {
  std::vector<Bytes> runs;
  if (const auto* memory = std::get_if<MemoryRange>(&read.data)) {
    for (const auto& run : memory->runs) runs.push_back(run.batches);
  } else if (const auto* range = std::get_if<log::LogRange>(&read.data)) {
    auto buffer = std::make_shared<Buffer>(range->bytes);
    ARROW_ASSIGN_OR_RAISE(const size_t got, range->file->ReadAt(range->position, buffer->view()));
    if (got < buffer->size()) {
      return Error(ErrorCode::kLogStorage, "{} is shorter than its index says.", range->file->path());
    }
    runs.emplace_back(std::shared_ptr<const Buffer>(std::move(buffer)));
  }
  return runs;
}

/// Puts what one batch of the changelog did into the overlay, as durable as it is.
arrow::Status ReplayBatch(const format::LogBatchView& batch, const KvTable& table, format::ChangelogReader& reader,
                          kv::DirtyOverlay& overlay, std::vector<uint8_t>& value) {
  const auto* schema = table.FindSchema(batch.header.schema_id);
  if (!schema) {
    return Error(ErrorCode::kSchemaNotExist, "The changelog names schema version {}, which there is not.",
                 batch.header.schema_id);
  }
  overlay.Begin(batch.header.base_offset);
  int64_t rows_added = 0;
  arrow::Status status = reader.Start(batch, *schema);
  if (status.ok()) {
    while (reader.Next()) {
      const LogOffset offset = batch.header.base_offset + reader.index();
      if (reader.change_type() == format::ChangeType::kDelete) {
        overlay.Remove(reader.key(), offset);
        --rows_added;
        continue;
      }
      if (reader.change_type() == format::ChangeType::kInsert) ++rows_added;
      format::EncodeStoredValue(batch.header.schema_id, reader.row(), &value);
      overlay.Put(reader.key(), value, offset);
    }
    status = reader.status();
  }
  if (!status.ok()) {
    overlay.Abort();
    return status;
  }
  overlay.Commit(batch.header.next_offset(), rows_added);
  overlay.Publish(batch.header.next_offset());
  return arrow::Status::OK();
}

}  // namespace

runtime::Task<arrow::Status> Engine::EnsureRows(Shard& shard, std::shared_ptr<Bucket> bucket) {
  KvBucket& rows = *bucket->kv();
  if (rows.open()) co_return arrow::Status::OK();
  if (rows.BeginOpening()) runtime::Spawn(OpenRows(shard, bucket));
  if (rows.open()) co_return arrow::Status::OK();
  co_return co_await rows.WaitOpened();
}

runtime::Task<> Engine::OpenRows(Shard& shard, std::shared_ptr<Bucket> bucket) {
  const TableBucket id = bucket->store().bucket();
  const LogOffset start = bucket->start();
  const LogOffset end = bucket->next_offset();
  // Always a switch, so that those who wait stand in line before it is over.
  auto opened = co_await runtime::RunOn(
      environment_.pool, *shard.executor, [&]() -> arrow::Result<std::shared_ptr<kv::BucketState>> {
        Entrance& use = bucket->store().state_use();
        if (!use.Enter()) return Error(ErrorCode::kUnknownTableOrBucket, "The table of {} was dropped.", id);
        const auto table = options_.kv.table_of(id);
        arrow::Result<std::shared_ptr<kv::BucketState>> state =
            Error(ErrorCode::kNonPrimaryKeyTable, "{} keeps no rows by key.", id);
        if (!table.ok()) state = table.status();
        if (table.ok() && *table) {
          const kv::BucketState::Options options{
              .bucket = id, .count_rows = (*table)->counts_rows(), .store_failed = [this, id] {
                scans_->EndAll(id, "the state on disk has failed");
              }};
          state = kv::BucketState::Open(*states_, *dirty_, options);
          if (state.ok() && (*state)->overlay().stored() > end && start == LogOffset(0)) {
            // A power cut took the end of the changelog, which was acknowledged from the page cache. All of the rest is there.
            options_.report(
                fmt::format("The rows of {} on disk are ahead of its changelog and are made anew from it.", id));
            *state = nullptr;
            const arrow::Status removed = states_->Remove(id);
            state = removed.ok() ? kv::BucketState::Open(*states_, *dirty_, options) : removed;
          }
        }
        use.Leave();
        return state;
      });
  arrow::Status status = opened.status();
  std::shared_ptr<const KvTable> table;
  if (status.ok()) {
    auto found = options_.kv.table_of(id);
    status = found.status();
    if (status.ok()) table = std::move(*found);
    if (status.ok()) {
      status = table ? co_await ReplayChangelog(shard, bucket, *table, **opened)
                     : Error(ErrorCode::kUnknownTableOrBucket, "The table of {} was dropped.", id);
    }
  }
  std::shared_ptr<FlushedState> state;
  if (status.ok()) {
    state = std::make_shared<FlushedState>(id, std::move(*opened), bucket->shared_store());
    bucket->store().NoteStateStored(state->state->overlay().stored());
    if (snapshots_) snapshots_->Add(state);
    if (state->state->overlay().bytes() > 0) state_flusher_->NoteDirty(state);
  } else if (CodeOf(status) != ErrorCode::kUnknownTableOrBucket) {
    options_.report(status.message());
  }
  bucket->kv()->EndOpening(std::move(status), std::move(state), std::move(table));
}

runtime::Task<arrow::Status> Engine::ReplayChangelog(Shard& shard, std::shared_ptr<Bucket> bucket, const KvTable& table,
                                                     kv::BucketState& state) {
  const TableBucket id = bucket->store().bucket();
  const LogOffset end = bucket->next_offset();  // nothing can be appended before the rows are there
  LogOffset at = state.overlay().stored();
  if (at > end) {
    co_return Error(ErrorCode::kKvStorage,
                    "The rows of {} on disk are those of offset {}, its changelog ends at {}: records of it are lost.",
                    id, at, end);
  }
  auto reader = table.MakeReader();
  std::vector<uint8_t> value;
  while (at < end) {
    auto read = co_await Read({.bucket = id, .from = at, .bytes_max = options_.kv.replay_bytes, .at_least_one = true},
                              *shard.executor);
    if (CodeOf(read.status) == ErrorCode::kLogOffsetOutOfRange) {
      co_return Error(ErrorCode::kKvStorage,
                      "The rows of {} on disk are those of offset {}, and its changelog begins later, at {}: put the "
                      "folder of its state back, or write the rows into a new table.",
                      id, at, read.start);
    }
    TW_CO_RETURN_NOT_OK(read.status);
    const auto replayed = co_await runtime::RunOn(environment_.pool, *shard.executor, [&]() -> arrow::Status {
      Entrance& use = bucket->store().state_use();
      if (!use.Enter()) return Error(ErrorCode::kUnknownTableOrBucket, "The table of {} was dropped.", id);
      const auto replay = [&]() -> arrow::Status {
        ARROW_ASSIGN_OR_RAISE(const auto runs, LoadRuns(read));
        for (const auto& run : runs) {
          for (format::BatchIterator it(run.view()); !it.AtEnd();) {
            ARROW_ASSIGN_OR_RAISE(const auto batch, it.Next());
            if (batch.header.next_offset() <= at) continue;
            ARROW_RETURN_NOT_OK(ReplayBatch(batch, table, reader, state.overlay(), value));
            at = batch.header.next_offset();
          }
        }
        return dirty_->IsOver() ? state.Flush().status() : arrow::Status::OK();
      };
      const arrow::Status status = replay();
      use.Leave();
      return status;
    });
    TW_CO_RETURN_NOT_OK(replayed);
    if (read.bytes == 0) {
      co_return Error(ErrorCode::kLogStorage, "Offset {} of {} cannot be read now: retry.", at, id);
    }
  }
  co_return arrow::Status::OK();
}

}  // namespace thalweg::tablet
