#include <chrono>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/tablet/engine.h"

namespace thalweg::tablet {
namespace {

// What a journal file needs beside the payload of its only record.
constexpr uint64_t kRecordOverheadBytes = 2 * journal::kGroupAlignment;

}  // namespace

/// An append that waits for room.
struct Engine::Admission {
  uint64_t bytes = 0;
  std::coroutine_handle<> handle;
  arrow::Status status;
  bool over = false;
};

arrow::Status Engine::StoppingError() { return Error(ErrorCode::kNotLeaderOrFollower, "The server is shutting down."); }

bool Engine::HasRoom(const Shard& shard, uint64_t bytes) const {
  if (ring_full_.load(std::memory_order_relaxed)) return false;
  return shard.in_flight_bytes == 0 || shard.in_flight_bytes + bytes <= options_.in_flight_bytes_max;
}

uint64_t Engine::journal_record_bytes_max() const {
  return options_.journal.ring.file_bytes - journal::kFileHeaderBytes - kRecordOverheadBytes;
}

runtime::Task<arrow::Status> Engine::Admit(Shard& shard, uint64_t bytes, int64_t timeout_ms) {
  if (stopping_) co_return StoppingError();
  if (failed_) co_return health();
  if (bytes > journal_record_bytes_max()) {
    co_return Error(ErrorCode::kRecordTooLarge, "{} bytes at once are more than a journal file holds ({}).", bytes,
                    options_.journal.ring.file_bytes);
  }
  TW_CO_RETURN_NOT_OK(disk_.Take(bytes));
  if (shard.queue.empty() && HasRoom(shard, bytes)) {
    CountInFlight(shard, static_cast<int64_t>(bytes));
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
    CountInFlight(shard, static_cast<int64_t>(admission->bytes));
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
  co_await runtime::EnsureOn(*shard.executor);
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
        CountInFlight(shard, -static_cast<int64_t>(release));
        if (durable && !accepted->durable) {
          TW_CO_RETURN_NOT_OK(co_await done.Wait(home));
        } else {
          co_await runtime::EnsureOn(home);
        }
        co_return appended;
      }
      refused = accepted.status();
    } else {
      refused = bucket.status();
    }
    CountInFlight(shard, -static_cast<int64_t>(release));
    AdmitWaiting(shard);
  }
  co_await runtime::EnsureOn(home);
  co_return refused;
}

}  // namespace thalweg::tablet
