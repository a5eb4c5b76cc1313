#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "thalweg/base/bytes.h"
#include "thalweg/kv/row_batch.h"

namespace thalweg::tablet {

/// The rows under some keys: of each, i16 LE schema id and row, or nothing.
using FoundRows = kv::RowBatch;

/// Which rows of a bucket are wanted, in the order of keys.
struct RowScan {
  ByteView prefix;  ///< of their keys; outlives the scan
  int64_t limit = INT64_MAX;
  uint64_t bytes_max = UINT64_MAX;
};

/// What a scan found, each as a lookup gives it.
struct ScannedRows {
  std::vector<uint8_t> bytes;
  std::vector<std::pair<size_t, size_t>> places;  ///< begin and size of each
  bool cut = false;                               ///< `bytes_max` was reached before the end

  std::vector<ByteView> Values() const {
    std::vector<ByteView> values;
    values.reserve(places.size());
    for (const auto& [begin, size] : places) values.push_back(ByteView(bytes).subspan(begin, size));
    return values;
  }
};

}  // namespace thalweg::tablet
