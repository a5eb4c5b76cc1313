#pragma once

#include <cstddef>
#include <optional>

#include "arrow/result.h"
#include "thalweg/query/environment.h"
#include "thalweg/query/scan_request.h"

namespace thalweg::query {

/// How a scan comes to its rows.
struct ScanOutline {
  std::optional<size_t> keys;   ///< how many primary keys are looked up; absent: buckets are read
  size_t buckets = 0;           ///< that are read
  size_t buckets_left_out = 0;  ///< by the filter
};

/// As Scan::Open would do it now, without reading anything. UNKNOWN_TABLE_OR_BUCKET, INVALID_SCAN_REQUEST.
arrow::Result<ScanOutline> Outline(const Environment& environment, const ScanRequest& request);

}  // namespace thalweg::query
