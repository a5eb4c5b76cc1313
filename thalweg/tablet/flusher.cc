#include "thalweg/tablet/flusher.h"

#include <algorithm>
#include <iterator>

#include "fmt/format.h"

namespace thalweg::tablet {
namespace {

constexpr int64_t kRetryDelayNs = 1'000'000'000;

// Shares of the journal: above the first the files are synced one behind the other, above the second several at a time.
constexpr double kNoPauses = 0.5;
constexpr double kHasty = 0.75;

}  // namespace

Flusher::Flusher(const runtime::Clock& clock, runtime::Executor& pool, journal::Journal& journal,
                 const StoreEnvironment& environment, const FlusherOptions& options, Hooks hooks)
    : clock_(clock),
      pool_(pool),
      journal_(journal),
      environment_(environment),
      options_(options),
      hooks_(std::move(hooks)) {}

Flusher::~Flusher() = default;

void Flusher::NoteUnwritten(std::shared_ptr<BucketStore> store) {
  std::lock_guard lock(mutex_);
  to_write_.push_back({std::move(store), clock_.MonotonicNs() + options_.write_delay_ns});
  const bool soon = environment_.unwritten_bytes > options_.unwritten_bytes_max / 2;
  ScheduleWriteLocked(soon ? 0 : options_.write_delay_ns);
}

void Flusher::Hurry() {
  std::lock_guard lock(mutex_);
  if (!to_write_.empty()) ScheduleWriteLocked(0);
}

void Flusher::NoteUnsynced(std::shared_ptr<BucketStore> store) {
  if (store->ExchangeQueuedForSync(true)) return;
  std::lock_guard lock(mutex_);
  next_round_.push_back(std::move(store));
  if (sync_ticks_ > 0) return;
  const int64_t due = round_began_ns_ + options_.sync_delay_ns - clock_.MonotonicNs();
  ScheduleSyncLocked(std::clamp<int64_t>(due, 0, options_.sync_delay_ns), true);
}

void Flusher::PostLocked(int64_t delay_ns, runtime::Work tick) {
  pool_.PostAfter(runtime::Nanos(delay_ns), [entrance = entrance_, tick = std::move(tick)]() mutable {
    if (!entrance->Enter()) return;
    tick();
    entrance->Leave();
  });
}

void Flusher::ScheduleWriteLocked(int64_t delay_ns) {
  const int64_t due_ns = clock_.MonotonicNs() + delay_ns;
  if (stopping_ || due_ns >= write_due_ns_) return;
  write_due_ns_ = due_ns;
  PostLocked(delay_ns, [this, due_ns] { WriteTick(due_ns); });
}

void Flusher::ScheduleSyncLocked(int64_t delay_ns, bool begins_round) {
  if (stopping_) return;
  ++sync_ticks_;
  PostLocked(delay_ns, [this, begins_round] { SyncTick(begins_round); });
}

bool Flusher::TakeWrite(Due& due, int64_t& wait_ns) {
  std::lock_guard lock(mutex_);
  wait_ns = INT64_MAX;
  if (stopping_) return false;
  const bool pressed = environment_.unwritten_bytes > options_.unwritten_bytes_max / 2;
  const int64_t now_ns = clock_.MonotonicNs();
  for (auto* list : {&to_retry_, &to_write_}) {
    if (list->empty()) continue;
    wait_ns = std::min(wait_ns, list->front().at_ns - now_ns);
    if (list->front().at_ns > now_ns && !(pressed && list == &to_write_)) continue;
    due = std::move(list->front());
    list->pop_front();
    return true;
  }
  return false;
}

void Flusher::WriteTick(int64_t due_ns) {
  {
    std::lock_guard lock(mutex_);
    if (due_ns != write_due_ns_) return;  // an earlier one took its place
    write_due_ns_ = INT64_MAX;
    // One at a time; who is at it takes all that is due and then posts again.
    if (std::exchange(writing_, true)) return;
  }
  Due due;
  int64_t wait_ns = 0;
  while (TakeWrite(due, wait_ns)) WriteOne(due.store);
  std::lock_guard lock(mutex_);
  writing_ = false;
  if (wait_ns != INT64_MAX) ScheduleWriteLocked(std::max<int64_t>(wait_ns, 0));
}

arrow::Result<LogOffset> Flusher::WritePieces(const std::shared_ptr<BucketStore>& store) {
  for (uint64_t left = store->unwritten_bytes();; left -= options_.write_bytes) {
    auto end = store->Write(options_.write_bytes);
    if (!end.ok()) return end;
    hooks_.written(store, *end);
    if (left <= options_.write_bytes) return end;
  }
}

void Flusher::WriteOne(const std::shared_ptr<BucketStore>& store) {
  const auto end = WritePieces(store);
  hooks_.tried(store, end.status());
  if (!end.ok() && !store->removed()) {
    hooks_.report(fmt::format("Writing {} failed and will be tried again; its records stay in the journal: {}",
                              store->bucket(), end.status().message()));
  }
  if (!store->removed()) NoteUnsynced(store);  // after a failure the sync is what mends the file
  std::lock_guard lock(mutex_);
  if (!end.ok()) ++write_failures_;
  if (store->StopWriting()) return;
  const int64_t now_ns = clock_.MonotonicNs();
  if (end.ok()) {
    to_write_.push_back({store, now_ns + options_.write_delay_ns});
  } else {
    to_retry_.push_back({store, now_ns + kRetryDelayNs});
  }
}

bool Flusher::SyncOne(const std::shared_ptr<BucketStore>& store) {
  store->ExchangeQueuedForSync(false);
  const arrow::Status status = store->Sync(journal_);
  hooks_.tried(store, status);
  if (status.ok() || store->removed()) return true;
  hooks_.report(fmt::format("Syncing {} failed and will be tried again; its records stay in the journal: {}",
                            store->bucket(), status.message()));
  std::lock_guard lock(mutex_);
  ++sync_failures_;
  return false;
}

bool Flusher::WriteBackFirst(const std::shared_ptr<BucketStore>& store) {
  if (journal_.pressure() > kNoPauses || !store->WriteBack(options_.write_back_bytes)) return false;
  std::lock_guard lock(mutex_);
  --syncing_;
  --sync_ticks_;
  round_.push_back(store);  // the others first: what is written to it meanwhile must not keep them waiting
  ScheduleSyncLocked(options_.sync_pause_ns, false);
  return true;
}

void Flusher::SyncTick(bool begins_round) {
  const std::shared_ptr<BucketStore> store = TakeSync(begins_round);
  if (store && WriteBackFirst(store)) return;
  const bool synced = store && SyncOne(store);
  bool over = false;
  {
    std::lock_guard lock(mutex_);
    if (store) --syncing_;
    round_failed_ = round_failed_ || (store && !synced);
    over = store && round_.empty() && syncing_ == 0;
  }
  if (over) hooks_.round_over();
  const double pressure = journal_.pressure();
  if (store && !synced && !store->ExchangeQueuedForSync(true)) {
    std::lock_guard lock(mutex_);
    next_round_.push_back(store);
  }
  std::lock_guard lock(mutex_);
  --sync_ticks_;
  if (!round_.empty()) {
    const int64_t pause = pressure > kNoPauses ? 0 : options_.sync_pause_ns;
    for (int wanted = pressure > kHasty ? options_.hasty_syncs : 1; sync_ticks_ < wanted;) {
      ScheduleSyncLocked(pause, false);
      if (stopping_) return;
    }
  } else if (!next_round_.empty() && sync_ticks_ == 0) {
    const int64_t due = round_began_ns_ + options_.sync_delay_ns - clock_.MonotonicNs();
    const int64_t delay = round_failed_          ? std::max(due, kRetryDelayNs)
                          : pressure > kNoPauses ? 0
                                                 : std::max(due, options_.sync_pause_ns);
    ScheduleSyncLocked(delay, true);
  }
}

std::shared_ptr<BucketStore> Flusher::TakeSync(bool begins_round) {
  std::lock_guard lock(mutex_);
  if (stopping_) return nullptr;
  if (begins_round && round_.empty() && syncing_ == 0) {
    round_.swap(next_round_);
    round_began_ns_ = clock_.MonotonicNs();
    round_failed_ = false;
  }
  if (round_.empty()) return nullptr;
  auto store = std::move(round_.front());
  round_.pop_front();
  ++syncing_;
  return store;
}

void Flusher::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  entrance_->Close();
}

void Flusher::Drain(int64_t deadline_ns) {
  // Nothing runs any more, so the lists are ours.
  for (auto* list : {&to_write_, &to_retry_}) {
    for (const auto& due : *list) {
      if (const auto end = due.store->Write(); !end.ok() && !due.store->removed()) {
        hooks_.report(fmt::format("{} stays in the journal: {}", due.store->bucket(), end.status().message()));
      }
      next_round_.push_back(due.store);
    }
    list->clear();
  }
  std::ranges::move(next_round_, std::back_inserter(round_));
  next_round_.clear();
  for (const auto& store : round_) {
    if (clock_.MonotonicNs() > deadline_ns) break;
    SyncOne(store);
  }
  round_.clear();
  hooks_.round_over();
}

uint64_t Flusher::write_failures() const {
  std::lock_guard lock(mutex_);
  return write_failures_;
}

uint64_t Flusher::sync_failures() const {
  std::lock_guard lock(mutex_);
  return sync_failures_;
}

}  // namespace thalweg::tablet
