#include <algorithm>
#include <map>
#include <utility>

#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/log/bucket_log.h"
#include "thalweg/log/segment.h"
#include "thalweg/log/set_aside_internal.h"

namespace thalweg::log {

namespace {
constexpr size_t kScanBufferBytes = 1 << 20;
}  // namespace

/// Opens a log: looks first, and touches files only once it is clear that nothing committed is missing.
class LogRecovery {
 public:
  LogRecovery(BucketLog& log, const RecoveryPoint* known, RecoveryReport& report)
      : log_(log), known_(known), report_(report) {}

  arrow::Status Run() {
    ARROW_RETURN_NOT_OK(ListFolder());
    if (known_ && !known_->writers.empty()) {
      ARROW_ASSIGN_OR_RAISE(log_.writers_, WriterState::Parse(known_->writers, log_.options_.writers));
    }
    if (known_) log_.max_timestamp_ms_ = known_->max_timestamp_ms;
    ARROW_RETURN_NOT_OK(TakeCommitted());
    ARROW_RETURN_NOT_OK(ScanTail());
    ARROW_RETURN_NOT_OK(CutAndTidy());
    Publish();
    return arrow::Status::OK();
  }

 private:
  struct Found {
    bool has_log = false;
    uint64_t log_bytes = 0;
    bool has_statistics = false;
  };

  arrow::Status ListFolder();
  arrow::Status TakeCommitted();
  arrow::Status ScanTail();
  arrow::Status ScanSegment(LogOffset base, uint64_t size, LogOffset next_base);
  void TakeBatch(const format::BatchHeader& header);
  arrow::Status CutAndTidy();
  void Publish();
  void AddSegment(LogOffset base, const Found& found, uint64_t bytes, LogOffset end);
  arrow::Status Missing(std::string_view what) const {
    return Error(ErrorCode::kLogStorage,
                 "{}: {}, though all up to offset {} was committed. Restore the file or remove the bucket.", log_.dir_,
                 what, known_->end);
  }

  BucketLog& log_;
  const RecoveryPoint* known_;
  RecoveryReport& report_;

  bool exists_ = false;  ///< the folder
  std::vector<io::Entry> entries_;
  std::map<LogOffset, Found> found_;
  std::vector<BucketLog::SegmentPtr> segments_;
  LogOffset start_;
  LogOffset segment_;      ///< where the tail begins,
  uint64_t position_ = 0;  ///< then how far it is sound
  LogOffset end_;
  bool torn_ = false;       ///< the last scan ended at bytes that are no batch
  bool straddles_ = false;  ///< the last scan ended at a batch that reaches over the next segment's base
  /// A process before may have ended inside Rewind, with names not durable yet: what it abandoned must not come back.
  bool was_rewound_ = false;
  bool tail_ = false;  ///< there is something behind the known point
  uint64_t cut_bytes_ = 0;
  std::vector<LogOffset> leftovers_;
  std::vector<uint8_t> buffer_;
};

arrow::Status LogRecovery::ListFolder() {
  ARROW_ASSIGN_OR_RAISE(exists_, log_.fs_.Exists(log_.dir_));
  if (!exists_) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(entries_, log_.fs_.List(log_.dir_));
  for (const io::Entry& entry : entries_) {
    const auto name = Segment::ParseName(entry.name);
    if (!name || entry.is_directory) continue;
    if (name->second.find(".suspect") != std::string::npos) {
      was_rewound_ = true;
      continue;
    }
    Found& found = found_[name->first];
    if (name->second == "log") {
      found.has_log = true;
      found.log_bytes = entry.size;
    } else if (name->second == "stats") {
      found.has_statistics = true;
    }
  }
  return arrow::Status::OK();
}

// The segments that the known point vouches for.
arrow::Status LogRecovery::TakeCommitted() {
  std::erase_if(found_, [](const auto& entry) { return !entry.second.has_log; });
  if (!known_) {
    start_ = end_ = segment_ = found_.empty() ? LogOffset(0) : found_.begin()->first;
    return arrow::Status::OK();
  }
  end_ = known_->end;
  segment_ = known_->segment;
  position_ = known_->position;
  auto first = found_.lower_bound(known_->start);
  for (auto old = found_.begin(); old != first; ++old) leftovers_.push_back(old->first);
  found_.erase(found_.begin(), first);

  auto active = found_.find(segment_);
  if (position_ > 0 && active == found_.end()) return Missing(fmt::format("segment {} is missing", segment_));
  if (active != found_.end() && active->second.log_bytes < position_) {
    return Missing(fmt::format("segment {} has {} bytes instead of {}", segment_, active->second.log_bytes, position_));
  }
  if (found_.empty()) {
    if (known_->start < known_->end) return Missing("all segments are missing");
    start_ = end_;
    return arrow::Status::OK();
  }
  start_ = std::min(found_.begin()->first, end_);
  for (auto it = found_.begin(); it != found_.end() && it->first < segment_; ++it) {
    const auto next = std::next(it);
    AddSegment(it->first, it->second, it->second.log_bytes,
               next == found_.end() ? segment_ : std::min(next->first, segment_));
    segments_.back()->closed = true;
    segments_.back()->bytes_exact = false;  // an abandoned end may stand behind (BucketLog's invariant 1)
  }
  for (auto it = found_.upper_bound(segment_); it != found_.end() && it->first < end_;) {
    leftovers_.push_back(it->first);
    it = found_.erase(it);
  }
  return arrow::Status::OK();
}

arrow::Status LogRecovery::ScanTail() {
  auto current = found_.find(segment_);
  if (current == found_.end()) {
    // A segment that holds nothing of what is committed need not exist; those behind it are then of no use either.
    for (const auto& [base, found] : found_) {
      if (base > segment_) leftovers_.push_back(base);
    }
    return arrow::Status::OK();
  }
  while (true) {
    auto next = std::next(current);
    const bool is_last = next == found_.end();
    const LogOffset next_base = is_last ? LogOffset(INT64_MAX) : next->first;
    const uint64_t size = current->second.log_bytes;
    ARROW_RETURN_NOT_OK(ScanSegment(current->first, size, next_base));
    if (straddles_) {  // it cannot begin inside a batch: of an earlier life
      leftovers_.push_back(next_base);
      found_.erase(next);
      continue;
    }
    if (!is_last && end_ < next_base) {
      // A segment is synced before the next is created, so this is not the trace of a crash.
      if (torn_) {
        return Error(ErrorCode::kLogStorage,
                     "{}: segment {} is damaged at byte {} (offset {}), though segment {} follows.", log_.dir_,
                     current->first, position_, end_, next_base);
      }
      if (!known_ && next->second.log_bytes > 0) {
        return Error(ErrorCode::kLogStorage, "{}: segment {} ends at offset {}, the next begins at {}.", log_.dir_,
                     current->first, end_, next_base);
      }
      for (auto it = next; it != found_.end(); ++it) leftovers_.push_back(it->first);
      found_.erase(next, found_.end());
    }
    AddSegment(current->first, current->second, position_, end_);
    next = std::next(current);
    if (next == found_.end()) {
      cut_bytes_ = size - position_;
      return arrow::Status::OK();
    }
    segments_.back()->closed = true;
    if (position_ < size) was_rewound_ = true;
    current = next;
    position_ = 0;
  }
}

// Goes on at position_ with offset end_, up to `next_base`, the end of the file or the first bytes that do not fit.
arrow::Status LogRecovery::ScanSegment(LogOffset base, uint64_t size, LogOffset next_base) {
  torn_ = straddles_ = false;
  if (position_ >= size || end_ >= next_base) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto file, log_.files_.Get(Segment::StemOf(log_.dir_, base) + ".log"));
  tail_ = true;
  buffer_.resize(std::max(buffer_.size(), static_cast<size_t>(std::min<uint64_t>(kScanBufferBytes, size - position_))));
  uint64_t window_start = position_;
  size_t window_bytes = 0;
  while (position_ < size && end_ < next_base) {
    size_t at = position_ - window_start;
    const auto rest = [&] { return ByteView(buffer_.data() + at, window_bytes - at); };
    auto header = format::ParseHeader(rest());
    const uint64_t wanted = header.ok() ? header->total_bytes() : format::kHeaderBytesV2;
    if (wanted > size - position_ && header.ok()) {
      torn_ = true;
      return arrow::Status::OK();
    }
    if (rest().size() < wanted && window_start + window_bytes < size) {
      if (wanted > buffer_.size()) buffer_.resize(wanted);
      window_start = position_;
      ARROW_ASSIGN_OR_RAISE(
          window_bytes,
          file->ReadAt(window_start, {buffer_.data(), std::min<uint64_t>(buffer_.size(), size - window_start)}));
      if (window_bytes == 0) {
        torn_ = true;
        return arrow::Status::OK();
      }
      continue;
    }
    auto batch = format::ParseBatch(rest());
    if (!batch.ok() || batch->header.base_offset != end_ || !format::VerifyCrc(*batch).ok()) {
      torn_ = true;
      return arrow::Status::OK();
    }
    if (batch->header.next_offset() > next_base) {
      straddles_ = true;
      return arrow::Status::OK();
    }
    TakeBatch(batch->header);
  }
  return arrow::Status::OK();
}

void LogRecovery::TakeBatch(const format::BatchHeader& header) {
  position_ += header.total_bytes();
  end_ = header.next_offset();
  log_.max_timestamp_ms_ = std::max(log_.max_timestamp_ms_, header.commit_timestamp_ms);
  if (header.has_writer()) {
    log_.writers_.Append(header.writer_id, header.batch_sequence, header.base_offset, header.last_offset(),
                         header.commit_timestamp_ms);
  }
  report_.bytes_scanned += header.total_bytes();
  ++report_.batches_scanned;
}

// From here on nothing committed can be lost.
arrow::Status LogRecovery::CutAndTidy() {
  bool names_changed = false;
  std::ranges::sort(leftovers_, std::greater());
  for (LogOffset base : leftovers_) {
    if (known_ && base < known_->start) {  // dropped before, but the removal did not last
      const std::string stem = Segment::StemOf(log_.dir_, base);
      for (const char* ending : {".log", ".index", ".timeindex", ".stats"}) {
        ARROW_RETURN_NOT_OK(log_.fs_.Remove(stem + ending));
      }
      names_changed = true;
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const bool changed, SetAside(log_.fs_, log_.dir_, entries_, base, &report_.findings));
    names_changed |= changed;
  }
  for (const io::Entry& entry : entries_) {  // side files whose segment is gone
    const auto name = Segment::ParseName(entry.name);
    if (!name || entry.is_directory || found_.contains(name->first) ||
        std::ranges::find(leftovers_, name->first) != leftovers_.end()) {
      continue;
    }
    if (name->second != "index" && name->second != "timeindex" && name->second != "stats") continue;
    ARROW_RETURN_NOT_OK(log_.fs_.Remove(log_.dir_ + "/" + entry.name));
    names_changed = true;
  }
  if (names_changed || was_rewound_) ARROW_RETURN_NOT_OK(log_.fs_.SyncDirectory(log_.dir_));
  if (cut_bytes_ > 0) {
    // Durable at once: what was torn must not come back behind batches that are appended from now on.
    ARROW_ASSIGN_OR_RAISE(auto file, log_.files_.Get(segments_.back()->log_path));
    ARROW_RETURN_NOT_OK(file->Truncate(position_));
    ARROW_RETURN_NOT_OK(file->Sync());
    report_.bytes_cut += cut_bytes_;
    report_.findings.push_back(
        fmt::format("{}: {} bytes behind offset {} (byte {}) were no whole batch and are cut off.",
                    segments_.back()->log_path, cut_bytes_, end_, position_));
  }
  return arrow::Status::OK();
}

void LogRecovery::Publish() {
  log_.start_ = start_;
  log_.end_ = end_;
  log_.segments_ = std::move(segments_);
  if (known_) {
    log_.point_ = *known_;
    log_.point_.start = start_;
  } else {
    log_.point_ = {.start = start_, .end = start_, .segment = start_, .writers = {}};
  }
  // What survived in the page cache only is not durable yet: the next Sync makes it so.
  log_.dirty_ = tail_;
  log_.names_inherited_ = exists_;
  if (tail_ && !log_.segments_.back()->closed) {
    log_.tail_from_ = known_ && log_.segments_.back()->base == segment_ ? known_->position : 0;
    log_.tail_to_ = log_.segments_.back()->bytes;
  }
  if (!log_.segments_.empty()) log_.written_back_ = log_.segments_.back()->bytes;
  log_.folder_dirty_ = !known_ || known_->end == known_->start;
}

void LogRecovery::AddSegment(LogOffset base, const Found& found, uint64_t bytes, LogOffset end) {
  auto segment = std::make_shared<Segment>(log_.files_, log_.dir_, base, found.has_statistics);
  segment->bytes = bytes;
  segment->end = end;
  segments_.push_back(std::move(segment));
}

arrow::Result<std::unique_ptr<BucketLog>> BucketLog::Open(io::FileSystem& fs, OpenFiles& files, IndexCache& indexes,
                                                          std::string dir, const LogOptions& options,
                                                          const RecoveryPoint* known, RecoveryReport* report) {
  LogOptions bounded = options;
  bounded.index_interval_bytes = std::max(1u, options.index_interval_bytes);
  bounded.segment_bytes_max = std::min<uint64_t>(options.segment_bytes_max, INT32_MAX);
  std::unique_ptr<BucketLog> log(new BucketLog(fs, files, indexes, std::move(dir), bounded));
  RecoveryReport unread;
  ARROW_RETURN_NOT_OK(LogRecovery(*log, known, report ? *report : unread).Run());
  return log;
}

}  // namespace thalweg::log
