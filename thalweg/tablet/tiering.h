#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "thalweg/base/ids.h"
#include "thalweg/io/object_store.h"
#include "thalweg/remote/manifest.h"
#include "thalweg/remote/segment_reader.h"
#include "thalweg/runtime/random.h"

namespace thalweg::tablet {

/// What a bucket's table wants of its remote segments.
struct TieringPolicy {
  remote::TableNames names;
  int32_t local_segments = 2;           ///< stay on the server's disk, the one that is written to among them
  std::optional<int64_t> local_ttl_ms;  ///< older ones need not stay: what is copied goes earlier
  int64_t ttl_ms = 0;                   ///< older ones go from remote storage too; 0 or less: never
};

/// Of all buckets. What is there is counted from when a bucket is first used after a start.
struct TieringCounts {
  std::atomic<uint64_t> segments{0};  ///< in remote storage, named by a manifest
  std::atomic<uint64_t> bytes{0};     ///< of their batches
  std::atomic<uint64_t> copied_segments{0};
  std::atomic<uint64_t> copied_bytes{0};
  std::atomic<uint64_t> expired_segments{0};  ///< that their time to live has taken out
};

/// Where closed segments are copied to. All of it outlives the engine.
struct TieringOptions {
  io::ObjectStore* store = nullptr;  ///< none: nothing is copied
  runtime::Random* random = nullptr;
  /// None where the table is gone, or must stay as it is. Any thread.
  std::function<std::optional<TieringPolicy>(const TableBucket&)> policy_of;
  int64_t interval_ns = 60'000'000'000;  ///< between the end of a round over all buckets and the next
  int copiers_max = 4;                   ///< buckets that are copied from at the same time
  int segments_per_turn = 5;             ///< of one bucket before the others have their turn
  /// So long do the objects of expired segments stay, for readers that were told of them.
  int64_t grace_ms = 60'000;
  size_t index_cache_bytes = 64 << 20;
  /// Of what was read there and is not sent yet. One batch that is larger still gets through.
  int64_t read_bytes_max = 64 << 20;
};

/// Snapshots of the rows of primary-key buckets, which go to the same store.
struct SnapshotOptions {
  int64_t interval_ns =
      600'000'000'000;  ///< between the end of a round over all buckets and the next; 0: none are made
  int retained = 2;     ///< of each bucket; leases hold more
  int workers_max = 4;  ///< buckets that are at it at the same time
};

}  // namespace thalweg::tablet
