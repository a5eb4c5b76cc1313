#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/runtime/byte_budget.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"

namespace thalweg::tablet {

/// Who may read from remote storage now. What is read comes into memory, and stays there until it is sent: so the bytes of all
/// reads together are bounded. And a store that does not answer keeps each reader for many seconds: once one has found it so,
/// the others are refused at once but for one that tries again, now and then.
///
/// Thread safety: all calls. What Hold gives may outlive this.
class RemoteReads {
 public:
  /// A read that failed after so long says something about the store, not about an object.
  static constexpr int64_t kSlowNs = 2'000'000'000;
  /// From one attempt at a store that does not answer to the next.
  static constexpr int64_t kPauseNs = 5'000'000'000;

  /// `report`: for a person, when the store stops answering and when it does again.
  RemoteReads(const runtime::Clock& clock, int64_t bytes_max, std::function<void(std::string)> report);
  ~RemoteReads();

  /// One read that was let in, and the memory that it has taken.
  class Pass {
   public:
    Pass() = default;
    Pass(Pass&&) = default;
    Pass& operator=(Pass&&) = default;
    /// The read is over: `window` holds what there is of it, and is counted until the last piece of it is gone.
    Bytes Hold(const Bytes& window);

   private:
    friend class RemoteReads;
    std::shared_ptr<runtime::ByteBudget> budget_;
    runtime::ByteBudget::Hold hold_;
    int64_t began_ns_ = 0;
    bool probe_ = false;
  };

  /// Takes memory for a read of about `bytes`, waiting for `wait_ms_max` where others have it all. kStorage, which clients try
  /// again, where that does not help, or the store does not answer.
  runtime::Task<arrow::Result<Pass>> Enter(int64_t bytes, int64_t wait_ms_max, runtime::Executor& home);
  /// To be called once for each that was let in, with what became of it.
  void Leave(const Pass& pass, const arrow::Status& status);

  int64_t memory_bytes() const { return budget_->used(); }
  uint64_t reads() const { return reads_; }
  uint64_t failures() const { return failures_; }

 private:
  arrow::Status CheckAnswers(bool& probe);

  const runtime::Clock& clock_;
  const std::function<void(std::string)> report_;
  const std::shared_ptr<runtime::ByteBudget> budget_;
  std::atomic<uint64_t> reads_{0};
  std::atomic<uint64_t> failures_{0};

  std::mutex mutex_;
  bool silent_ = false;  ///< the store, when last asked
  bool probing_ = false;
  int64_t next_probe_ns_ = 0;
};

}  // namespace thalweg::tablet
