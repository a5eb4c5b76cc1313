#include "thalweg/tablet/tierer.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"

namespace thalweg::tablet {

Tierer::Tierer(const runtime::Clock& clock, runtime::Executor& pool, const TieringOptions& options, Hooks hooks)
    : clock_(clock), pool_(pool), options_(options), hooks_(std::move(hooks)) {}

Tierer::~Tierer() = default;

void Tierer::PostLocked(int64_t delay_ns, void (Tierer::*work)()) {
  if (stopping_) return;
  pool_.PostAfter(runtime::Nanos(delay_ns), [entrance = entrance_, this, work] {
    if (!entrance->Enter()) return;
    (this->*work)();
    entrance->Leave();
  });
}

void Tierer::Start() {
  std::lock_guard lock(mutex_);
  PostLocked(options_.interval_ns, &Tierer::Round);
}

void Tierer::HurryDrops() {
  std::lock_guard lock(mutex_);
  if (!std::exchange(drops_posted_, true)) PostLocked(0, &Tierer::FinishDrops);
}

void Tierer::FinishDrops() {
  arrow::Status finished;
  {
    std::lock_guard one(drops_mutex_);
    {
      std::lock_guard lock(mutex_);
      drops_posted_ = false;  // what is dropped from here on may be missed
    }
    finished = hooks_.finish_drops([this] { return GoOn(); });
  }
  if (finished.IsCancelled()) return;
  std::lock_guard lock(mutex_);
  if (!finished.ok()) ++failures_;
  if (std::exchange(drops_failing_, !finished.ok()) || finished.ok()) return;
  hooks_.report("Remote data of a dropped table could not be removed and will be tried again: " + finished.message());
}

void Tierer::Round() {
  FinishDrops();
  auto stores = hooks_.buckets();
  std::lock_guard lock(mutex_);
  queue_.assign(std::make_move_iterator(stores.begin()), std::make_move_iterator(stores.end()));
  if (queue_.empty()) {
    PostLocked(options_.interval_ns, &Tierer::Round);
    return;
  }
  workers_ = static_cast<int>(std::min<size_t>(static_cast<size_t>(options_.copiers_max), queue_.size()));
  for (int i = 0; i < workers_; ++i) PostLocked(0, &Tierer::Work);
}

// One bucket, then the next one is posted: whoever else needs the pool gets in between.
void Tierer::Work() {
  std::shared_ptr<BucketStore> store;
  {
    std::lock_guard lock(mutex_);
    if (!queue_.empty()) {
      store = std::move(queue_.front());
      queue_.pop_front();
    }
  }
  if (store) TakeTurn(store);
  std::lock_guard lock(mutex_);
  if (!queue_.empty()) {
    PostLocked(0, &Tierer::Work);
  } else if (--workers_ == 0) {
    PostLocked(options_.interval_ns, &Tierer::Round);
  }
}

void Tierer::TakeTurn(const std::shared_ptr<BucketStore>& store) {
  const auto policy = options_.policy_of(store->bucket());
  if (!policy || stopping_) return;
  const auto more = store->TierTurn(*policy, clock_.WallMs(), [this] { return GoOn(); });
  const bool gone = more.status().IsCancelled() || store->removed();
  std::lock_guard lock(mutex_);
  if (more.ok() || gone) {
    failing_.erase(store->bucket());
    if (more.ok() && *more) queue_.push_back(store);
    return;
  }
  ++failures_;
  if (!failing_.insert(store->bucket()).second) return;
  hooks_.report(
      fmt::format("Copying segments of {} to remote storage failed and will be tried again; they stay here: {}",
                  store->bucket(), more.status().message()));
}

void Tierer::BeginStop() { stopping_ = true; }

void Tierer::Stop() {
  BeginStop();
  entrance_->Close();
}

uint64_t Tierer::failures() const {
  std::lock_guard lock(mutex_);
  return failures_;
}

}  // namespace thalweg::tablet
