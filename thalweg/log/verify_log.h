#pragma once

#include <cstdint>
#include <string>

#include "arrow/status.h"
#include "thalweg/base/fault.h"
#include "thalweg/base/ids.h"
#include "thalweg/io/file_system.h"
#include "thalweg/log/recovery_point.h"

namespace thalweg::log {

/// What the files of a bucket hold.
struct LogExtent {
  LogOffset start{};
  LogOffset end{};  ///< as far as a start would take them; the journal may go on behind
  uint64_t segments = 0, batches = 0, bytes = 0;
};

/// Looks at all files of the log in `dir`, which nobody may have open: the checksum of every batch, that offsets follow
/// one another, that index, time index and statistics speak of batches that are there, and that everything that `known`
/// (null: no checkpoint) vouches for is. Changes nothing. Blocks. An error only where the folder cannot be listed.
arrow::Status VerifyLog(io::FileSystem& fs, const std::string& dir, const RecoveryPoint* known, Faults* faults,
                        LogExtent* extent);

}  // namespace thalweg::log
