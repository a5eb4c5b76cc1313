#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "thalweg/base/ids.h"

namespace thalweg::catalog {

/// Where the buckets that a producer writes to ended when it began, kept until then for the producer that has to undo what it
/// wrote since.
struct ProducerOffsets {
  int64_t expires_ms = 0;  ///< wall clock; from then on they are as if they were not there
  std::vector<std::pair<TableBucket, LogOffset>> offsets{};

  bool operator==(const ProducerOffsets&) const = default;
};

/// Most producers that have offsets, and bytes of them in the store: of all, and of one.
inline constexpr size_t kProducersMax = 10'000;
inline constexpr size_t kProducersBytesMax = 32 << 20;
inline constexpr size_t kProducerBytesMax = 4 << 20;

}  // namespace thalweg::catalog
