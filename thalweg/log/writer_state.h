#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/ids.h"

namespace thalweg::log {

struct WriterStateOptions {
  /// A writer is forgotten once the log has moved on this far, in commit time, since its last batch.
  int64_t expire_after_ms = 7LL * 24 * 3600 * 1000;
  /// Beyond this many the least recently active writers are forgotten early.
  size_t writers_max = 10'000;
};

/// What the idempotent writers of one bucket sent last, so that a batch sent twice is appended once.
///
/// A writer numbers its batches of a bucket 0, 1, 2, …, with 0 behind the largest int32. The last five of each are
/// remembered. `Check` is asked when a batch is about to get offsets, `Append` tells that it got them; neither waits
/// for the disk, so the state includes what is in flight, and `Rollback` takes back what then failed.
///
/// A writer that is not known must start at 0. Forgotten writers (the newest `writers_max` of them are remembered by
/// name) may go on with any number, since what they sent last is not known any more.
///
/// Invariants: 1. the batches of a writer are dense in sequence and ascending in offset; 2. after Rollback(end) no
/// batch at or beyond `end` is known, and each writer must go on from the batch before. 3. Parse(Serialize()) answers
/// as the original does. Thread safety: none; copies are independent.
class WriterState {
 public:
  static constexpr size_t kBatchesKept = 5;

  /// What to do with a batch: append it, or answer with the offsets that it got the first time.
  struct Verdict {
    bool duplicate = false;
    LogOffset base_offset;  ///< of the duplicate; may still be in flight
    LogOffset last_offset;
  };

  WriterState() = default;
  explicit WriterState(const WriterStateOptions& options) : options_(options) {}

  /// OUT_OF_ORDER_SEQUENCE unless `sequence` is the writer's next or one of its last five. Batches without a writer
  /// (kNoWriter) are always appended.
  arrow::Result<Verdict> Check(WriterId writer, int32_t sequence) const;

  /// A batch that Check let pass got these offsets. Also for batches found by recovery, which are taken as they come.
  void Append(WriterId writer, int32_t sequence, LogOffset base_offset, LogOffset last_offset,
              int64_t commit_timestamp_ms);

  /// Forgets every batch whose base offset is at or beyond `end`.
  void Rollback(LogOffset end);

  size_t writer_count() const { return writers_.size(); }

  /// What is remembered of one writer's last batch.
  struct Known {
    WriterId writer;
    int32_t last_sequence = 0;
    std::optional<LogOffset> last_offset;  ///< none where that batch was rolled back to, and is not remembered
    int64_t last_timestamp_ms = 0;
  };
  /// Those that are not forgotten, in the order of their ids.
  std::vector<Known> List() const;

  /// A versioned image with a checksum; its layout is in writer_state.cc.
  std::string Serialize() const;
  /// LOG_STORAGE: damaged. UNSUPPORTED_VERSION: of a later release.
  static arrow::Result<WriterState> Parse(std::string_view image, const WriterStateOptions& options = {});

 private:
  struct Batch {
    int32_t sequence = 0;
    LogOffset base_offset;
    LogOffset last_offset;
    int64_t timestamp_ms = 0;
  };
  static constexpr int32_t kNothingBefore = -1;
  struct Writer {
    std::array<Batch, kBatchesKept> batches;  ///< oldest first
    size_t count = 0;
    int32_t sequence_before = kNothingBefore;  ///< of the batch before batches[0]
    bool was_forgotten = false;                ///< started anew after having been forgotten
    int64_t last_timestamp_ms = 0;
  };

  void ForgetIdle();
  void Forget(WriterId writer);

  WriterStateOptions options_;
  std::unordered_map<WriterId, Writer> writers_;
  std::unordered_set<WriterId> forgotten_;
  std::deque<WriterId> forgotten_order_;
  int64_t log_time_ms_ = 0;    ///< largest commit time seen
  int64_t last_sweep_ms_ = 0;  ///< log time of the last look for idle writers
};

}  // namespace thalweg::log
