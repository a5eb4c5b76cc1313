#include "thalweg/tablet/engine.h"

#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/tablet/row_snapshots.h"

namespace thalweg::tablet {
namespace {

// So many buckets of dropped tables are remembered on each shard: late requests for them get a plain answer.
constexpr size_t kDroppedKept = 10'000;

}  // namespace

Engine::Engine(const EngineEnvironment& environment, const EngineOptions& options)
    : environment_(environment),
      options_(options),
      files_(environment.fs, options.open_files_max),
      indexes_(options.indexes_max),
      stores_environment_{.fs = environment_.fs,
                          .files = files_,
                          .indexes = indexes_,
                          .log_options = options.log,
                          .directory = options.directory + "/log",
                          .set_aside = options.directory + "/unreplayed",
                          .remote_drops = options.directory + "/remote-drops",
                          .tiering = options.tiering,
                          .direct_bytes_min = options.journal.direct_bytes_min,
                          .direct_backlog_max = options.direct_backlog_max,
                          .report = options.report},
      full_share_(options.journal_full_share),
      disk_(
          environment.fs, options.directory, options.disk,
          {.owed =
               [this] { return in_flight_bytes_ + stores_environment_.unwritten_bytes + journal_->preparing_bytes(); },
           .measured =
               [this](bool takes) {
                 if (takes) journal_->RetryGrowth();
               },
           .report = options.report}) {
  for (auto* executor : environment.shards) shards_.push_back({.executor = executor});
  if (!options.kv.stores) return;
  stores_environment_.stored_rows = [this](const TableBucket& bucket) -> arrow::Result<std::optional<LogOffset>> {
    ARROW_ASSIGN_OR_RAISE(const auto table, options_.kv.table_of(bucket));
    if (!table) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(const auto lease, states_->Acquire(bucket, {}));
    // Somebody may be writing to it: what has been applied is on disk only once it is flushed.
    const LogOffset applied = lease->meta().applied;
    ARROW_RETURN_NOT_OK(lease->Flush());
    return applied;
  };
  states_ = std::make_unique<kv::StorePool>(*options.kv.stores, options.kv.open_stores_max);
  dirty_ = std::make_unique<kv::DirtyBudget>(options.kv.dirty_bytes_max, options.kv.hash_seed);
  state_flusher_ =
      std::make_unique<StateFlusher>(environment.clock, environment.pool, *dirty_, options.kv.flusher, options.report);
  FullScanLimits scans = options.kv.scans;
  scans.open_max = std::min(scans.open_max, std::max<size_t>(options.kv.open_stores_max / 2, 1));
  scans_ = std::make_unique<FullScans>(
      environment.clock, options.kv.random ? *options.kv.random : runtime::SystemRandom(), environment.pool, scans);
}

Engine::~Engine() = default;

size_t Engine::ShardIndexOf(const TableBucket& bucket) const {
  return std::hash<TableBucket>{}(bucket) % shards_.size();
}

Engine::Shard& Engine::ShardFor(const TableBucket& bucket) const { return shards_[ShardIndexOf(bucket)]; }

runtime::Executor& Engine::ShardOf(const TableBucket& bucket) const { return *ShardFor(bucket).executor; }

std::shared_ptr<BucketStore> Engine::StoreFor(const TableBucket& bucket) {
  std::lock_guard lock(stores_mutex_);
  auto& store = stores_[bucket];
  if (!store) store = std::make_shared<BucketStore>(bucket, stores_environment_, std::nullopt);
  return store;
}

void Engine::CountInFlight(Shard& shard, int64_t bytes) {
  shard.in_flight_bytes += static_cast<uint64_t>(bytes);
  in_flight_bytes_ += static_cast<uint64_t>(bytes);
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

runtime::Task<arrow::Status> Engine::CheckRoomNow() {
  if (disk_.Check().ok()) co_return arrow::Status::OK();
  co_await runtime::SwitchTo(environment_.pool);
  disk_.MeasureNow();
  co_return disk_.Check();
}

runtime::Task<arrow::Status> Engine::Drop(std::vector<TableBucket> buckets, runtime::Executor& home) {
  arrow::Status result;
  for (const auto& id : buckets) {
    Shard& shard = ShardFor(id);
    co_await runtime::SwitchTo(*shard.executor);
    Slot& slot = shard.slots[id];
    slot.closed = Error(ErrorCode::kUnknownTableOrBucket, "The table of {} was dropped.", id);
    if (auto bucket = std::exchange(slot.bucket, nullptr)) {
      CountInFlight(shard, -static_cast<int64_t>(bucket->Fail(slot.closed)));
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
    if (snapshots_) result &= snapshots_->Close(id);
    result &= store->Remove();
    if (states_) {
      store->state_use().Close();
      scans_->EndAll(id, "its table was dropped");  // after that: none can begin any more
      result &= states_->Remove(id);
    }
    if (snapshots_) snapshots_->Forget(id);
    NoteRingPressure();
    std::lock_guard lock(stores_mutex_);
    stores_.erase(id);
  }
  co_await runtime::SwitchTo(environment_.pool);
  disk_.NoteRemoved();
  if (tierer_) tierer_->HurryDrops();
  co_await runtime::SwitchTo(home);
  co_return result;
}

template <typename Apply>
void Engine::ForEachShard(std::vector<journal::Entry> group, Apply apply) {
  std::vector<std::vector<journal::Entry>> parts(shards_.size());
  for (auto& entry : group) parts[ShardIndexOf(entry.bucket)].push_back(std::move(entry));
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
      CountInFlight(shard, -static_cast<int64_t>(slot->second.bucket->Commit(std::move(entry))));
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
  ForEachShard(std::move(group), [this, why](Shard& shard, const journal::Entry& entry) {
    const auto slot = shard.slots.find(entry.bucket);
    if (slot == shard.slots.end() || !slot->second.bucket) return;
    CountInFlight(shard, -static_cast<int64_t>(slot->second.bucket->Fail(why)));
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
                    .sync_failures = flusher_->sync_failures(),
                    .buckets_set_aside = stores_environment_.buckets_set_aside,
                    .disk_free_bytes = disk_.free_bytes(),
                    .disk_low = disk_.low(),
                    .disk_refusals = disk_.refusals(),
                    .tiering_failures = tierer_ ? tierer_->failures() : 0};
  AddTieringStats(stats);
  stats.kv = kv_stats();
  std::lock_guard lock(stores_mutex_);
  stats.buckets = stores_.size();
  return stats;
}

void Engine::BeginStop() {
  if (stopping_.exchange(true)) return;
  StopCopying();
  RefuseWaiting(StoppingError());
  journal_->BeginClose();
}

void Engine::Stop(int64_t budget_ms) {
  const int64_t deadline = environment_.clock.MonotonicNs() + budget_ms * 1'000'000;
  BeginStop();
  journal_->Close();
  disk_.Stop();
  flusher_->Stop();
  if (state_flusher_) state_flusher_->Stop();
  if (scans_) scans_->Stop();
  flusher_->Drain(deadline);
  if (state_flusher_) state_flusher_->Drain(deadline);
  // Last: it may have to wait for a store that does not answer, and that time is not taken from the files.
  if (tierer_) tierer_->Stop();
  if (snapshots_) snapshots_->Stop();
}

}  // namespace thalweg::tablet
