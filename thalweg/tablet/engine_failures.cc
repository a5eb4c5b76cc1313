#include <utility>

#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::tablet {

void Engine::NoteTried(const std::shared_ptr<BucketStore>& store, const arrow::Status& status) {
  if (store->removed()) return;
  const int64_t now_ns = environment_.clock.MonotonicNs();
  if (status.ok()) {
    store->NoteFailingSince(0);
    disk_.NoteWritten();
  } else if (CodeOf(status) == ErrorCode::kDiskWriteLocked) {
    disk_.NoteFull();
  } else if (store->shut() || ShouldGiveUp(*store, now_ns)) {
    SetAside(store);
    store->NoteFailingSince(now_ns);  // should it have to be tried again, then not at once
  } else if (store->failing_since_ns() == 0) {
    store->NoteFailingSince(now_ns);
  }
}

bool Engine::ShouldGiveUp(const BucketStore& store, int64_t now_ns) const {
  const int64_t since_ns = store.failing_since_ns();
  if (since_ns == 0 || now_ns - since_ns < options_.give_up_ns || !store.needed_sequence()) return false;
  return journal_->pressure() > 0.5 || stores_environment_.unwritten_bytes > options_.flusher.unwritten_bytes_max;
}

void Engine::SetAside(const std::shared_ptr<BucketStore>& store) {
  const arrow::Status shut = Error(ErrorCode::kLogStorage,
                                   "The files of {} kept failing. Its acknowledged records that are not in them are "
                                   "set aside in {}, and the bucket is "
                                   "closed. Check the device.",
                                   store->bucket(), BucketDirectory(stores_environment_.set_aside, store->bucket()));
  // First, so that nothing more is acknowledged; what is in flight is set aside when it has come through the journal.
  CloseSlot(store->bucket(), shut);
  const arrow::Status status = store->SetAside(*journal_);
  options_.report(status.ok()
                      ? shut.message()
                      : fmt::format("The records of {} cannot be set aside either; they stay in the journal: {}",
                                    store->bucket(), status.message()));
  NoteRingPressure();
}

void Engine::CloseSlot(const TableBucket& id, const arrow::Status& why) {
  Shard& shard = ShardFor(id);
  shard.executor->Post([this, &shard, id, why] {
    Slot& slot = shard.slots[id];
    if (!slot.closed.ok()) return;
    slot.closed = why;
    if (auto bucket = std::exchange(slot.bucket, nullptr)) {
      CountInFlight(shard, -static_cast<int64_t>(bucket->Fail(why)));
      AdmitWaiting(shard);
    }
  });
}

}  // namespace thalweg::tablet
