#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/error.h"
#include "thalweg/base/ids.h"

/// PRODUCE_LOG, decoded without copying a record and encoded without an intermediate message.
namespace thalweg::wire {

struct ProduceLogRequest {
  struct Bucket {
    PartitionId partition = kNoPartition;
    BucketId bucket{};
    /// Where the record batches stand in the body that was decoded. Whoever owns that memory may patch them in place
    /// (offsets and commit times are the server's to fill in).
    size_t records_offset = 0;
    size_t records_bytes = 0;
  };

  /// As sent; only -1, 0 and 1 mean something.
  int32_t acks = 0;
  TableId table{};
  int32_t timeout_ms = 0;
  std::vector<Bucket> buckets{};
};

/// Fails on a body that is malformed or lacks a required field. Unknown fields are skipped.
arrow::Result<ProduceLogRequest> DecodeProduceLogRequest(ByteView body);

struct ProduceLogResult {
  PartitionId partition = kNoPartition;
  BucketId bucket{};
  /// Sent only where it is not kNone: clients take its mere presence for a failure.
  ErrorCode error = ErrorCode::kNone;
  std::string error_message{};
  /// Of the first record of the batch; for a recognised repetition, the one that it got the first time.
  std::optional<LogOffset> base_offset{};
};

/// A whole response frame, ready to send.
Bytes EncodeProduceLogResponse(int32_t request_id, std::span<const ProduceLogResult> results);

}  // namespace thalweg::wire
