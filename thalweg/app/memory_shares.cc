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
// Of a segment on its way to an object store: pieces of it, and its statistics.
constexpr uint64_t kCopierBytes = 24 * kMiB;
constexpr int kCopiersMax = 16;
// With less DuckDB cannot sort or group what is worth asking for.
constexpr uint64_t kSqlSessionBytesMin = 64 * kMiB;
constexpr uint64_t kSqlSessionBytesMax = 512 * kMiB;
constexpr uint64_t kSqlSessionsMax = 16;

}  // namespace

MemoryShares ShareOut(uint64_t budget, size_t shards, bool remote) {
  if (remote) {
    const uint64_t part = budget / 8;
    MemoryShares shares = ShareOut(budget - part, shards, false);
    shares.remote_reads = std::min(part / 4, 128 * kMiB);
    shares.remote_indexes = std::min(part / 8, 64 * kMiB);
    shares.remote_copiers = static_cast<int>(std::clamp<uint64_t>(part / 2 / kCopierBytes, 1, kCopiersMax));
    return shares;
  }
  const uint64_t requests = std::clamp(budget / 4, 100 * kMiB, 256 * kMiB);
  // A quarter of a small budget is not enough for the largest request; what that takes more, the others have less.
  const uint64_t rest = budget - requests;
  return {.requests = requests,
          .answers = std::min(rest / 6, 256 * kMiB),
          .unwritten = std::min(rest / 12, 64 * kMiB),  // times 2
          .in_flight = std::clamp(rest / 12 / shards, 2 * kMiB, 64 * kMiB),
          .segment_indexes = std::clamp<uint64_t>(rest / 24 / kIndexBytes, 16, 256),
          .kv_dirty = std::min(rest / 32, 64 * kMiB),
          .kv_block_cache = std::min(rest / 64, 64 * kMiB),
          .kv_write_buffers = std::clamp(rest / 64, 2 * kMiB, 32 * kMiB),
          .queries = std::min(rest / 24, 1024 * kMiB),
          .connections = static_cast<int>(std::min(budget / 8 / kConnectionBytes, kConnectionsMax))};
}

SqlShares SqlSharesOf(uint64_t budget) {
  const uint64_t all = budget / 2;
  const uint64_t sessions = std::clamp<uint64_t>(all / kSqlSessionBytesMin, 1, kSqlSessionsMax);
  return {.sessions = static_cast<size_t>(sessions), .session_bytes = std::min(all / sessions, kSqlSessionBytesMax)};
}

uint64_t DefaultMemoryBudget() { return std::max(kMemoryBudgetMin, runtime::MachineMemoryBytes() / 2); }

}  // namespace thalweg::app
