#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "thalweg/base/ids.h"

namespace thalweg::log {

/// What of a log is durable and verified, for the caller's checkpoint. Everything in [start, end) was synced.
struct RecoveryPoint {
  LogOffset start;
  LogOffset end;
  LogOffset segment;      ///< base offset of the segment that holds what lies before `end`
  uint64_t position = 0;  ///< of `end` in that segment, bytes
  int64_t max_timestamp_ms = -1;
  std::string writers;  ///< WriterState::Serialize, as of `end`
};

/// What Open found beside a sound log; one line for a person each.
struct RecoveryReport {
  uint64_t bytes_scanned = 0;
  uint64_t batches_scanned = 0;
  uint64_t bytes_cut = 0;             ///< of a torn tail
  std::vector<std::string> findings;  ///< torn tails, files set aside
};

}  // namespace thalweg::log
