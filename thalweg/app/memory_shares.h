#pragma once

#include <cstddef>
#include <cstdint>

namespace thalweg::app {

/// The least `thalweg.memory.budget`: below it a server could not take the largest request.
inline constexpr uint64_t kMemoryBudgetMin = 256ull << 20;

/// How one budget of memory is shared out over all that grows with load. Together they take at most seven eighths of it, fifteen
/// sixteenths with remote storage: the rest is for the program itself, the catalog, and what the allocator does not give back. Each has a bound of its own, beyond
/// which more memory makes nothing faster.
struct MemoryShares {
  uint64_t requests = 0;        ///< being read or answered
  uint64_t answers = 0;         ///< records in answers that are not sent yet
  uint64_t unwritten = 0;       ///< acknowledged, not in files yet; new appends wait at twice as much
  uint64_t in_flight = 0;       ///< per shard: accepted and not durable yet
  size_t segment_indexes = 0;   ///< of closed segments, kept
  uint64_t kv_dirty = 0;        ///< rows by key that their states on disk do not have yet
  uint64_t kv_block_cache = 0;  ///< of states on disk
  uint64_t kv_write_buffers = 0;
  uint64_t queries = 0;  ///< rows that are decoded and not taken yet, or on their way to being written
  int connections = 0;
  // Only with remote storage:
  uint64_t remote_reads = 0;    ///< read there and not sent yet
  uint64_t remote_indexes = 0;  ///< of segments there, kept
  int remote_copiers = 0;       ///< at the same time
};

MemoryShares ShareOut(uint64_t budget, size_t shards, bool remote);

/// What SQL may take beside the budget, since most servers run none: half as much again at most, in sessions of equal bounds.
struct SqlShares {
  size_t sessions = 0;
  uint64_t session_bytes = 0;
};

SqlShares SqlSharesOf(uint64_t budget);

/// The budget of who sets none: half of what the machine, or the control group, has.
uint64_t DefaultMemoryBudget();

}  // namespace thalweg::app
