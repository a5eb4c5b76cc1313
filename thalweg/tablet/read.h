#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/log/bucket_log.h"
#include "thalweg/remote/manifest.h"
#include "thalweg/runtime/completion.h"
#include "thalweg/runtime/executor.h"

namespace thalweg::tablet {

class BucketStore;

/// Wakes one waiting reader, once, when any of the buckets that it was given to has more to read.
/// Thread safety: Wake from any thread, as often as one likes; one coroutine waits.
class ReadWaiter {
 public:
  void Wake() {
    if (!woken_.exchange(true, std::memory_order_acq_rel)) completion_.Set(true);
  }
  bool woken() const { return woken_.load(std::memory_order_acquire); }
  auto Wait(runtime::Executor& executor) { return completion_.Wait(executor); }

 private:
  std::atomic<bool> woken_{false};
  runtime::Completion<bool> completion_;
};

/// Runs of batches in memory, in order; each run is whole batches of one append.
struct MemoryRange {
  struct Run {
    Bytes batches;
    Bytes statistics;  ///< of the whole append, see journal::Entry; only useful where `batches` is all of it
  };
  std::vector<Run> runs;
  bool borrowed = false;  ///< from remote storage: better copied in part than kept
};

/// Segments in remote storage, for a client that reads them for itself.
struct RemoteRange {
  std::string folder;                    ///< the address of the bucket's folder
  std::optional<std::string> partition;  ///< its name
  std::vector<remote::RemoteSegment> segments;
  uint64_t first_position = 0;  ///< in the file of the first segment, of the batch that contains the wanted offset
};

/// How many bytes from remote storage the reads of one request may bring, all together.
/// Thread safety: all calls.
class RemoteAllowance {
 public:
  explicit RemoteAllowance(uint64_t bytes) : left_(static_cast<int64_t>(std::min<uint64_t>(bytes, INT64_MAX))) {}
  /// What of `wanted` is left.
  uint64_t Take(uint64_t wanted) {
    int64_t left = left_;
    int64_t taken = 0;
    do {
      taken = std::min(std::max<int64_t>(left, 0), static_cast<int64_t>(wanted));
    } while (!left_.compare_exchange_weak(left, left - taken));
    return static_cast<uint64_t>(taken);
  }
  /// Of `taken` bytes, so many were read.
  void Settle(uint64_t taken, uint64_t read) { left_ += static_cast<int64_t>(taken) - static_cast<int64_t>(read); }

 private:
  std::atomic<int64_t> left_;
};

struct ReadRequest {
  TableBucket bucket;
  LogOffset from;  ///< kEarliest: the start of the log
  uint64_t bytes_max = 0;
  bool at_least_one = false;  ///< a first batch above bytes_max is given all the same
  bool statistics = false;    ///< those of remote batches are wanted as well
  bool takes_remote = false;  ///< a RemoteRange is as good as batches
  /// Where it is used up, nothing is given of what is in remote storage; null: no bound but the server's own.
  std::shared_ptr<RemoteAllowance> remote_allowance;
  std::shared_ptr<ReadWaiter> waiter;  ///< is told of the next append where there is nothing to read now
};
inline constexpr LogOffset kEarliest{-2};

/// Whole batches from the one that contains the wanted offset on, all below the high watermark at that time.
struct ReadResult {
  arrow::Status status;
  LogOffset start;           ///< of the log, remote storage included
  LogOffset high_watermark;  ///< end of what is durable and visible
  LogOffset first;           ///< of what is given
  LogOffset next;            ///< behind what is given
  uint64_t bytes = 0;        ///< of batches that are given
  std::variant<std::monostate, MemoryRange, log::LogRange, RemoteRange> data;
  std::shared_ptr<BucketStore> store;  ///< of a LogRange: whom to ask for statistics of its batches
};

}  // namespace thalweg::tablet
