#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/error.h"
#include "thalweg/base/ids.h"

namespace thalweg::pb {
class PbPredicate;
}

/// FETCH_LOG. Records never pass through here: a response is encoded around the places where they belong, so that they
/// can be sent straight from a file or from the memory tail.
namespace thalweg::wire {

struct FetchLogRequest {
  struct Bucket {
    PartitionId partition = kNoPartition;
    BucketId bucket{};
    /// -2 asks for the earliest record.
    LogOffset fetch_offset{};
    int32_t max_fetch_bytes = 0;
  };

  struct Table {
    TableId table{};
    bool projection_pushdown_enabled = false;
    /// Positions of top-level columns, as sent: not yet checked for order or range.
    std::vector<int32_t> projected_fields{};
    std::vector<Bucket> buckets{};
    /// Null where the client wants every batch.
    std::shared_ptr<const pb::PbPredicate> filter{};
    /// The schema whose column ids `filter` speaks of.
    std::optional<int32_t> filter_schema_id{};
  };

  /// -1 for clients.
  int32_t follower_server_id = -1;
  int32_t max_bytes = 0;
  std::vector<Table> tables{};
  std::optional<int32_t> max_wait_ms{};
  std::optional<int32_t> min_bytes{};
  std::optional<int32_t> read_preference{};
};

/// Fails on a body that is malformed or lacks a required field. Unknown fields are skipped.
arrow::Result<FetchLogRequest> DecodeFetchLogRequest(ByteView body);

/// Where a client finds segments that have gone to remote storage.
struct RemoteLogFetchInfo {
  struct Segment {
    /// A UUID as text.
    std::string id{};
    LogOffset start_offset{};
    /// Exclusive.
    LogOffset end_offset{};
    int32_t size_bytes = 0;
    std::optional<int64_t> max_timestamp_ms{};
  };

  std::string tablet_dir{};
  std::optional<std::string> partition_name{};
  std::vector<Segment> segments{};
  /// Byte position in the first segment where the fetch offset stands.
  std::optional<int32_t> first_start_pos{};
};

struct FetchLogBucketResult {
  PartitionId partition = kNoPartition;
  BucketId bucket{};
  /// Sent only where it is not kNone: clients take its mere presence for a failure.
  ErrorCode error = ErrorCode::kNone;
  std::string error_message{};
  /// Clients read this without asking whether it is there: set it wherever there is no error.
  std::optional<LogOffset> high_watermark{};
  std::optional<LogOffset> log_start_offset{};
  std::optional<RemoteLogFetchInfo> remote{};
  /// Size of the records of this bucket; 0 sends an empty field. Clients need the field wherever there is neither an
  /// error nor `remote`.
  std::optional<size_t> records_bytes{};
  std::optional<LogOffset> filtered_end_offset{};
};

struct FetchLogTableResult {
  TableId table{};
  std::vector<FetchLogBucketResult> buckets{};
};

/// A response frame with holes: the frame is, for each piece in order, piece.header and then piece.records_bytes bytes
/// of records of bucket `bucket_index` of table `table_index`. The last piece, and it alone, may have no records.
struct FetchLogResponse {
  struct Piece {
    /// Views `headers`.
    ByteView header{};
    size_t records_bytes = 0;
    /// Positions in what was encoded; meaningless where records_bytes is 0.
    size_t table_index = 0;
    size_t bucket_index = 0;
  };

  Bytes headers{};
  std::vector<Piece> pieces{};
  /// Headers and records together, the length field included.
  size_t frame_bytes = 0;
};

/// Fails only where the frame would exceed kFrameBytesMax.
arrow::Result<FetchLogResponse> EncodeFetchLogResponse(int32_t request_id, std::span<const FetchLogTableResult> tables);

}  // namespace thalweg::wire
