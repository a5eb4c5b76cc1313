#pragma once

#include <cstdint>
#include <string>

#include "arrow/result.h"
#include "thalweg/base/fault.h"
#include "thalweg/io/file_system.h"
#include "thalweg/kv/state_meta.h"

namespace thalweg::kv {

/// What a state on disk holds.
struct VerifiedState {
  StateMeta meta;
  int64_t rows = 0;
  uint64_t bytes = 0;  ///< of keys and values
};

/// Looks at the RocksdbStateStore in `directory`, which must not be open: every checksum of its files, every value, and that
/// rows are as many as its meta says. Changes nothing, given a file system that changes nothing. Blocks.
/// False where it is too damaged to say what it holds; an error only where a later version has written it.
arrow::Result<bool> VerifyState(io::FileSystem& fs, const std::string& directory, Faults* faults, VerifiedState* state);

}  // namespace thalweg::kv
