#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "arrow/status.h"
#include "thalweg/base/fault.h"
#include "thalweg/base/ids.h"
#include "thalweg/io/file_system.h"
#include "thalweg/io/object_store.h"

namespace thalweg::tablet {

/// How much was looked at.
struct VerifiedData {
  uint64_t buckets = 0, segments = 0, batches = 0, bytes = 0;
  uint64_t journal_records = 0;
  uint64_t rows = 0;             ///< that states on disk hold by key
  uint64_t remote_segments = 0;  ///< that manifests name, looked at or not
  uint64_t remote_bytes = 0;     ///< of batches there that were looked at
};

/// Looks at checkpoint, logs, journal and rows by key in `directory`, which no engine may have open: each for itself, and whether a start
/// would find everything that was acknowledged. `exists` tells the buckets whose table and partition are known; files of
/// others are noted. `remote`: where copied segments are; null: what manifests name is not looked at. Changes nothing, given a file system that changes nothing. Blocks.
/// An error only where nothing can be said, as of a directory that a later version has written.
arrow::Status VerifyData(io::FileSystem& fs, const std::string& directory,
                         const std::function<bool(const TableBucket&)>& exists, io::ObjectStore* remote, Faults* faults,
                         VerifiedData* data);

}  // namespace thalweg::tablet
