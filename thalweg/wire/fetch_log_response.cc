#include <algorithm>

#include "thalweg/base/check.h"
#include "thalweg/wire/fetch_log.h"
#include "thalweg/wire/frame.h"
#include "thalweg/wire/message_writer.h"

namespace thalweg::wire {
namespace {

// Field numbers: proto/fluss.proto.
constexpr uint32_t kTablesResp = 1, kTableId = 1, kBucketsResp = 2;
constexpr uint32_t kPartitionId = 1, kBucketId = 2, kErrorCode = 3, kErrorMessage = 4, kHighWatermark = 5,
                   kLogStartOffset = 6, kRemoteLogFetchInfo = 7, kRecords = 8, kFilteredEndOffset = 9;
constexpr uint32_t kTabletDir = 1, kPartitionName = 2, kSegments = 3, kFirstStartPos = 4;
constexpr uint32_t kSegmentId = 1, kSegmentStart = 2, kSegmentEnd = 3, kSegmentSize = 4, kSegmentMaxTimestamp = 5;

size_t SegmentBytes(const RemoteLogFetchInfo::Segment& s) {
  size_t size = LengthFieldBytes(kSegmentId, s.id.size());
  size += NumberFieldBytes(kSegmentStart, s.start_offset.value);
  size += NumberFieldBytes(kSegmentEnd, s.end_offset.value);
  size += NumberFieldBytes(kSegmentSize, s.size_bytes);
  if (s.max_timestamp_ms) size += NumberFieldBytes(kSegmentMaxTimestamp, *s.max_timestamp_ms);
  return size;
}

void PutSegment(const RemoteLogFetchInfo::Segment& s, MessageWriter& out) {
  out.PutText(kSegmentId, s.id);
  out.PutNumber(kSegmentStart, s.start_offset.value);
  out.PutNumber(kSegmentEnd, s.end_offset.value);
  out.PutNumber(kSegmentSize, s.size_bytes);
  if (s.max_timestamp_ms) out.PutNumber(kSegmentMaxTimestamp, *s.max_timestamp_ms);
}

size_t RemoteBytes(const RemoteLogFetchInfo& r) {
  size_t size = LengthFieldBytes(kTabletDir, r.tablet_dir.size());
  if (r.partition_name) size += LengthFieldBytes(kPartitionName, r.partition_name->size());
  for (const auto& segment : r.segments) size += LengthFieldBytes(kSegments, SegmentBytes(segment));
  if (r.first_start_pos) size += NumberFieldBytes(kFirstStartPos, *r.first_start_pos);
  return size;
}

void PutRemote(const RemoteLogFetchInfo& r, MessageWriter& out) {
  out.PutText(kTabletDir, r.tablet_dir);
  if (r.partition_name) out.PutText(kPartitionName, *r.partition_name);
  for (const auto& segment : r.segments) {
    out.PutLength(kSegments, SegmentBytes(segment));
    PutSegment(segment, out);
  }
  if (r.first_start_pos) out.PutNumber(kFirstStartPos, *r.first_start_pos);
}

// A bucket's message without the records themselves: `head` up to them, `tail` after them.
struct BucketSize {
  size_t head = 0;
  size_t records = 0;
  size_t tail = 0;
  size_t total() const { return head + records + tail; }
};

BucketSize SizeOf(const FetchLogBucketResult& b) {
  BucketSize size;
  size.head = NumberFieldBytes(kBucketId, b.bucket.value);
  if (b.partition != kNoPartition) size.head += NumberFieldBytes(kPartitionId, b.partition.value);
  if (b.error != ErrorCode::kNone) {
    size.head += NumberFieldBytes(kErrorCode, static_cast<int32_t>(b.error));
    size.head += LengthFieldBytes(kErrorMessage, b.error_message.size());
  }
  if (b.high_watermark) size.head += NumberFieldBytes(kHighWatermark, b.high_watermark->value);
  if (b.log_start_offset) size.head += NumberFieldBytes(kLogStartOffset, b.log_start_offset->value);
  if (b.remote) size.head += LengthFieldBytes(kRemoteLogFetchInfo, RemoteBytes(*b.remote));
  if (b.records_bytes) {
    size.head += LengthFieldHeadBytes(kRecords, *b.records_bytes);
    size.records = *b.records_bytes;
  }
  if (b.filtered_end_offset) size.tail = NumberFieldBytes(kFilteredEndOffset, b.filtered_end_offset->value);
  return size;
}

void PutBucketHead(const FetchLogBucketResult& b, MessageWriter& out) {
  if (b.partition != kNoPartition) out.PutNumber(kPartitionId, b.partition.value);
  out.PutNumber(kBucketId, b.bucket.value);
  if (b.error != ErrorCode::kNone) {
    out.PutNumber(kErrorCode, static_cast<int32_t>(b.error));
    out.PutText(kErrorMessage, b.error_message);
  }
  if (b.high_watermark) out.PutNumber(kHighWatermark, b.high_watermark->value);
  if (b.log_start_offset) out.PutNumber(kLogStartOffset, b.log_start_offset->value);
  if (b.remote) {
    out.PutLength(kRemoteLogFetchInfo, RemoteBytes(*b.remote));
    PutRemote(*b.remote, out);
  }
  if (b.records_bytes) out.PutLength(kRecords, *b.records_bytes);
}

struct TableSize {
  std::vector<BucketSize> buckets;
  size_t total = 0;
};

TableSize SizeOf(const FetchLogTableResult& table) {
  TableSize size{.buckets = {}, .total = NumberFieldBytes(kTableId, table.table.value)};
  size.buckets.reserve(table.buckets.size());
  for (const FetchLogBucketResult& bucket : table.buckets) {
    const BucketSize& added = size.buckets.emplace_back(SizeOf(bucket));
    size.total += LengthFieldBytes(kBucketsResp, added.total());
  }
  return size;
}

}  // namespace

arrow::Result<FetchLogResponse> EncodeFetchLogResponse(int32_t request_id,
                                                       std::span<const FetchLogTableResult> tables) {
  std::vector<TableSize> sizes;
  sizes.reserve(tables.size());
  size_t body_bytes = 0, records_bytes = 0;
  for (const FetchLogTableResult& table : tables) {
    const TableSize& size = sizes.emplace_back(SizeOf(table));
    body_bytes += LengthFieldBytes(kTablesResp, size.total);
    for (const BucketSize& bucket : size.buckets) records_bytes += bucket.records;
  }
  if (kResponseHeadBytes + body_bytes > kFrameBytesMax) {
    return Error(ErrorCode::kRecordTooLarge, "A fetch answer of {} bytes does not fit into a frame: fetch fewer bytes.",
                 body_bytes);
  }

  auto headers = std::make_shared<Buffer>(kResponseHeadBytes + body_bytes - records_bytes);
  FetchLogResponse response{.headers = Bytes(headers), .pieces = {}, .frame_bytes = kResponseHeadBytes + body_bytes};
  std::ranges::copy(EncodeResponseHead(request_id, body_bytes), headers->data());
  MessageWriter out(headers->data() + kResponseHeadBytes);
  const uint8_t* piece_begin = headers->data();
  for (size_t t = 0; t < tables.size(); ++t) {
    out.PutLength(kTablesResp, sizes[t].total);
    out.PutNumber(kTableId, tables[t].table.value);
    for (size_t b = 0; b < tables[t].buckets.size(); ++b) {
      const FetchLogBucketResult& bucket = tables[t].buckets[b];
      const BucketSize& size = sizes[t].buckets[b];
      out.PutLength(kBucketsResp, size.total());
      PutBucketHead(bucket, out);
      if (size.records > 0) {
        response.pieces.push_back({ByteView(piece_begin, out.position()), size.records, t, b});
        piece_begin = out.position();
      }
      if (bucket.filtered_end_offset) out.PutNumber(kFilteredEndOffset, bucket.filtered_end_offset->value);
    }
  }
  TW_CHECK(out.position() == headers->data() + headers->size());
  if (piece_begin != out.position()) response.pieces.push_back({ByteView(piece_begin, out.position()), 0, 0, 0});
  return response;
}

}  // namespace thalweg::wire
