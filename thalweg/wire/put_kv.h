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

/// PUT_KV, decoded without copying a record and encoded without an intermediate message.
namespace thalweg::wire {

/// Most that one request names: what is kept of each takes much more than its bytes here.
inline constexpr size_t kPutBucketsMax = size_t{1} << 17;

struct PutKvRequest {
  struct Bucket {
    PartitionId partition = kNoPartition;
    BucketId bucket{};
    ByteView records{};  ///< one KV record batch, inside the body that was decoded
  };

  /// As sent; only -1, 0 and 1 mean something.
  int32_t acks = 0;
  TableId table{};
  int32_t timeout_ms = 0;
  std::vector<int32_t> target_columns{};  ///< positions; none: all
  int32_t agg_mode = 0;                   ///< as sent; 0 merge, 1 overwrite
  std::vector<Bucket> buckets{};
};

/// Fails on a body that is malformed or lacks a required field. Unknown fields are skipped.
arrow::Result<PutKvRequest> DecodePutKvRequest(ByteView body);

struct PutKvResult {
  PartitionId partition = kNoPartition;
  BucketId bucket{};
  /// Sent only where it is not kNone: clients take its mere presence for a failure.
  ErrorCode error = ErrorCode::kNone;
  std::string error_message{};
  /// Behind the changes that the batch made; for a recognised repetition, those of the first time.
  std::optional<LogOffset> log_end_offset{};
};

/// A whole response frame, ready to send.
Bytes EncodePutKvResponse(int32_t request_id, std::span<const PutKvResult> results);

}  // namespace thalweg::wire
