#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/error.h"
#include "thalweg/base/ids.h"

/// LOOKUP and PREFIX_LOOKUP, decoded without copying a key and encoded without an intermediate message.
namespace thalweg::wire {

/// Most that one request names: what is kept of each takes much more than its bytes here.
inline constexpr size_t kLookupKeysMax = size_t{1} << 20;
inline constexpr size_t kLookupBucketsMax = size_t{1} << 17;

/// Of both requests, which are the same but for what only LOOKUP has.
struct LookupRequest {
  struct Bucket {
    PartitionId partition = kNoPartition;
    BucketId bucket{};
    std::vector<ByteView> keys{};                               ///< inside the body that was decoded
    std::optional<std::string_view> original_partition_name{};  ///< to be echoed
  };

  TableId table{};
  std::vector<Bucket> buckets{};
  bool insert_if_not_exists = false;
  std::optional<int32_t> acks{};
  std::optional<int32_t> timeout_ms{};
};

/// Fails on a body that is malformed or lacks a required field. Unknown fields are skipped. RECORD_TOO_LARGE where it names more
/// than a request may.
arrow::Result<LookupRequest> DecodeLookupRequest(ByteView body);

/// The answer for one bucket. `values` view memory that must last until the response is encoded.
struct LookupResult {
  PartitionId partition = kNoPartition;
  BucketId bucket{};
  /// Sent only where it is not kNone: clients take its mere presence for a failure.
  ErrorCode error = ErrorCode::kNone;
  std::string error_message{};
  std::vector<std::optional<ByteView>> values{};  ///< of each key; none: no such key
  std::optional<std::string_view> original_partition_name{};
};
struct PrefixLookupResult {
  PartitionId partition = kNoPartition;
  BucketId bucket{};
  ErrorCode error = ErrorCode::kNone;
  std::string error_message{};
  std::vector<std::vector<ByteView>> value_lists{};  ///< of each prefix
};

/// Whole response frames, ready to send.
Bytes EncodeLookupResponse(int32_t request_id, std::span<const LookupResult> results);
Bytes EncodePrefixLookupResponse(int32_t request_id, std::span<const PrefixLookupResult> results);

}  // namespace thalweg::wire
