#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/error.h"
#include "thalweg/base/ids.h"

/// SCAN_KV, encoded without a copy of the rows in between.
namespace thalweg::wire {

struct ScanKvBucket {
  TableId table{};
  PartitionId partition = kNoPartition;
  BucketId bucket{};
  std::optional<int64_t> limit{};  ///< of rows in all; none, or not above zero: all of them
};

/// Begins a scan (`open`), or goes on with one or ends it (`scanner_id`). Which of the fields make sense together is the
/// handler's to say.
struct ScanKvRequest {
  std::optional<ScanKvBucket> open{};
  std::optional<std::string_view> scanner_id{};  ///< inside the body that was decoded
  std::optional<int32_t> call_sequence{};
  std::optional<int32_t> batch_bytes{};
  bool close = false;
};

/// Fails on a body that is malformed or lacks a required field. Unknown fields are skipped.
arrow::Result<ScanKvRequest> DecodeScanKvRequest(ByteView body);

/// Views memory that must last until the response is encoded.
struct ScanKvResult {
  /// Sent only where it is not kNone, and nothing else but the message is then: clients take its mere presence for a failure.
  ErrorCode error = ErrorCode::kNone;
  std::string error_message{};
  std::string_view scanner_id{};  ///< empty: none is sent
  bool has_more = false;
  ByteView records{};                 ///< a value batch; empty: none is sent
  std::optional<LogOffset> offset{};  ///< of the changelog, whose rows these are; in the first answer only
};

/// A whole response frame, ready to send.
Bytes EncodeScanKvResponse(int32_t request_id, const ScanKvResult& result);

}  // namespace thalweg::wire
