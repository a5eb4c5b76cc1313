#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "thalweg/journal/journal.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/tablet/bucket_store.h"
#include "thalweg/tablet/entrance.h"

namespace thalweg::tablet {

struct FlusherOptions {
  int64_t write_delay_ns = 500'000'000;        ///< committed batches reach their file this much later, at most
  uint64_t unwritten_bytes_max = 64ull << 20;  ///< above half of it they are written at once
  uint64_t write_bytes = 1ull << 20;           ///< of one bucket at a time: its readers and writers wait for no more
  int64_t sync_delay_ns = 1'000'000'000;       ///< between the beginnings of two rounds of syncs
  int64_t sync_pause_ns = 800'000;             ///< between two syncs of a round
  uint64_t write_back_bytes = 1ull << 20;      ///< of one file before the next pause
  int hasty_syncs = 4;                         ///< at the same time, while the journal is three quarters full
};

/// Moves committed batches from memory to segment files, and segment files to the device, in the background.
///
/// Writes are late, so that small batches of a bucket become one write. Syncs are paced: one file, a pause, the next. A
/// burst of them (or a syncfs) holds up the journal behind it: measured, p99 of an append 45 ms against 2 ms. So does a
/// single sync of very much, hence what is large is written back piece by piece, with pauses, before it is synced. No
/// pauses are made while the journal is more than half full, and from three quarters on several files are synced at a time.
///
/// A bucket whose file refused a write or a sync is tried again after a second; its records stay in the journal.
///
/// Thread safety: Note… from any thread; Stop from one. Runs on the pool, one write and (mostly) one sync at a time, and
/// nothing while there is nothing to do.
class Flusher {
 public:
  struct Hooks {
    /// The files of `store` hold everything below `end`.
    std::function<void(const std::shared_ptr<BucketStore>& store, LogOffset end)> written;
    /// How a write or sync of `store` went. Blocks.
    std::function<void(const std::shared_ptr<BucketStore>& store, const arrow::Status& status)> tried;
    /// A round of syncs is over: time for a checkpoint. Blocks.
    std::function<void()> round_over;
    /// For a person.
    std::function<void(std::string)> report;
  };

  Flusher(const runtime::Clock& clock, runtime::Executor& pool, journal::Journal& journal,
          const StoreEnvironment& environment, const FlusherOptions& options, Hooks hooks);
  ~Flusher();

  /// `store` has something to write.
  void NoteUnwritten(std::shared_ptr<BucketStore> store);
  /// More is unwritten than should be: write now.
  void Hurry();
  /// `store` has something to sync.
  void NoteUnsynced(std::shared_ptr<BucketStore> store);

  /// Waits for what is under way and starts nothing more. Blocks.
  void Stop();
  /// After Stop: writes everything, and syncs as much as fits before `deadline_ns` on the clock. Blocks.
  void Drain(int64_t deadline_ns);

  uint64_t write_failures() const;
  uint64_t sync_failures() const;

 private:
  struct Due {
    std::shared_ptr<BucketStore> store;
    int64_t at_ns = 0;
  };
  void PostLocked(int64_t delay_ns, runtime::Work tick);
  void ScheduleWriteLocked(int64_t delay_ns);
  void ScheduleSyncLocked(int64_t delay_ns, bool begins_round);
  void WriteTick(int64_t due_ns);
  void SyncTick(bool begins_round);
  std::shared_ptr<BucketStore> TakeSync(bool begins_round);
  bool TakeWrite(Due& due, int64_t& wait_ns);
  arrow::Result<LogOffset> WritePieces(const std::shared_ptr<BucketStore>& store);
  void WriteOne(const std::shared_ptr<BucketStore>& store);
  bool WriteBackFirst(const std::shared_ptr<BucketStore>& store);
  bool SyncOne(const std::shared_ptr<BucketStore>& store);

  const runtime::Clock& clock_;
  runtime::Executor& pool_;
  journal::Journal& journal_;
  const StoreEnvironment& environment_;
  const FlusherOptions options_;
  const Hooks hooks_;

  const std::shared_ptr<Entrance> entrance_ = std::make_shared<Entrance>();

  mutable std::mutex mutex_;
  bool stopping_ = false;
  std::deque<Due> to_write_;  ///< each bucket once in the two together
  std::deque<Due> to_retry_;
  int64_t write_due_ns_ = INT64_MAX;  ///< of the earliest posted tick
  bool writing_ = false;
  std::deque<std::shared_ptr<BucketStore>> round_;  ///< of syncs under way
  std::deque<std::shared_ptr<BucketStore>> next_round_;
  int64_t round_began_ns_ = 0;
  int sync_ticks_ = 0;  ///< posted or running
  int syncing_ = 0;     ///< running, of this round
  bool round_failed_ = false;
  uint64_t write_failures_ = 0;
  uint64_t sync_failures_ = 0;
};

}  // namespace thalweg::tablet
