#include "thalweg/remote/segment_reader.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/log/statistics_file.h"

namespace thalweg::remote {
namespace {

// A batch is looked for in pieces of this size where no more than its place is wanted.
constexpr uint64_t kSearchBytes = 64 << 10;
// A segment costs its reader so much beside what is counted.
constexpr size_t kSideOverheadBytes = 256;
// Statistics of one segment that take more than this share of what is kept for all would push out everything else.
constexpr size_t kStatisticsShare = 8;

arrow::Status Damaged(const RemoteSegment& segment, uint64_t position, std::string_view why) {
  return Error(ErrorCode::kLogStorage, "Remote segment {} (offsets {} to {}) is damaged at byte {}: {}", segment.id,
               segment.start, segment.end, position, why);
}

/// Goes from batch to batch through a segment, reading a window of it at a time.
class Cursor {
 public:
  using ReadRange = std::function<arrow::Result<Bytes>(uint64_t position, uint64_t bytes)>;

  /// The batch at `position` begins at `offset`. A window has `window_bytes`, or what a batch takes where that is more.
  Cursor(const RemoteSegment& segment, ReadRange read, uint64_t position, LogOffset offset, uint64_t window_bytes)
      : segment_(segment), read_(std::move(read)), position_(position), offset_(offset), window_bytes_(window_bytes) {}

  uint64_t position() const { return position_; }
  LogOffset offset() const { return offset_; }
  bool at_end() const { return position_ >= segment_.bytes; }

  /// Whether this many bytes are there without reading again.
  bool Holds(uint64_t bytes) const {
    return position_ >= window_at_ && position_ + std::min(bytes, left()) <= window_at_ + window_.size();
  }
  arrow::Result<format::BatchHeader> Header() {
    ARROW_RETURN_NOT_OK(Need(format::kHeaderBytesV2));
    const auto header = format::ParseHeader(window_.view().subspan(position_ - window_at_));
    if (!header.ok()) return Damaged(segment_, position_, header.status().message());
    if (header->base_offset != offset_) return Damaged(segment_, position_, "the batch there has another offset.");
    if (header->total_bytes() > left()) return Damaged(segment_, position_, "the batch there is cut off.");
    return *header;
  }
  arrow::Result<Bytes> Batch(const format::BatchHeader& header) {
    ARROW_RETURN_NOT_OK(Need(header.total_bytes()));
    return window_.Slice(position_ - window_at_, header.total_bytes());
  }
  const Bytes& window() const { return window_; }
  void Skip(const format::BatchHeader& header) {
    position_ += header.total_bytes();
    offset_ = header.next_offset();
  }

 private:
  uint64_t left() const { return segment_.bytes - position_; }
  arrow::Status Need(uint64_t bytes) {
    if (Holds(bytes)) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(window_, read_(position_, std::min(left(), std::max(bytes, window_bytes_))));
    window_at_ = position_;
    return arrow::Status::OK();
  }

  const RemoteSegment& segment_;
  const ReadRange read_;
  uint64_t position_;
  LogOffset offset_;
  const uint64_t window_bytes_;
  Bytes window_;
  uint64_t window_at_ = 0;
};

/// To the batch that contains `offset`.
arrow::Status SkipTo(LogOffset offset, Cursor& cursor) {
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto header, cursor.Header());
    if (header.next_offset() > offset) return arrow::Status::OK();
    cursor.Skip(header);
  }
}

}  // namespace

arrow::Result<Bytes> SegmentReader::ReadRange(const std::string& folder, const RemoteSegment& segment,
                                              const char* ending, uint64_t size, uint64_t position, uint64_t bytes) {
  auto buffer = std::make_shared<Buffer>(bytes);
  if (bytes > 0) {
    const io::ObjectRef object{.key = SegmentKey(folder, segment, ending), .bytes = size};
    ARROW_ASSIGN_OR_RAISE(const size_t got, store_.ReadAt(object, position, buffer->view()));
    if (got < bytes) return Damaged(segment, position + got, "the object ends there.");
  }
  return Bytes(std::shared_ptr<const Buffer>(std::move(buffer)));
}

arrow::Result<SegmentReader::Side> SegmentReader::SideOf(const std::string& folder, const RemoteSegment& segment,
                                                         bool with_statistics) {
  Side side;
  {
    std::lock_guard lock(mutex_);
    if (const auto found = places_.find(segment.id); found != places_.end()) {
      recent_.splice(recent_.begin(), recent_, found->second);
      side = found->second->second;
    }
  }
  const bool wants_statistics = with_statistics && segment.statistics_bytes > 0 &&
                                segment.statistics_bytes <= cache_bytes_max_ / kStatisticsShare;
  if (side.index && (side.statistics || !wants_statistics)) return side;
  if (!side.index) {
    ARROW_ASSIGN_OR_RAISE(const Bytes offsets,
                          ReadRange(folder, segment, "index", segment.index_bytes, 0, segment.index_bytes));
    ARROW_ASSIGN_OR_RAISE(const Bytes times, ReadRange(folder, segment, "timeindex", segment.time_index_bytes, 0,
                                                       segment.time_index_bytes));
    side.index = std::make_shared<const log::SegmentIndex>(
        log::SegmentIndex::Decode(offsets.view(), times.view(), segment.bytes, 1));
    side.bytes = kSideOverheadBytes + side.index->entries().size() * sizeof(log::IndexEntry);
  }
  if (wants_statistics && !side.statistics) {
    ARROW_ASSIGN_OR_RAISE(const Bytes content,
                          ReadRange(folder, segment, "stats", segment.statistics_bytes, 0, segment.statistics_bytes));
    auto by_offset = std::make_shared<std::unordered_map<int64_t, Bytes>>();
    for (const auto& record : log::DecodeStatistics(content.view(), segment.start, segment.end)) {
      by_offset->emplace(record.base_offset.value, Bytes(content.owner(), record.block));
      side.bytes += sizeof(std::pair<int64_t, Bytes>) + sizeof(void*);
    }
    side.bytes += content.size();
    side.statistics = std::move(by_offset);
  }
  Keep(segment.id, side);
  return side;
}

void SegmentReader::Keep(const std::string& id, const Side& side) {
  std::lock_guard lock(mutex_);
  if (const auto found = places_.find(id); found != places_.end()) {
    cached_bytes_ -= found->second->second.bytes;
    recent_.erase(found->second);
    places_.erase(found);
  }
  recent_.emplace_front(id, side);
  places_[id] = recent_.begin();
  cached_bytes_ += side.bytes;
  while (cached_bytes_ > cache_bytes_max_ && recent_.size() > 1) {
    cached_bytes_ -= recent_.back().second.bytes;
    places_.erase(recent_.back().first);
    recent_.pop_back();
  }
}

size_t SegmentReader::cached_segments() const {
  std::lock_guard lock(mutex_);
  return recent_.size();
}

arrow::Result<RemoteBatches> SegmentReader::Read(const std::string& folder, const RemoteSegment& segment,
                                                 LogOffset from, LogOffset limit, uint64_t bytes_max,
                                                 bool with_statistics) {
  ARROW_ASSIGN_OR_RAISE(const Side side, SideOf(folder, segment, with_statistics));
  const auto delta = static_cast<uint64_t>(from - segment.start);
  const log::IndexEntry& floor = side.index->AtOrBelowOffset(delta);
  const auto& entries = side.index->entries();
  const auto above =
      std::ranges::upper_bound(entries, delta, {}, [](const log::IndexEntry& e) -> uint64_t { return e.offset_delta; });
  // So that one read brings the batch itself and what may follow it.
  const uint64_t search_bytes = (above == entries.end() ? kSearchBytes : above->position - floor.position);
  Cursor cursor(
      segment,
      [&](uint64_t position, uint64_t bytes) {
        return ReadRange(folder, segment, "log", segment.bytes, position, bytes);
      },
      floor.position, segment.start + floor.offset_delta, search_bytes + std::min(bytes_max, segment.bytes));
  ARROW_RETURN_NOT_OK(SkipTo(from, cursor));
  RemoteBatches read{.first = cursor.offset(), .next = cursor.offset()};
  while (!cursor.at_end()) {
    const bool first = read.batches.empty();
    if (!first && !cursor.Holds(format::kHeaderBytesV2)) break;
    ARROW_ASSIGN_OR_RAISE(const auto header, cursor.Header());
    if (header.next_offset() > limit) break;
    if (!first && (read.bytes + header.total_bytes() > bytes_max || !cursor.Holds(header.total_bytes()))) break;
    RemoteBatches::Batch batch;
    ARROW_ASSIGN_OR_RAISE(batch.bytes, cursor.Batch(header));
    if (side.statistics) {
      if (const auto found = side.statistics->find(header.base_offset.value); found != side.statistics->end()) {
        batch.statistics = found->second;
      }
    }
    read.batches.push_back(std::move(batch));
    read.bytes += header.total_bytes();
    cursor.Skip(header);
    read.next = cursor.offset();
    read.window = cursor.window();
  }
  return read;
}

arrow::Result<uint64_t> SegmentReader::PositionOf(const std::string& folder, const RemoteSegment& segment,
                                                  LogOffset offset) {
  if (offset <= segment.start) return 0;
  ARROW_ASSIGN_OR_RAISE(const Side side, SideOf(folder, segment, false));
  const log::IndexEntry& floor = side.index->AtOrBelowOffset(static_cast<uint64_t>(offset - segment.start));
  Cursor cursor(
      segment,
      [&](uint64_t position, uint64_t bytes) {
        return ReadRange(folder, segment, "log", segment.bytes, position, bytes);
      },
      floor.position, segment.start + floor.offset_delta, kSearchBytes);
  ARROW_RETURN_NOT_OK(SkipTo(offset, cursor));
  return cursor.position();
}

arrow::Result<std::optional<LogOffset>> SegmentReader::OffsetForTimestamp(const std::string& folder,
                                                                          const RemoteSegment& segment,
                                                                          int64_t timestamp_ms) {
  if (segment.max_timestamp_ms < timestamp_ms) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const Side side, SideOf(folder, segment, false));
  const log::IndexEntry& floor = side.index->BeforeTimestamp(timestamp_ms);
  Cursor cursor(
      segment,
      [&](uint64_t position, uint64_t bytes) {
        return ReadRange(folder, segment, "log", segment.bytes, position, bytes);
      },
      floor.position, segment.start + floor.offset_delta, kSearchBytes);
  while (!cursor.at_end()) {
    ARROW_ASSIGN_OR_RAISE(const auto header, cursor.Header());
    if (header.commit_timestamp_ms >= timestamp_ms) return cursor.offset();
    cursor.Skip(header);
  }
  return std::nullopt;
}

}  // namespace thalweg::remote
