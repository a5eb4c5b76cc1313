#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "arrow/status.h"
#include "thalweg/base/fault.h"
#include "thalweg/base/ids.h"
#include "thalweg/io/file_system.h"

namespace thalweg::catalog {

/// What the metadata know of: whose files may lie beside them.
struct KnownIds {
  std::set<TableId> tables;
  std::set<PartitionId> partitions;
  uint64_t records = 0;
};

/// Looks at the store in `directory` (that of EmbeddedMetaStore, which must not be open): every checksum of RocksDB's
/// files, every record, and that what records refer to is there. Changes nothing, given a file system that changes
/// nothing. Blocks. An error only where the store cannot be looked at at all, as one of a later version.
arrow::Status VerifyMetaStore(io::FileSystem& fs, const std::string& directory, Faults* faults, KnownIds* known);

}  // namespace thalweg::catalog
