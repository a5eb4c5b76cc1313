#pragma once

#include <atomic>
#include <cstdint>

namespace thalweg::tablet {

/// What an engine did with rows by key since it was opened, and what it has of them now.
struct KvStats {
  uint64_t puts = 0;            ///< accepted, of batches
  uint64_t rows_put = 0;        ///< in them, removals included
  uint64_t old_rows_asked = 0;  ///< keys for which a put had to ask a state on disk
  uint64_t lookups = 0;         ///< of buckets, in requests
  uint64_t keys_looked_up = 0;
  uint64_t keys_from_state = 0;  ///< of those, not answered from memory
  uint64_t rows_scanned = 0;     ///< by prefix, limit and full scans
  uint64_t scans_opened = 0;     ///< full scans; so the next two
  uint64_t scans_expired = 0;    ///< ended otherwise than by their clients
  uint64_t scans_open = 0;
  uint64_t flushes = 0;
  uint64_t rows_flushed = 0;
  uint64_t flush_failures = 0;
  int64_t dirty_bytes = 0;  ///< of memory for rows that the states on disk do not have, or that scans keep
  uint64_t stores_open = 0;
  uint64_t store_hits = 0;       ///< uses of a store that was open
  uint64_t store_opens = 0;      ///< of one that was not
  uint64_t store_evictions = 0;  ///< closed to make room
};

/// Those of them that the engine's calls count. Thread safety: all of it.
struct KvCounters {
  std::atomic<uint64_t> puts{0};
  std::atomic<uint64_t> rows_put{0};
  std::atomic<uint64_t> old_rows_asked{0};
  std::atomic<uint64_t> lookups{0};
  std::atomic<uint64_t> keys_looked_up{0};
  std::atomic<uint64_t> keys_from_state{0};
  std::atomic<uint64_t> rows_scanned{0};

  static void Add(std::atomic<uint64_t>& counter, uint64_t n = 1) { counter.fetch_add(n, std::memory_order_relaxed); }
};

}  // namespace thalweg::tablet
