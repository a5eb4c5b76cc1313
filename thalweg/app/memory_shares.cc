#include "thalweg/app/memory_shares.h"

#include <algorithm>

#include "thalweg/log/segment_index.h"
#include "thalweg/runtime/machine_memory.h"

namespace thalweg::app {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kIndexBytes = log::SegmentIndex::kEntriesMax * sizeof(log::IndexEntry);
// Of an idle connection: its session, coroutines and what it reads ahead.
constexpr uint64_t kConnectionBytes = 6 << 10;
constexpr uint64_t kConnectionsMax = 20'000;

}  // namespace

MemoryShares ShareOut(uint64_t budget, size_t shards) {
  return {.requests = std::clamp(budget / 4, 100 * kMiB, 256 * kMiB),
          .answers = std::min(budget / 8, 256 * kMiB),
          .unwritten = std::min(budget / 16, 64 * kMiB),  // times 2
          .in_flight = std::clamp(budget / 16 / shards, 2 * kMiB, 64 * kMiB),
          .segment_indexes = std::clamp<uint64_t>(budget / 32 / kIndexBytes, 16, 256),
          .connections = static_cast<int>(std::min(budget / 8 / kConnectionBytes, kConnectionsMax))};
}

uint64_t DefaultMemoryBudget() { return std::max(kMemoryBudgetMin, runtime::MachineMemoryBytes() / 2); }

}  // namespace thalweg::app
