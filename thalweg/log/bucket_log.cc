#include "thalweg/log/bucket_log.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "thalweg/base/error.h"
#include "thalweg/log/segment.h"
#include "thalweg/log/set_aside_internal.h"

namespace thalweg::log {

namespace {

// Index entries are written when so many are due: what is missing costs a reader after a restart that many intervals of
// headers, while writing each at once would dirty two more pages of every bucket at every checkpoint.
constexpr size_t kEntriesPerIndexWrite = 64;

// So many folders above a new bucket may be as new as the bucket: partition, table and the root of all logs.
constexpr int kFoldersAbove = 3;

constexpr size_t kRewriteBytes = 1 << 20;

constexpr int64_t kOffsetDeltaMax = std::numeric_limits<int32_t>::max();

}  // namespace

BucketLog::BucketLog(io::FileSystem& fs, OpenFiles& files, IndexCache& indexes, std::string dir,
                     const LogOptions& options)
    : fs_(fs), files_(files), indexes_(indexes), dir_(std::move(dir)), options_(options), writers_(options.writers) {}

BucketLog::~BucketLog() = default;

LogOffset BucketLog::start() const {
  std::lock_guard lock(mutex_);
  return start_;
}

LogOffset BucketLog::end() const {
  std::lock_guard lock(mutex_);
  return end_;
}

uint64_t BucketLog::bytes() const {
  std::lock_guard lock(mutex_);
  uint64_t sum = 0;
  for (const auto& segment : segments_) sum += segment->bytes;
  return sum;
}

int64_t BucketLog::max_timestamp_ms() const {
  std::lock_guard lock(mutex_);
  return max_timestamp_ms_;
}

BucketLog::SegmentPtr BucketLog::Active() const {
  std::lock_guard lock(mutex_);
  return segments_.empty() || segments_.back()->closed ? nullptr : segments_.back();
}

arrow::Status BucketLog::Append(std::span<const LogBatch> batches) {
  if (failed_) return Error(ErrorCode::kLogStorage, "{}: an earlier write failed; Rewind first.", dir_);
  std::vector<format::BatchHeader> headers;
  headers.reserve(batches.size());
  LogOffset next = end();
  for (const LogBatch& batch : batches) {
    ARROW_ASSIGN_OR_RAISE(auto view, format::ParseBatch(batch.batch.view()));
    if (view.header.magic != 0 || view.header.base_offset != next || view.bytes.size() != batch.batch.size()) {
      return Error(ErrorCode::kLogStorage,
                   "{}: a batch of magic {} with offset {} and {} of {} bytes where {} is next.", dir_,
                   view.header.magic, view.header.base_offset, view.bytes.size(), batch.batch.size(), next);
    }
    next = view.header.next_offset();
    headers.push_back(view.header);
  }
  for (size_t first = 0; first < batches.size();) {
    // A failure from here on leaves the files in doubt: nothing more until Rewind.
    failed_ = true;
    // Files that the process before set aside or removed must not come back behind what is written now.
    if (names_inherited_) ARROW_RETURN_NOT_OK(SyncNames());
    SegmentPtr active = Active();
    if (!active) {
      ARROW_RETURN_NOT_OK(CreateSegment(headers[first].base_offset));
      active = Active();
    }
    uint64_t bytes = active->bytes;
    size_t count = 0;
    while (first + count < batches.size()) {
      const format::BatchHeader& header = headers[first + count];
      const bool fits = bytes == 0 || (bytes + header.total_bytes() <= options_.segment_bytes_max &&
                                       header.last_offset() - active->base <= kOffsetDeltaMax);
      if (!fits) break;
      bytes += header.total_bytes();
      ++count;
    }
    if (count == 0) {
      ARROW_RETURN_NOT_OK(Roll());
    } else {
      ARROW_RETURN_NOT_OK(AppendRun(batches.subspan(first, count), std::span(headers).subspan(first, count)));
      first += count;
    }
    failed_ = false;
  }
  return arrow::Status::OK();
}

arrow::Status BucketLog::AppendRun(std::span<const LogBatch> batches, std::span<const format::BatchHeader> headers) {
  const SegmentPtr active = Active();
  std::vector<ByteView> pieces;
  std::vector<StatisticsFile::Record> statistics;
  pieces.reserve(batches.size());
  for (size_t i = 0; i < batches.size(); ++i) {
    pieces.push_back(batches[i].batch.view());
    if (!batches[i].statistics.empty()) {
      statistics.push_back({headers[i].base_offset, batches[i].statistics.view()});
    }
  }
  dirty_ = true;
  bool created = false;
  ARROW_RETURN_NOT_OK(active->statistics.Append(statistics, headers.front().base_offset, &created));
  names_dirty_ |= created;
  if (!active->dirty) {
    ARROW_ASSIGN_OR_RAISE(active->dirty, files_.Get(active->log_path));
  }
  ARROW_RETURN_NOT_OK(active->dirty->WriteAt(active->bytes, pieces));

  for (const format::BatchHeader& header : headers) {
    if (!header.has_writer()) continue;
    writers_.Append(header.writer_id, header.batch_sequence, header.base_offset, header.last_offset(),
                    header.commit_timestamp_ms);
  }
  std::lock_guard lock(mutex_);
  for (const format::BatchHeader& header : headers) {
    const IndexEntry entry{.offset_delta = static_cast<uint32_t>(header.base_offset - active->base),
                           .position = static_cast<uint32_t>(active->bytes),
                           .timestamp_ms = std::max(header.commit_timestamp_ms, max_timestamp_ms_)};
    if (!active->active_index) {
      active->active_index = std::make_shared<SegmentIndex>(entry, options_.index_interval_bytes);
    }
    active->active_index->Add(entry);
    if (active->bytes == 0) active->first_timestamp_ms = header.commit_timestamp_ms;
    active->bytes += header.total_bytes();
    max_timestamp_ms_ = entry.timestamp_ms;
  }
  end_ = active->end = headers.back().next_offset();
  return arrow::Status::OK();
}

arrow::Status BucketLog::CreateSegment(LogOffset base) {
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(dir_));
  if (!exists) {
    ARROW_RETURN_NOT_OK(fs_.CreateDirectories(dir_));
  }
  auto segment = std::make_shared<Segment>(files_, dir_, base, false);
  segment->end = base;
  ARROW_ASSIGN_OR_RAISE(segment->dirty, files_.Create(segment->log_path));
  dirty_ = names_dirty_ = true;
  written_back_ = 0;
  std::lock_guard lock(mutex_);
  segments_.push_back(std::move(segment));
  return arrow::Status::OK();
}

arrow::Status BucketLog::Roll() {
  ARROW_RETURN_NOT_OK(SyncActive());  // invariant 2
  WriteActiveIndex(true);
  const SegmentPtr active = Active();
  std::shared_ptr<const SegmentIndex> index;
  {
    std::lock_guard lock(mutex_);
    active->closed = true;
    // Without its beginning (after a restart, where loading failed) it is of no use to readers.
    if (active->active_index && active->active_index->origin().position == 0) index = active->active_index;
    active->closed_index = index;
    active->active_index.reset();
  }
  if (index) indexes_.Touch(std::move(index));
  return CreateSegment(active->end);
}

arrow::Status BucketLog::SyncActive() {
  if (const SegmentPtr active = Active()) {
    ARROW_RETURN_NOT_OK(RewriteTail(*active));
    ARROW_RETURN_NOT_OK(active->statistics.Sync());
    if (active->dirty) ARROW_RETURN_NOT_OK(active->dirty->Sync());
    active->dirty.reset();
    written_back_ = active->bytes;
  }
  return SyncNames();
}

arrow::Status BucketLog::RewriteTail(Segment& active) {
  if (tail_from_ == tail_to_) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(active.statistics.ExpectUnsynced());
  ARROW_ASSIGN_OR_RAISE(active.dirty, files_.Get(active.log_path));
  // Where the process before was told of a failed sync, the pages may be clean though the device never got them: syncing
  // once more would prove nothing.
  Buffer buffer(std::min<uint64_t>(tail_to_ - tail_from_, kRewriteBytes));
  while (tail_from_ < tail_to_) {
    const MutableByteView into(buffer.data(), std::min<uint64_t>(buffer.size(), tail_to_ - tail_from_));
    ARROW_ASSIGN_OR_RAISE(const size_t read, active.dirty->ReadAt(tail_from_, into));
    if (read < into.size()) {
      return Error(ErrorCode::kLogStorage, "{}: became shorter than {} bytes.", active.log_path, tail_to_);
    }
    const ByteView piece(into);
    ARROW_RETURN_NOT_OK(active.dirty->WriteAt(tail_from_, {&piece, 1}));
    tail_from_ += read;
  }
  return arrow::Status::OK();
}

arrow::Status BucketLog::SyncNames() {
  if (names_dirty_ || names_inherited_) ARROW_RETURN_NOT_OK(fs_.SyncDirectory(dir_));
  names_dirty_ = names_inherited_ = false;
  if (folder_dirty_) {
    std::string folder = dir_;
    for (int i = 0; i < kFoldersAbove; ++i) {
      const std::string parent = io::ParentOf(folder);
      if (parent == folder || parent.empty()) break;
      ARROW_RETURN_NOT_OK(fs_.SyncDirectory(parent));
      folder = parent;
    }
  }
  folder_dirty_ = false;
  return arrow::Status::OK();
}

void BucketLog::WriteActiveIndex(bool closing) {
  const SegmentPtr active = Active();
  if (!active) return;
  // Only the writer changes an index that is published, so it may read it without the mutex.
  const auto index = [&] {
    std::lock_guard lock(mutex_);
    return active->active_index;
  };
  const auto due_from = [&](const std::shared_ptr<SegmentIndex>& of) {
    return of == active->written_index && of->thinnings() == active->thinnings_written ? active->entries_written : 0;
  };
  const auto now = index();
  if (!now || now->entries().size() - due_from(now) < (closing ? 1 : kEntriesPerIndexWrite)) return;
  if (!EnsureIndex(active, false).ok()) return;
  // An index file that cannot be written, or only half, is found out by its readers, who make it anew.
  const auto whole = index();
  if (!WriteIndex(fs_, *active, *whole, due_from(whole)).ok()) return;
  active->written_index = whole;
  active->entries_written = whole->entries().size();
  active->thinnings_written = whole->thinnings();
}

arrow::Result<RecoveryPoint> BucketLog::Sync() {
  if (failed_) return Error(ErrorCode::kLogStorage, "{}: an earlier write failed; Rewind first.", dir_);
  if (!dirty_) return point_;
  failed_ = true;
  ARROW_RETURN_NOT_OK(SyncActive());
  failed_ = dirty_ = false;
  point_ = MakePoint();
  WriteActiveIndex(false);
  return point_;
}

arrow::Result<uint64_t> BucketLog::WriteBack(uint64_t bytes_max) {
  if (failed_) return Error(ErrorCode::kLogStorage, "{}: an earlier write failed; Rewind first.", dir_);
  const SegmentPtr active = Active();
  if (!active || !active->dirty) return 0;
  const uint64_t bytes = std::min(active->bytes - written_back_, bytes_max);
  failed_ = true;
  ARROW_RETURN_NOT_OK(active->dirty->WriteBack(written_back_, bytes));
  failed_ = false;
  written_back_ += bytes;
  return active->bytes - written_back_;
}

RecoveryPoint BucketLog::MakePoint() const {
  std::lock_guard lock(mutex_);
  return {.start = start_,
          .end = end_,
          .segment = segments_.empty() ? end_ : segments_.back()->base,
          .position = segments_.empty() ? 0 : segments_.back()->bytes,
          .max_timestamp_ms = max_timestamp_ms_,
          .writers = writers_.Serialize()};
}

arrow::Status BucketLog::Rewind(RecoveryPoint point, Abandoned abandoned) {
  if (point.end > end() || point.end < start()) {
    return Error(ErrorCode::kLogOffsetOutOfRange, "{}: cannot rewind to {}, the log holds {} to {}.", dir_, point.end,
                 start(), end());
  }
  ARROW_ASSIGN_OR_RAISE(WriterState writers, point.writers.empty()
                                                 ? arrow::Result<WriterState>(WriterState(options_.writers))
                                                 : WriterState::Parse(point.writers, options_.writers));
  failed_ = true;
  ARROW_RETURN_NOT_OK(AbandonFrom(point.end, abandoned));
  ARROW_ASSIGN_OR_RAISE(const SegmentPtr cut, CloseLastAt(point));
  {
    std::lock_guard lock(mutex_);
    end_ = point.end;
    max_timestamp_ms_ = point.max_timestamp_ms;
    hints_.fill({});
  }
  writers_ = std::move(writers);
  tail_from_ = tail_to_ = 0;
  ARROW_RETURN_NOT_OK(CreateSegment(point.end));
  ARROW_RETURN_NOT_OK(SyncActive());
  failed_ = dirty_ = false;
  point_ = MakePoint();
  if (cut) {
    // Only now that the new segment bounds the old one for good, since nothing says how long the cut takes to last. Not
    // needed for correctness (invariant 1), so a device that refuses this too is no obstacle.
    auto file = files_.Get(cut->log_path);
    if (file.ok() && !((*file)->Truncate(point.position).ok() && (*file)->Sync().ok())) files_.Forget(cut->log_path);
  }
  return arrow::Status::OK();
}

arrow::Result<BucketLog::SegmentPtr> BucketLog::CloseLastAt(const RecoveryPoint& point) {
  SegmentPtr last;
  {
    std::lock_guard lock(mutex_);
    if (segments_.empty()) return nullptr;
    last = segments_.back();
    if (last->base != point.segment) {
      // The point stands at the start of a segment that is gone now; what is left has to end there.
      if (last->end == point.end) return nullptr;
      return Error(ErrorCode::kLogStorage, "{}: the point at {} names segment {}, which does not exist.", dir_,
                   point.end, point.segment);
    }
    last->closed = true;
    last->active_index.reset();
    last->closed_index.reset();
    last->bytes = point.position;
    last->bytes_exact = true;
    last->end = point.end;
  }
  last->dirty.reset();
  last->statistics.Close();
  files_.Forget(last->log_path);
  return last;
}

arrow::Status BucketLog::AbandonFrom(LogOffset end, Abandoned what) {
  std::vector<SegmentPtr> abandoned;
  {
    std::lock_guard lock(mutex_);
    while (!segments_.empty() && segments_.back()->base >= end) {
      abandoned.push_back(std::move(segments_.back()));
      segments_.pop_back();
    }
    highest_end_ = std::max(highest_end_, end_);
    end_ = std::min(end_, end);
  }
  for (const SegmentPtr& segment : abandoned) {
    segment->dirty.reset();
    segment->statistics.Close();
    files_.Forget(segment->log_path);
  }
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(dir_));
  if (!exists) return arrow::Status::OK();
  // By the folder, not by what we know: a segment whose creation failed half-way may have left a name as well.
  ARROW_ASSIGN_OR_RAISE(auto entries, fs_.List(dir_));
  ARROW_ASSIGN_OR_RAISE(const bool changed, SetAsideFrom(fs_, dir_, entries, end, what == Abandoned::kRemoved));
  return changed ? fs_.SyncDirectory(dir_) : arrow::Status::OK();
}

arrow::Status BucketLog::DropBefore(LogOffset offset) {
  while (true) {
    SegmentPtr first;
    {
      std::lock_guard lock(mutex_);
      if (segments_.size() < 2) return arrow::Status::OK();
      const LogOffset next = segments_[1]->base;
      if (next > offset || next > point_.segment) return arrow::Status::OK();
      first = std::move(segments_.front());
      segments_.erase(segments_.begin());
      start_ = point_.start = next;
    }
    first->statistics.Close();
    files_.Forget(first->log_path);
    ARROW_RETURN_NOT_OK(fs_.Remove(first->log_path));
    ARROW_RETURN_NOT_OK(fs_.SyncDirectory(dir_));  // invariant 4
    for (const char* ending : {".index", ".timeindex", ".stats"}) {
      ARROW_RETURN_NOT_OK(fs_.Remove(first->stem + ending));
    }
  }
}

arrow::Status BucketLog::Remove() {
  std::vector<SegmentPtr> segments;
  {
    std::lock_guard lock(mutex_);
    segments = std::move(segments_);
    segments_.clear();
    start_ = end_;
  }
  failed_ = true;
  for (const SegmentPtr& segment : segments) {
    segment->dirty.reset();
    segment->statistics.Close();
    files_.Forget(segment->log_path);
  }
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(dir_));
  if (!exists) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(fs_.RemoveTree(dir_));
  return fs_.SyncDirectory(io::ParentOf(dir_));
}

}  // namespace thalweg::log
