#include <algorithm>
#include <tuple>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/log/bucket_log.h"
#include "thalweg/log/header_cursor_internal.h"
#include "thalweg/log/segment.h"

// The reading half of BucketLog: finding batches by offset, by time and their statistics.

namespace thalweg::log {

namespace {

// An index that had to be made anew is written for the next start where it saves at least so many intervals of headers.
constexpr size_t kEntriesWorthWriting = 64;

// A look-up starts anew where the index was not loaded, was wrong, or the segment was dropped or cut meanwhile.
constexpr int kTriesMax = 8;

}  // namespace

/// Where a look-up has to walk headers, as far as is known without reading the file.
struct BucketLog::Place {
  SegmentPtr segment;
  std::shared_ptr<const SegmentIndex> index;  ///< of a closed segment
  uint64_t bytes = 0;
  LogOffset end;
  LogOffset limit;
  uint64_t start_position = 0;  ///< a batch begins here, at or before the one that is looked for
  LogOffset start_offset;
  uint64_t stop_position = 0;  ///< a batch ends here, behind the one that is looked for; 0 where not known
  LogOffset stop_offset;

  bool stops_at_end() const { return stop_position == bytes && stop_offset == end; }
};

BucketLog::SegmentPtr BucketLog::SegmentOf(LogOffset offset) const {
  auto above = std::ranges::upper_bound(segments_, offset, {}, [](const SegmentPtr& s) { return s->base; });
  return above == segments_.begin() ? nullptr : *std::prev(above);
}

bool BucketLog::FindPlace(LogOffset from, LogOffset limit, uint64_t bytes_max, Place* place) {
  std::lock_guard lock(mutex_);
  *place = {};
  place->segment = SegmentOf(from);
  if (!place->segment) return true;
  const Segment& segment = *place->segment;
  place->bytes = segment.bytes;
  place->end = segment.end;
  place->limit = std::min(limit, segment.end);
  return FindInSegment(from, bytes_max, place);
}

bool BucketLog::FindInSegment(LogOffset from, uint64_t bytes_max, Place* place) const {
  const Segment& segment = *place->segment;
  const auto fits_whole = [&] {
    if (!segment.bytes_exact || place->limit < segment.end || segment.bytes - place->start_position > bytes_max) {
      return false;
    }
    place->stop_position = segment.bytes;
    place->stop_offset = segment.end;
    return true;
  };
  bool exact = from == segment.base;
  place->start_offset = segment.base;
  for (const Hint& hint : hints_) {
    if (exact) break;
    if (hint.offset != from || hint.segment != segment.base) continue;
    place->start_position = hint.position;
    place->start_offset = from;
    exact = true;
  }
  if (exact && fits_whole()) return true;

  if (segment.closed) place->index = segment.closed_index.lock();
  const SegmentIndex* index = segment.closed ? place->index.get() : segment.active_index.get();
  if (!index) return false;
  const auto delta = static_cast<uint64_t>(from - segment.base);
  if (!exact) {
    const IndexEntry& floor = index->AtOrBelowOffset(delta);
    if (floor.offset_delta > delta) return false;  // behind what a writer that was restarted knows
    place->start_position = floor.position;
    place->start_offset = segment.base + floor.offset_delta;
    if (fits_whole()) return true;
  }
  const uint64_t position_max = place->start_position + std::min<uint64_t>(bytes_max, segment.bytes);
  const auto limit_delta = static_cast<uint64_t>(place->limit - segment.base);
  const IndexEntry& by_position = index->AtOrBelowPosition(position_max);
  const IndexEntry& by_offset = index->AtOrBelowOffset(limit_delta);
  const IndexEntry& stop = by_position.position < by_offset.position ? by_position : by_offset;
  if (stop.position > position_max || stop.offset_delta > limit_delta) return false;
  if (stop.offset_delta > delta) {
    place->stop_position = stop.position;
    place->stop_offset = segment.base + stop.offset_delta;
  }
  return true;
}

arrow::Result<std::optional<LogRange>> BucketLog::Walk(const Place& place, LogOffset from, uint64_t bytes_max,
                                                       ReadMode mode) {
  const bool no_wait = mode == ReadMode::kNoWait;
  std::shared_ptr<io::File> file = files_.GetIfOpen(place.segment->log_path);
  if (!file) {
    if (no_wait) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(file, files_.Get(place.segment->log_path));
  }
  uint64_t first_position = place.start_position;
  LogOffset first = place.start_offset;
  if (first != from) {
    HeaderCursor cursor(*file, first_position, first, place.bytes);
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const bool there, cursor.Read(no_wait));
      if (!there) return std::nullopt;
      if (cursor.header().next_offset() > from) break;
      cursor.Skip();
    }
    first_position = cursor.position();
    first = cursor.offset();
  }
  const auto range = [&](uint64_t end_position, LogOffset next) {
    return LogRange{.file = std::move(file),
                    .position = first_position,
                    .bytes = end_position - first_position,
                    .first = first,
                    .next = next};
  };
  if (place.stops_at_end()) return range(place.stop_position, place.stop_offset);

  const bool jump = place.stop_position > first_position;
  HeaderCursor cursor(*file, jump ? place.stop_position : first_position, jump ? place.stop_offset : first,
                      place.bytes);
  // After a jump the header is read even where the limit is reached: it is what confirms the index.
  for (bool confirm = jump; confirm || (!cursor.at_end() && cursor.offset() < place.limit); confirm = false) {
    ARROW_ASSIGN_OR_RAISE(const bool there, cursor.Read(no_wait));
    if (!there) return std::nullopt;
    const uint64_t end_position = cursor.position() + cursor.header().total_bytes();
    if (cursor.header().next_offset() > place.limit) break;
    if (cursor.position() > first_position && end_position - first_position > bytes_max) break;
    cursor.Skip();
  }
  return range(cursor.position(), cursor.offset());
}

arrow::Result<std::optional<LogRange>> BucketLog::Locate(LogOffset from, LogOffset limit, uint64_t bytes_max,
                                                         ReadMode mode) {
  std::shared_ptr<const SegmentIndex> held;  // so that the cache cannot drop it before it was used
  bool anew = false;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto [log_start, log_end, highest_end] = [this] {
      std::lock_guard lock(mutex_);
      return std::tuple(start_, end_, highest_end_);
    }();
    if (from > log_end && from <= highest_end) {
      return Error(ErrorCode::kLogStorage, "{}: what lies behind offset {} is being rebuilt; try again.", dir_,
                   log_end);
    }
    if (from < log_start || from > log_end) {
      return Error(ErrorCode::kLogOffsetOutOfRange, "Offset {} is outside of the log, which holds {} to {}.", from,
                   log_start, log_end);
    }
    limit = std::min(limit, log_end);
    if (from >= limit) return LogRange{.first = from, .next = from};

    Place place;
    if (!FindPlace(from, limit, bytes_max, &place)) {
      if (mode == ReadMode::kNoWait) return std::nullopt;
      ARROW_ASSIGN_OR_RAISE(held, EnsureIndex(place.segment, false));
      continue;
    }
    if (!place.segment || place.limit <= from) continue;  // dropped or cut just now
    if (place.index) indexes_.Touch(place.index);
    auto found = Walk(place, from, bytes_max, mode);
    if (found.ok()) {
      if (*found) Remember(from, **found, place.segment->base);
      return found;
    }
    if (from < start()) continue;  // dropped meanwhile
    if (CodeOf(found.status()) != ErrorCode::kLogStorage || anew) return found.status();
    if (mode == ReadMode::kNoWait) return std::nullopt;
    anew = true;
    ARROW_ASSIGN_OR_RAISE(held, EnsureIndex(place.segment, true));
  }
  return Error(ErrorCode::kLogStorage, "{}: the log changes faster than offset {} can be found.", dir_, from);
}

void BucketLog::Remember(LogOffset from, const LogRange& range, LogOffset segment) {
  std::lock_guard lock(mutex_);
  auto own = std::ranges::find(hints_, from, &Hint::offset);
  Hint& hint = own != hints_.end() ? *own : hints_[next_hint_++ % hints_.size()];
  hint = {.offset = range.next, .segment = segment, .position = range.position + range.bytes};
}

arrow::Result<std::shared_ptr<const SegmentIndex>> BucketLog::EnsureIndex(const SegmentPtr& segment,
                                                                          bool from_headers) {
  std::lock_guard loading(segment->load_mutex);
  uint64_t bytes = 0;
  LogOffset end;
  bool closed = false;
  {
    std::lock_guard lock(mutex_);
    bytes = segment->bytes;
    end = segment->end;
    closed = segment->closed;
    std::shared_ptr<const SegmentIndex> index = closed ? segment->closed_index.lock() : segment->active_index;
    if (index && index->origin().position == 0 && !from_headers) return index;
    if (from_headers) hints_.fill({});
  }
  ARROW_ASSIGN_OR_RAISE(auto file, files_.Get(segment->log_path));
  ARROW_ASSIGN_OR_RAISE(LoadedIndex loaded,
                        LoadIndex(fs_, *file, *segment, bytes, end, options_.index_interval_bytes, from_headers));
  auto index = std::make_shared<SegmentIndex>(std::move(loaded.index));
  if (closed && (from_headers || loaded.entries_from_headers >= kEntriesWorthWriting)) {
    // Where this fails the next start does the same work again.
    (void)WriteIndex(fs_, *segment, *index, 0);
  }
  {
    std::lock_guard lock(mutex_);
    if (segment->closed != closed || (closed && segment->end != end)) return index;  // cut meanwhile: not for keeps
    if (closed) {
      segment->closed_index = index;
      segment->bytes = loaded.bytes;
      segment->bytes_exact = true;
    } else {
      if (segment->active_index) {
        const SegmentIndex& now = *segment->active_index;
        if (now.origin().position >= bytes) index->Add(now.origin());
        for (const IndexEntry& entry : now.entries()) {
          if (entry.position >= bytes) index->Add(entry);
        }
      }
      segment->active_index = index;
    }
  }
  if (closed) indexes_.Touch(index);
  return index;
}

arrow::Result<int64_t> BucketLog::FirstTimestamp(const SegmentPtr& segment) {
  uint64_t bytes = 0;
  {
    std::lock_guard lock(mutex_);
    if (segment->first_timestamp_ms) return *segment->first_timestamp_ms;
    bytes = segment->bytes;
  }
  ARROW_ASSIGN_OR_RAISE(auto file, files_.Get(segment->log_path));
  HeaderCursor cursor(*file, 0, segment->base, bytes);
  ARROW_RETURN_NOT_OK(cursor.Read(false).status());
  std::lock_guard lock(mutex_);
  segment->first_timestamp_ms = cursor.header().commit_timestamp_ms;
  return *segment->first_timestamp_ms;
}

arrow::Result<std::optional<LogOffset>> BucketLog::OffsetForTimestamp(int64_t timestamp_ms, LogOffset limit) {
  std::vector<SegmentPtr> segments;
  {
    std::lock_guard lock(mutex_);
    for (const SegmentPtr& segment : segments_) {
      if (segment->base < limit && segment->bytes > 0) segments.push_back(segment);
    }
  }
  // Commit timestamps do not go back: the last segment that begins before the time holds the answer, or the next does.
  size_t low = 0;
  for (size_t high = segments.size(); low < high;) {
    const size_t middle = low + (high - low) / 2;
    ARROW_ASSIGN_OR_RAISE(const int64_t first, FirstTimestamp(segments[middle]));
    if (first < timestamp_ms) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  std::optional<LogOffset> found;
  if (low > 0) {
    auto inside = ScanForTimestamp(segments[low - 1], timestamp_ms, false);
    if (!inside.ok() && CodeOf(inside.status()) == ErrorCode::kLogStorage) {
      inside = ScanForTimestamp(segments[low - 1], timestamp_ms, true);
    }
    ARROW_ASSIGN_OR_RAISE(found, inside);
  }
  if (!found && low < segments.size()) found = segments[low]->base;
  if (found && *found >= limit) found.reset();
  return found;
}

arrow::Result<std::optional<LogOffset>> BucketLog::ScanForTimestamp(const SegmentPtr& segment, int64_t timestamp_ms,
                                                                    bool from_headers) {
  ARROW_ASSIGN_OR_RAISE(const auto index, EnsureIndex(segment, from_headers));
  ARROW_ASSIGN_OR_RAISE(auto file, files_.Get(segment->log_path));
  IndexEntry start;
  uint64_t bytes = 0;
  {
    std::lock_guard lock(mutex_);  // the writer may be adding to it
    start = index->BeforeTimestamp(timestamp_ms);
    bytes = segment->bytes;
  }
  HeaderCursor cursor(*file, start.position, segment->base + start.offset_delta, bytes);
  for (bool first = true; !cursor.at_end(); first = false) {
    ARROW_RETURN_NOT_OK(cursor.Read(false).status());
    if (first && start.position > 0 && cursor.header().commit_timestamp_ms > start.timestamp_ms) {
      return Error(ErrorCode::kLogStorage, "{}: the time index does not fit.", segment->log_path);
    }
    if (cursor.header().commit_timestamp_ms >= timestamp_ms) return cursor.offset();
    cursor.Skip();
  }
  return std::nullopt;
}

std::vector<LogOffset> BucketLog::SegmentStarts() const {
  std::lock_guard lock(mutex_);
  std::vector<LogOffset> starts;
  starts.reserve(segments_.size());
  for (const auto& segment : segments_) starts.push_back(segment->base);
  return starts;
}

arrow::Result<std::optional<ClosedSegment>> BucketLog::FindClosed(LogOffset from, LogOffset until) {
  SegmentPtr segment;
  {
    std::lock_guard lock(mutex_);
    const auto at = std::ranges::lower_bound(segments_, from, {}, [](const SegmentPtr& s) { return s->base; });
    if (at == segments_.end() || !(*at)->closed || (*at)->end > until) return std::nullopt;
    segment = *at;
  }
  // The file first: from then on it cannot be removed under us.
  ClosedSegment found{.base = segment->base};
  ARROW_ASSIGN_OR_RAISE(found.file, files_.Get(segment->log_path));
  ARROW_ASSIGN_OR_RAISE(found.index, EnsureIndex(segment, false));  // which makes the size exact
  {
    std::lock_guard lock(mutex_);
    found.bytes = segment->bytes;
    found.end = segment->end;
  }
  const IndexEntry last = found.index->last();
  HeaderCursor cursor(*found.file, last.position, found.base + last.offset_delta, found.bytes);
  while (!cursor.at_end()) {
    ARROW_RETURN_NOT_OK(cursor.Read(false).status());
    found.max_timestamp_ms = cursor.header().commit_timestamp_ms;
    cursor.Skip();
  }
  ARROW_ASSIGN_OR_RAISE(found.statistics, segment->statistics.ReadAll(found.end));
  return found;
}

arrow::Result<Bytes> BucketLog::StatisticsOf(LogOffset batch_base) {
  SegmentPtr segment;
  LogOffset segment_end;
  {
    std::lock_guard lock(mutex_);
    segment = SegmentOf(batch_base);
    if (!segment || batch_base >= segment->end) return Bytes();
    segment_end = segment->end;
  }
  return segment->statistics.Read(batch_base, segment_end);
}

}  // namespace thalweg::log
