#pragma once

#include <cstdint>
#include <memory>

#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/io/file.h"
#include "thalweg/log/segment_index.h"

namespace thalweg::log {

/// A segment that nothing is appended to any more, for whoever copies it. Its file stays readable whatever is dropped.
struct ClosedSegment {
  LogOffset base;
  LogOffset end;
  uint64_t bytes = 0;            ///< of batches, from the beginning of `file`
  int64_t max_timestamp_ms = 0;  ///< of the last batch
  std::shared_ptr<io::File> file;
  std::shared_ptr<const SegmentIndex> index;
  Bytes statistics;  ///< as DecodeStatistics takes them; empty where there are none
};

}  // namespace thalweg::log
