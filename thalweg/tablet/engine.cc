#include "thalweg/tablet/engine.h"

#include <algorithm>
#include <utility>

#include "thalweg/base/check.h"
#include "thalweg/base/error.h"

namespace thalweg::tablet {
namespace {

/// Reads a range so that it is in the page cache when it is sent.
arrow::Status Warm(const log::LogRange& range) {
  constexpr uint64_t kChunkBytes = 256 << 10;
  Buffer scratch(std::min(kChunkBytes, range.bytes));
  for (uint64_t done = 0; done < range.bytes;) {
    const size_t want = std::min<uint64_t>(scratch.size(), range.bytes - done);
    ARROW_ASSIGN_OR_RAISE(const size_t got, range.file->ReadAt(range.position + done, scratch.view().first(want)));
    if (got == 0) return Error(ErrorCode::kLogStorage, "{} is shorter than its index says.", range.file->path());
    done += got;
  }
  return arrow::Status::OK();
}

// What a journal file needs beside the payload of its only record.
constexpr uint64_t kRecordOverheadBytes = 2 * journal::kGroupAlignment;

// So many buckets of dropped tables are remembered on each shard: late requests for them get a plain answer.
constexpr size_t kDroppedKept = 10'000;

arrow::Status StoppingError() { return Error(ErrorCode::kNotLeaderOrFollower, "The server is shutting down."); }

}  // namespace

/// An append that waits for room.
struct Engine::Admission {
  uint64_t bytes = 0;
  std::coroutine_handle<> handle;
  arrow::Status status;
  bool over = false;
};

Engine::Engine(const EngineEnvironment& environment, const EngineOptions& options)
    : environment_(environment),
      options_(options),
      files_(environment.fs, options.open_files_max),
      stores_environment_{.fs = environment_.fs,
                          .files = files_,
                          .indexes = indexes_,
                          .log_options = options.log,
                          .directory = options.directory + "/log",
                          .set_aside = options.directory + "/unreplayed",
                          .direct_backlog_max = options.direct_backlog_max,
                          .report = options.report},
      full_share_(options.journal_full_share) {
  for (auto* executor : environment.shards) shards_.push_back({.executor = executor});
}

Engine::~Engine() = default;

Engine::Shard& Engine::ShardFor(const TableBucket& bucket) const {
  return shards_[std::hash<TableBucket>{}(bucket) % shards_.size()];
}

runtime::Executor& Engine::ShardOf(const TableBucket& bucket) const { return *ShardFor(bucket).executor; }

std::shared_ptr<BucketStore> Engine::StoreFor(const TableBucket& bucket) {
  std::lock_guard lock(stores_mutex_);
  auto& store = stores_[bucket];
  if (!store) store = std::make_shared<BucketStore>(bucket, stores_environment_, std::nullopt);
  return store;
}

runtime::Task<arrow::Result<std::shared_ptr<Bucket>>> Engine::Find(Shard& shard, TableBucket bucket) {
  Slot& slot = shard.slots[bucket];
  if (slot.closed.ok() && !slot.bucket) {
    // Who starts the opening stands in the same line as those who come meanwhile: all go on in the order of arrival.
    struct Wait {
      Slot& slot;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> handle) { slot.waiting.push_back(handle); }
      void await_resume() const noexcept {}
    };
    if (!std::exchange(slot.opening, true)) runtime::Spawn(OpenSlot(shard, slot, bucket));
    co_await Wait{slot};
  }
  if (!slot.closed.ok()) co_return slot.closed;
  co_return slot.bucket;
}

runtime::Task<> Engine::OpenSlot(Shard& shard, Slot& slot, TableBucket bucket) {
  auto store = StoreFor(bucket);
  auto opened = co_await runtime::RunOn(environment_.pool, *shard.executor, [this, store] {
    auto recovered = store->TakeRecovered();
    if (recovered.ok() && store->needs_sync()) flusher_->NoteUnsynced(store);
    return recovered;
  });
  slot.opening = false;
  if (slot.closed.ok() && opened.ok()) {
    slot.bucket = std::make_shared<Bucket>(store, std::move(opened).ValueUnsafe());
    slot.bucket->Trim(store->log()->end());  // the flusher may have been at it meanwhile
  } else if (slot.closed.ok()) {
    slot.closed = opened.status();
    options_.report(slot.closed.message());
  }
  for (const auto waiting : std::exchange(slot.waiting, {})) waiting.resume();
}

bool Engine::HasRoom(const Shard& shard, uint64_t bytes) const {
  if (ring_full_.load(std::memory_order_relaxed)) return false;
  return shard.in_flight_bytes == 0 || shard.in_flight_bytes + bytes <= options_.in_flight_bytes_max;
}

runtime::Task<arrow::Status> Engine::Admit(Shard& shard, uint64_t bytes, int64_t timeout_ms) {
  if (stopping_) co_return StoppingError();
  if (failed_) co_return health();
  if (bytes > options_.journal.ring.file_bytes - journal::kFileHeaderBytes - kRecordOverheadBytes) {
    co_return Error(ErrorCode::kRecordTooLarge, "{} bytes at once are more than a journal file holds ({}).", bytes,
                    options_.journal.ring.file_bytes);
  }
  if (shard.queue.empty() && HasRoom(shard, bytes)) {
    shard.in_flight_bytes += bytes;
    co_return arrow::Status::OK();
  }
  auto admission = std::make_shared<Admission>(Admission{.bytes = bytes});
  shard.executor->PostAfter(std::chrono::milliseconds(timeout_ms), [&shard, admission] {
    if (admission->over) return;
    std::erase(shard.queue, admission);
    admission->over = true;
    admission->status = Error(ErrorCode::kRequestTimeOut,
                              "The device is slower than what is being written: nothing was appended. Retry.");
    admission->handle.resume();
  });
  struct Wait {
    Shard& shard;
    std::shared_ptr<Admission>& admission;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      admission->handle = handle;
      shard.queue.push_back(admission);
    }
    void await_resume() const noexcept {}
  };
  co_await Wait{shard, admission};
  co_return admission->status;
}

void Engine::AdmitWaiting(Shard& shard) {
  // Who goes on may be refused and come here again; without the flag that would nest as deep as the queue is long.
  if (std::exchange(shard.admitting, true)) return;
  while (!shard.queue.empty() && HasRoom(shard, shard.queue.front()->bytes)) {
    auto admission = std::move(shard.queue.front());
    shard.queue.pop_front();
    shard.in_flight_bytes += admission->bytes;
    admission->over = true;
    admission->handle.resume();
  }
  shard.admitting = false;
}

void Engine::RefuseWaiting(const arrow::Status& why) {
  for (auto& shard : shards_) {
    shard.executor->Post([&shard, why] {
      for (auto& admission : std::exchange(shard.queue, {})) {
        admission->over = true;
        admission->status = why;
        admission->handle.resume();
      }
    });
  }
}

void Engine::NoteRingPressure() {
  std::lock_guard lock(pressure_mutex_);
  const double pressure = journal_->pressure();
  if (pressure < options_.journal_full_share) full_share_ = options_.journal_full_share;
  const bool full =
      pressure >= full_share_ || stores_environment_.unwritten_bytes > 2 * options_.flusher.unwritten_bytes_max;
  if (ring_full_.exchange(full) == full || full) return;
  for (auto& shard : shards_) {
    shard.executor->Post([this, &shard] { AdmitWaiting(shard); });
  }
}

runtime::Task<arrow::Result<Engine::Appended>> Engine::Append(TableBucket id, AppendRequest request, bool durable,
                                                              int64_t timeout_ms, runtime::Executor& home) {
  Shard& shard = ShardFor(id);
  const uint64_t bytes = request.records.size() + request.statistics.size();
  arrow::Status refused = co_await Admit(shard, bytes, timeout_ms);
  if (refused.ok()) {
    uint64_t release = bytes;
    runtime::Completion<arrow::Status> done;
    auto bucket = co_await Find(shard, id);
    if (bucket.ok()) {
      auto accepted = (*bucket)->Append(std::move(request), environment_.clock.WallMs(), durable ? &done : nullptr);
      if (accepted.ok()) {
        const Appended appended{.base = accepted->base, .repeated = !accepted->entry};
        if (accepted->entry) {
          release = 0;
          journal_->Append(std::move(*accepted->entry));
        }
        shard.in_flight_bytes -= release;
        if (durable && !accepted->durable) {
          TW_CO_RETURN_NOT_OK(co_await done.Wait(home));
        } else if (&home != shard.executor) {
          co_await runtime::SwitchTo(home);
        }
        co_return appended;
      }
      refused = accepted.status();
    } else {
      refused = bucket.status();
    }
    shard.in_flight_bytes -= release;
    AdmitWaiting(shard);
  }
  if (&home != shard.executor) co_await runtime::SwitchTo(home);
  co_return refused;
}

runtime::Task<ReadResult> Engine::Read(ReadRequest request, runtime::Executor& home) {
  Shard& shard = ShardFor(request.bucket);
  runtime::Executor* here = shard.executor;
  auto bucket = co_await Find(shard, request.bucket);
  Bucket::ReadPlan plan;
  if (!bucket.ok()) {
    plan.result.status = bucket.status();
  } else {
    plan = (*bucket)->Read(request);
  }
  ReadResult& result = plan.result;
  if (plan.from_files) {
    const auto store = (*bucket)->shared_store();
    auto locate = [&](log::ReadMode mode) {
      return store->log()->Locate(result.first, plan.files_limit, request.bytes_max, mode);
    };
    auto located = locate(log::ReadMode::kNoWait);
    if (located.ok() && !*located) {
      co_await runtime::SwitchTo(environment_.pool);
      here = &environment_.pool;
      located = locate(log::ReadMode::kMayBlock);
    }
    if (!located.ok()) {
      result.status = located.status();
    } else if ((*located)->bytes == 0) {
      // What is wanted was readable, so its file has failed and the journal is being read again.
      result.status = Error(ErrorCode::kLogStorage, "Offset {} of {} is being written again after an error: retry.",
                            result.first, request.bucket);
    } else if ((*located)->bytes <= request.bytes_max || request.at_least_one) {
      log::LogRange range = std::move(**located);
      if (!range.file->IsResident(range.position, range.bytes)) {
        if (here != &environment_.pool) co_await runtime::SwitchTo(environment_.pool);
        here = &environment_.pool;
        result.status = Warm(range);
      }
      result.first = range.first;
      result.next = range.next;
      result.bytes = range.bytes;
      result.data = std::move(range);
      result.store = store;
    }
  }
  if (&home != here) co_await runtime::SwitchTo(home);
  co_return std::move(result);
}

runtime::Task<arrow::Result<Engine::Bounds>> Engine::BoundsOf(TableBucket id, runtime::Executor& home) {
  Shard& shard = ShardFor(id);
  auto bucket = co_await Find(shard, id);
  Bounds bounds;
  if (bucket.ok()) bounds = {(*bucket)->start(), (*bucket)->high_watermark()};
  if (&home != shard.executor) co_await runtime::SwitchTo(home);
  if (!bucket.ok()) co_return bucket.status();
  co_return bounds;
}

runtime::Task<arrow::Result<LogOffset>> Engine::OffsetForTimestamp(TableBucket id, int64_t timestamp_ms,
                                                                   runtime::Executor& home) {
  Shard& shard = ShardFor(id);
  auto bucket = co_await Find(shard, id);
  if (!bucket.ok()) {
    if (&home != shard.executor) co_await runtime::SwitchTo(home);
    co_return bucket.status();
  }
  const LogOffset end = (*bucket)->high_watermark();
  const std::optional<LogOffset> in_tail = (*bucket)->TailOffsetForTimestamp(timestamp_ms);
  const auto store = (*bucket)->shared_store();
  auto in_files = co_await runtime::RunOn(environment_.pool, home,
                                          [&] { return store->log()->OffsetForTimestamp(timestamp_ms, end); });
  TW_CO_RETURN_NOT_OK(in_files.status());
  if (*in_files) co_return **in_files;  // commit times do not go back, so the files come first
  co_return in_tail.value_or(end);
}

runtime::Task<arrow::Status> Engine::Drop(std::vector<TableBucket> buckets, runtime::Executor& home) {
  arrow::Status result;
  for (const auto& id : buckets) {
    Shard& shard = ShardFor(id);
    co_await runtime::SwitchTo(*shard.executor);
    Slot& slot = shard.slots[id];
    slot.closed = Error(ErrorCode::kUnknownTableOrBucket, "The table of {} was dropped.", id);
    if (auto bucket = std::exchange(slot.bucket, nullptr)) {
      shard.in_flight_bytes -= bucket->Fail(slot.closed);
      AdmitWaiting(shard);
    }
    std::shared_ptr<BucketStore> store = StoreFor(id);
    shard.dropped.push_back(id);
    if (shard.dropped.size() > kDroppedKept) {
      const auto oldest = shard.slots.find(shard.dropped.front());
      if (oldest != shard.slots.end() && !oldest->second.opening) shard.slots.erase(oldest);
      shard.dropped.pop_front();
    }
    co_await runtime::SwitchTo(environment_.pool);
    result &= store->Remove();
    NoteRingPressure();
    std::lock_guard lock(stores_mutex_);
    stores_.erase(id);
  }
  co_await runtime::SwitchTo(home);
  co_return result;
}

template <typename Apply>
void Engine::ForEachShard(std::vector<journal::Entry> group, Apply apply) {
  std::vector<std::vector<journal::Entry>> parts(shards_.size());
  for (auto& entry : group) parts[std::hash<TableBucket>{}(entry.bucket) % shards_.size()].push_back(std::move(entry));
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) continue;
    shards_[i].executor->Post([apply, &shard = shards_[i], part = std::move(parts[i])]() mutable {
      for (auto& entry : part) apply(shard, std::move(entry));
    });
  }
}

void Engine::Committed(std::vector<journal::Entry> group) {
  const uint64_t next_sequence = group.back().sequence + 1;
  // First to the shards, then to the stores: a store's word that something is written must not overtake the commit.
  ForEachShard(group, [this](Shard& shard, journal::Entry entry) {
    const auto slot = shard.slots.find(entry.bucket);
    if (slot != shard.slots.end() && slot->second.bucket) {
      shard.in_flight_bytes -= slot->second.bucket->Commit(std::move(entry));
    }
    AdmitWaiting(shard);
  });
  for (auto& entry : group) {
    if (entry.direct) continue;
    auto store = std::static_pointer_cast<BucketStore>(entry.context);
    if (store->AddCommitted(std::move(entry))) flusher_->NoteUnwritten(std::move(store));
  }
  committed_sequence_ = next_sequence;
  if (stores_environment_.unwritten_bytes > options_.flusher.unwritten_bytes_max / 2) flusher_->Hurry();
  NoteRingPressure();
}

void Engine::Failed(std::vector<journal::Entry> group, const arrow::Status& why) {
  failed_ = true;
  RefuseWaiting(why);
  ForEachShard(std::move(group), [why](Shard& shard, const journal::Entry& entry) {
    const auto slot = shard.slots.find(entry.bucket);
    if (slot != shard.slots.end() && slot->second.bucket) shard.in_flight_bytes -= slot->second.bucket->Fail(why);
  });
}

void Engine::WriteDirect(std::vector<journal::Entry> entries,
                         std::move_only_function<void(std::vector<journal::Entry>, arrow::Status)> done) {
  environment_.pool.Post([this, entries = std::move(entries), done = std::move(done)]() mutable {
    const auto store = std::static_pointer_cast<BucketStore>(entries.front().context);
    arrow::Status status = store->WriteDirect(entries);
    if (status.ok()) {
      Trim(store, entries.front().first);
    } else if (!store->removed()) {
      options_.report("A large append goes through the journal, since its segment refused it: " + status.message());
    }
    // Also after success: the round that follows is what lets the journal forget the descriptor.
    flusher_->NoteUnsynced(store);
    done(std::move(entries), std::move(status));
  });
}

void Engine::Trim(const std::shared_ptr<BucketStore>& store, LogOffset end) {
  Shard& shard = ShardFor(store->bucket());
  shard.executor->Post([&shard, bucket = store->bucket(), end] {
    const auto slot = shard.slots.find(bucket);
    if (slot != shard.slots.end() && slot->second.bucket) slot->second.bucket->Trim(end);
  });
  NoteRingPressure();
}

EngineStats Engine::stats() const {
  EngineStats stats{.journal = journal_->stats(),
                    .unwritten_bytes = stores_environment_.unwritten_bytes,
                    .open_files = files_.size(),
                    .write_failures = flusher_->write_failures(),
                    .sync_failures = flusher_->sync_failures()};
  std::lock_guard lock(stores_mutex_);
  stats.buckets = stores_.size();
  return stats;
}

void Engine::BeginStop() {
  if (stopping_.exchange(true)) return;
  RefuseWaiting(StoppingError());
  journal_->BeginClose();
}

void Engine::Stop(int64_t budget_ms) {
  const int64_t deadline = environment_.clock.MonotonicNs() + budget_ms * 1'000'000;
  BeginStop();
  journal_->Close();
  flusher_->Stop();
  flusher_->Drain(deadline);
}

}  // namespace thalweg::tablet
