#include "thalweg/tablet/flusher.h"

#include <algorithm>
#include <iterator>

#include "fmt/format.h"
#include "thalweg/base/check.h"

namespace thalweg::tablet {
namespace {

// A bucket whose file refused a write or a sync is tried again after this long; its records stay in the journal.
constexpr int64_t kRetryDelayNs = 1'000'000'000;

}  // namespace

Flusher::Flusher(const runtime::Clock& clock, runtime::Executor& pool, journal::Journal& journal,
                 const StoreEnvironment& environment, const FlusherOptions& options, Hooks hooks)
    : clock_(clock),
      pool_(pool),
      journal_(journal),
      environment_(environment),
      options_(options),
      hooks_(std::move(hooks)) {}

Flusher::~Flusher() { TW_CHECK(inside_ == 0); }

void Flusher::NoteUnwritten(std::shared_ptr<BucketStore> store) {
  std::lock_guard lock(mutex_);
  to_write_.push_back({std::move(store), clock_.MonotonicNs() + options_.write_delay_ns});
  const bool soon = environment_.unwritten_bytes > options_.unwritten_bytes_max / 2;
  ScheduleWriteLocked(soon ? 0 : options_.write_delay_ns);
}

void Flusher::Hurry() {
  std::lock_guard lock(mutex_);
  ScheduleWriteLocked(0);
}

void Flusher::NoteUnsynced(std::shared_ptr<BucketStore> store) {
  if (store->ExchangeQueuedForSync(true)) return;
  std::lock_guard lock(mutex_);
  next_round_.push_back(std::move(store));
  if (!round_.empty()) return;
  const int64_t due = round_began_ns_ + options_.sync_delay_ns - clock_.MonotonicNs();
  ScheduleSyncLocked(std::clamp<int64_t>(due, 0, options_.sync_delay_ns));
}

void Flusher::ScheduleWriteLocked(int64_t delay_ns) {
  const bool sooner = delay_ns == 0 && !write_soon_;
  if (stopping_ || (write_scheduled_ && !sooner)) return;
  write_scheduled_ = true;
  write_soon_ = delay_ns == 0;
  ++inside_;
  pool_.PostAfter(runtime::Nanos(delay_ns), [this] { WriteTick(); });
}

void Flusher::ScheduleSyncLocked(int64_t delay_ns) {
  if (stopping_ || sync_scheduled_) return;
  sync_scheduled_ = true;
  ++inside_;
  pool_.PostAfter(runtime::Nanos(delay_ns), [this] { SyncTick(); });
}

void Flusher::Leave() {
  std::lock_guard lock(mutex_);
  if (--inside_ == 0) left_.notify_all();
}

bool Flusher::TakeWrite(Due& due, int64_t& wait_ns) {
  std::lock_guard lock(mutex_);
  wait_ns = -1;
  if (to_write_.empty() || stopping_) return false;
  const bool pressed = environment_.unwritten_bytes > options_.unwritten_bytes_max / 2;
  wait_ns = to_write_.front().at_ns - clock_.MonotonicNs();
  if (!pressed && wait_ns > 0) return false;
  due = std::move(to_write_.front());
  to_write_.pop_front();
  return true;
}

void Flusher::WriteTick() {
  {
    std::lock_guard lock(mutex_);
    write_scheduled_ = write_soon_ = false;
  }
  Due due;
  int64_t wait_ns = 0;
  while (TakeWrite(due, wait_ns)) WriteOne(due.store);
  if (wait_ns > 0) {
    std::lock_guard lock(mutex_);
    ScheduleWriteLocked(wait_ns);
  }
  Leave();
}

void Flusher::WriteOne(const std::shared_ptr<BucketStore>& store) {
  const auto end = store->Write();
  if (end.ok()) {
    hooks_.written(store, *end);
  } else if (!store->removed()) {
    hooks_.report(fmt::format("Writing {} failed and will be tried again; its records stay in the journal: {}",
                              store->bucket(), end.status().message()));
  }
  if (!store->removed()) NoteUnsynced(store);  // after a failure the sync is what mends the file
  std::lock_guard lock(mutex_);
  if (!end.ok()) ++write_failures_;
  if (store->unwritten_bytes() > 0) {
    to_write_.push_back({store, clock_.MonotonicNs() + (end.ok() ? options_.write_delay_ns : kRetryDelayNs)});
  }
}

bool Flusher::SyncOne(const std::shared_ptr<BucketStore>& store) {
  store->ExchangeQueuedForSync(false);
  const arrow::Status status = store->Sync(journal_);
  if (status.ok() || store->removed()) return true;
  hooks_.report(fmt::format("Syncing {} failed and will be tried again; its records stay in the journal: {}",
                            store->bucket(), status.message()));
  std::lock_guard lock(mutex_);
  ++sync_failures_;
  return false;
}

void Flusher::SyncTick() {
  std::shared_ptr<BucketStore> store;
  {
    std::lock_guard lock(mutex_);
    sync_scheduled_ = false;
    if (round_.empty()) {
      round_.swap(next_round_);
      round_began_ns_ = clock_.MonotonicNs();
    }
    if (!round_.empty() && !stopping_) {
      store = std::move(round_.front());
      round_.pop_front();
    }
  }
  const bool synced = store && SyncOne(store);
  bool over = false;
  {
    std::lock_guard lock(mutex_);
    over = round_.empty();
  }
  if (over && store) hooks_.round_over();
  const double pressure = journal_.pressure();
  if (store && !synced) NoteUnsynced(store);
  std::lock_guard lock(mutex_);
  if (!round_.empty()) {
    ScheduleSyncLocked(pressure > 0.75 ? 0 : options_.sync_pause_ns);
  } else if (!next_round_.empty()) {
    const int64_t due = round_began_ns_ + options_.sync_delay_ns - clock_.MonotonicNs();
    ScheduleSyncLocked(pressure > 0.5 ? options_.sync_pause_ns : std::max<int64_t>(due, options_.sync_pause_ns));
  }
  if (--inside_ == 0) left_.notify_all();
}

void Flusher::Stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  left_.wait(lock, [this] { return inside_ == 0; });
}

void Flusher::Drain(int64_t deadline_ns) {
  // Nothing runs any more, so the lists are ours.
  for (const auto& due : to_write_) {
    if (const auto end = due.store->Write(); !end.ok() && !due.store->removed()) {
      hooks_.report(fmt::format("{} stays in the journal: {}", due.store->bucket(), end.status().message()));
    }
    next_round_.push_back(due.store);
  }
  to_write_.clear();
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
