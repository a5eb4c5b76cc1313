#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"

namespace thalweg::tablet {

/// What one writer wants appended to one bucket: batches of magic 0, checked, standing one behind the other in memory that
/// we own, so that offsets and commit times are written in place.
struct AppendRequest {
  struct Batch {
    size_t position = 0;  ///< in `records`
    size_t bytes = 0;
    uint32_t offsets = 0;  ///< that it takes
    SchemaId schema;
    WriterId writer = kNoWriter;
    int32_t sequence = -1;
  };

  std::shared_ptr<const void> owner;
  MutableByteView records;
  std::vector<Batch> batches;
  Bytes statistics;  ///< as journal::Entry::statistics
  uint32_t offsets = 0;
  uint32_t rows = 0;

  /// Checks what a client sent (`records`, inside `owner`): whole batches, right CRC, none above `batch_bytes_max`; a cut
  /// batch at the end is dropped. Batches that carry statistics become magic 0 in place, the statistics go beside.
  /// CORRUPT_RECORD or RECORD_TOO_LARGE otherwise.
  static arrow::Result<AppendRequest> Make(std::shared_ptr<Buffer> owner, MutableByteView records,
                                           size_t batch_bytes_max);
};

}  // namespace thalweg::tablet
