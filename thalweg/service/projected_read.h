#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/format/arrow_projection.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/net/stream.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/task.h"
#include "thalweg/tablet/read.h"

namespace thalweg::service {

/// What a fetch sends of one bucket.
struct FetchedRecords {
  std::vector<net::Fragment> fragments;
  uint64_t bytes = 0;
  LogOffset next;        ///< behind the last batch that was sent or ruled out
  LogOffset sent_next;   ///< behind the last batch that was sent
  uint64_t batches = 0;  ///< sent
  uint64_t dropped = 0;  ///< batches that the filter ruled out
  uint64_t memory_bytes =
      0;              ///< that `fragments` keep from being freed: whole batches, also where pieces of them are sent
  bool full = false;  ///< the byte limit was reached before the end of what was read
};

/// How the batches of one read become what is sent.
struct BatchTransform {
  /// The plan for batches of this schema; null: whole batches are sent.
  std::function<arrow::Result<const format::ProjectionPlan*>(SchemaId)> plan;
  /// False for a batch that the client does not want; null: all are wanted. Statistics are empty where there are none.
  std::function<bool(const format::BatchHeader&, ByteView statistics)> wanted;
};

/// Whole batches as they stand: nothing is read, nothing is copied.
void AddWhole(const tablet::ReadResult& read, FetchedRecords& to);

/// Walks the batches of `read` and adds what `transform` leaves of them to `to`, up to `bytes_max` bytes in all; a first
/// batch is added whatever its size where `at_least_one` is set and `to` is empty. Only metadata is read; buffers are sent
/// from where they are, small ones in a file are read with it. Starts and ends on `home`; waits on `pool` where it must.
runtime::Task<arrow::Status> AddTransformed(const tablet::ReadResult& read, const BatchTransform& transform,
                                            uint64_t bytes_max, bool at_least_one, runtime::Executor& home,
                                            runtime::Executor& pool, FetchedRecords& to);

}  // namespace thalweg::service
