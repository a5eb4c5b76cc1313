#include "thalweg/log/verify_log.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "thalweg/base/crc32c.h"
#include "thalweg/base/endian.h"
#include "thalweg/base/error.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/format/statistics.h"
#include "thalweg/io/file.h"
#include "thalweg/log/segment.h"
#include "thalweg/log/segment_index.h"
#include "thalweg/log/statistics_file.h"
#include "thalweg/log/writer_state.h"

namespace thalweg::log {
namespace {

constexpr size_t kStatisticsCrcAt = 12;

/// One batch that was found sound.
struct FoundBatch {
  LogOffset base;
  uint64_t position = 0;
  int64_t max_timestamp_ms = 0;  ///< of this batch and those before it in the segment
};

/// Reads the batches of one file, each whole.
class BatchScan {
 public:
  BatchScan(io::File& file, uint64_t size, LogOffset base) : file_(file), size_(size), offset_(base) {}

  /// The batch at position(). Why there is none that fits: a status.
  arrow::Result<format::BatchHeader> Read() {
    head_.resize(std::min<uint64_t>(format::kHeaderBytesV2, size_ - position_));
    ARROW_ASSIGN_OR_RAISE(size_t got, file_.ReadAt(position_, head_));
    ARROW_ASSIGN_OR_RAISE(const auto header, format::ParseHeader(ByteView(head_).first(got)));
    if (header.total_bytes() > size_ - position_) {
      return Error(ErrorCode::kCorruptRecord, "the batch of {} bytes is cut off at the end of the file",
                   header.total_bytes());
    }
    body_.resize(header.total_bytes());
    ARROW_ASSIGN_OR_RAISE(got, file_.ReadAt(position_, body_));
    ARROW_ASSIGN_OR_RAISE(const auto batch, format::ParseBatch(ByteView(body_).first(got)));
    ARROW_RETURN_NOT_OK(format::VerifyCrc(batch));
    if (header.magic != 0) {
      return Error(ErrorCode::kCorruptRecord, "the batch is of version {}, stored ones are of version 0", header.magic);
    }
    if (header.base_offset != offset_) {
      return Error(ErrorCode::kCorruptRecord, "the batch has offset {} instead of {}", header.base_offset, offset_);
    }
    return header;
  }
  void Skip(const format::BatchHeader& header) {
    position_ += header.total_bytes();
    offset_ = header.next_offset();
  }

  uint64_t position() const { return position_; }
  LogOffset offset() const { return offset_; }
  bool at_end() const { return position_ >= size_; }

 private:
  io::File& file_;
  const uint64_t size_;
  uint64_t position_ = 0;
  LogOffset offset_;
  std::vector<uint8_t> head_, body_;
};

/// Holds the side files of one segment against its batches, as these come by in order.
class SideFiles {
 public:
  SideFiles(io::FileSystem& fs, const Segment& segment, Faults* faults)
      : stem_(segment.stem), base_(segment.base), faults_(faults) {
    offsets_ = Load(fs, ".index");
    times_ = Load(fs, ".timeindex");
    statistics_ = Load(fs, ".stats");
  }

  void Pass(const FoundBatch& batch, int64_t timestamp_ms_max) {
    PassIndex(batch, timestamp_ms_max);
    PassStatistics(batch);
  }

  /// No batch comes any more. `torn`: the segment may have ended further behind.
  void Finish(bool torn) {
    if (entry_ < Entries() && !torn) {
      faults_->Add(stem_ + ".index", entry_ * SegmentIndex::kOffsetEntryBytes,
                   fmt::format("entry {} points behind the last batch{}", entry_, kHarmless));
    }
    if (at_ < statistics_.size()) {
      const bool whole = RecordAt() != nullptr;
      const std::string what = whole ? "statistics of no batch of this segment" : "statistics that are cut off";
      if (torn || !whole) {
        faults_->Note(stem_ + ".stats", at_, what);
      } else {
        faults_->Add(stem_ + ".stats", at_, what);
      }
    }
  }

 private:
  static constexpr const char* kHarmless = " (costs time only: a start makes it again)";

  std::string Load(io::FileSystem& fs, const char* ending) {
    const std::string path = stem_ + ending;
    const auto exists = fs.Exists(path);
    if (exists.ok() && !*exists) return {};
    auto content = io::ReadFile(fs, path);
    if (content.ok()) return std::move(*content);
    faults_->Add(path, std::nullopt, content.status().message());
    return {};
  }

  size_t Entries() const { return offsets_.size() / SegmentIndex::kOffsetEntryBytes; }

  void PassIndex(const FoundBatch& batch, int64_t timestamp_ms_max) {
    while (entry_ < Entries()) {
      const size_t at = entry_ * SegmentIndex::kOffsetEntryBytes;
      const uint8_t* entry = AsBytes(offsets_).data() + at;
      const auto delta = LoadBig<uint32_t>(entry);
      const auto position = LoadBig<uint32_t>(entry + 4);
      if (position > batch.position) return;
      if (position < batch.position) {
        faults_->Add(stem_ + ".index", at,
                     fmt::format("entry {}: no batch begins at byte {} of the segment{}", entry_, position, kHarmless));
      } else if (delta != static_cast<uint64_t>(batch.base - base_)) {
        faults_->Add(stem_ + ".index", at,
                     fmt::format("entry {}: offset {} is told, the batch there has {}{}", entry_, base_ + delta,
                                 batch.base, kHarmless));
      }
      PassTime(delta, position == batch.position ? batch.max_timestamp_ms : previous_time_ms_, timestamp_ms_max);
      ++entry_;
    }
  }

  void PassTime(uint32_t delta, int64_t timestamp_ms_min, int64_t timestamp_ms_max) {
    const size_t at = entry_ * SegmentIndex::kTimeEntryBytes;
    if (at + SegmentIndex::kTimeEntryBytes > times_.size()) return;  // a shorter file is enough
    const uint8_t* entry = AsBytes(times_).data() + at;
    const auto time_ms = LoadBig<int64_t>(entry);
    const auto time_delta = LoadBig<uint32_t>(entry + 8);
    if (time_delta != delta) {
      faults_->Add(stem_ + ".timeindex", at,
                   fmt::format("entry {} belongs to another batch than that of the index{}", entry_, kHarmless));
    } else if (time_ms < timestamp_ms_min || time_ms < previous_time_ms_ || time_ms > timestamp_ms_max) {
      faults_->Add(stem_ + ".timeindex", at,
                   fmt::format("entry {}: time {} does not fit the batches{}", entry_, time_ms, kHarmless));
    }
    previous_time_ms_ = std::max(previous_time_ms_, time_ms);
  }

  /// The statistics record at at_; null where it is not whole.
  const uint8_t* RecordAt() const {
    if (statistics_.size() - at_ < StatisticsFile::kRecordHeaderBytes) return nullptr;
    const uint8_t* record = AsBytes(statistics_).data() + at_;
    const size_t rest = statistics_.size() - at_ - StatisticsFile::kRecordHeaderBytes;
    return LoadLittle<uint32_t>(record + 8) <= rest ? record : nullptr;
  }

  void PassStatistics(const FoundBatch& batch) {
    while (const uint8_t* record = RecordAt()) {
      const LogOffset offset(LoadLittle<int64_t>(record));
      const ByteView block(record + StatisticsFile::kRecordHeaderBytes, LoadLittle<uint32_t>(record + 8));
      if (Crc32c(Crc32c({record, kStatisticsCrcAt}), block) != LoadLittle<uint32_t>(record + kStatisticsCrcAt)) {
        faults_->Add(stem_ + ".stats", at_, "wrong checksum of statistics (a reader gets more batches than it needs)");
        at_ = statistics_.size();  // where the next record begins is not known
        return;
      }
      if (offset > batch.base) return;
      if (offset < batch.base) {
        faults_->Add(stem_ + ".stats", at_, fmt::format("statistics of offset {}, at which no batch begins", offset));
      } else if (const auto parsed = format::StatisticsView::Parse(block); !parsed.ok()) {
        faults_->Add(stem_ + ".stats", at_, parsed.status().message());
      }
      at_ += StatisticsFile::kRecordHeaderBytes + block.size();
    }
  }

  const std::string stem_;
  const LogOffset base_;
  Faults* const faults_;
  std::string offsets_, times_, statistics_;
  size_t entry_ = 0;
  size_t at_ = 0;
  int64_t previous_time_ms_ = std::numeric_limits<int64_t>::min();
};

class LogVerifier {
 public:
  LogVerifier(io::FileSystem& fs, std::string dir, const RecoveryPoint* known, Faults* faults, LogExtent* extent)
      : fs_(fs), dir_(std::move(dir)), known_(known), faults_(faults), extent_(extent), files_(fs) {}

  arrow::Status Run() {
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(dir_));
    if (exists) {
      ARROW_ASSIGN_OR_RAISE(const auto entries, fs_.List(dir_));
      for (const auto& entry : entries) Sort(entry);
    }
    CheckPoint();
    extent_->segments = segments_.size();
    extent_->start = segments_.empty() ? (known_ ? known_->end : LogOffset(0)) : segments_.begin()->first;
    extent_->end = extent_->start;
    // Batches of segments that are gone may be the latest ones.
    timestamp_ms_ = known_ ? known_->max_timestamp_ms : -1;
    if (!known_ && extent_->start > LogOffset(0)) timestamp_ms_ = std::numeric_limits<int64_t>::max();
    for (auto it = segments_.begin(); it != segments_.end(); ++it) {
      const auto next = std::next(it);
      ScanSegment(it->first, it->second, next == segments_.end() ? std::nullopt : std::optional(next->first));
    }
    return arrow::Status::OK();
  }

 private:
  void Sort(const io::Entry& entry) {
    const auto name = Segment::ParseName(entry.name);
    if (!name || entry.is_directory || name->second.find("suspect") != std::string::npos) {
      faults_->Note(dir_ + "/" + entry.name, std::nullopt, "not part of the log: look at it, then delete it");
    } else if (name->second == "log") {
      segments_[name->first] = entry.size;
    }
  }

  /// What the checkpoint vouches for.
  void CheckPoint() {
    if (!known_) return;
    if (!known_->writers.empty()) {
      const auto writers = WriterState::Parse(known_->writers);
      if (!writers.ok()) {
        faults_->Add(dir_, std::nullopt, fmt::format("the checkpoint's writers: {}", writers.status().message()));
      }
    }
    if (known_->start == known_->end) return;
    const auto active = segments_.find(known_->segment);
    const std::string path = Segment::StemOf(dir_, known_->segment) + ".log";
    if (segments_.empty() || (known_->position > 0 && active == segments_.end())) {
      faults_->Add(path, std::nullopt, fmt::format("missing, though all up to offset {} was committed", known_->end));
    } else if (active != segments_.end() && active->second < known_->position) {
      faults_->Add(path, active->second, fmt::format("ends here, though {} bytes were committed", known_->position));
    }
  }

  /// Whether the checkpoint says that this place was synced and sound.
  bool Committed(LogOffset base, uint64_t position) const {
    return known_ && (base < known_->segment || (base == known_->segment && position < known_->position));
  }

  void ScanSegment(LogOffset base, uint64_t size, std::optional<LogOffset> next) {
    const Segment segment(files_, dir_, base, false);
    auto file = fs_.Open(segment.log_path, {});
    if (!file.ok()) {
      faults_->Add(segment.log_path, std::nullopt, file.status().message());
      return;
    }
    SideFiles side(fs_, segment, faults_);
    BatchScan scan(**file, size, base);
    int64_t segment_ms = std::numeric_limits<int64_t>::min();
    bool torn = false;
    while (!scan.at_end() && (!next || scan.offset() < *next)) {
      const auto header = scan.Read();
      if (!header.ok()) {
        torn = true;
        Broken(segment, base, scan, size, next, header.status().message());
        break;
      }
      if (known_ && base == known_->segment && scan.position() == known_->position && scan.offset() != known_->end) {
        faults_->Add(segment.log_path, scan.position(),
                     fmt::format("offset {} begins here, the checkpoint says {}", scan.offset(), known_->end));
      }
      segment_ms = std::max(segment_ms, header->commit_timestamp_ms);
      timestamp_ms_ = std::max(timestamp_ms_, header->commit_timestamp_ms);
      side.Pass({scan.offset(), scan.position(), segment_ms}, timestamp_ms_);
      scan.Skip(*header);
      ++extent_->batches;
    }
    side.Finish(torn || !next);
    extent_->bytes += scan.position();
    extent_->end = scan.offset();
    if (torn || !next) return;
    if (scan.offset() != *next) {
      faults_->Add(segment.log_path, scan.position(),
                   fmt::format("ends at offset {}, the next segment begins at {}", scan.offset(), *next));
    } else if (!scan.at_end()) {
      faults_->Note(segment.log_path, scan.position(),
                    fmt::format("{} bytes of an abandoned end", size - scan.position()));
    }
  }

  void Broken(const Segment& segment, LogOffset base, const BatchScan& scan, uint64_t size,
              std::optional<LogOffset> next, const std::string& why) {
    if (next || Committed(base, scan.position())) {
      faults_->Add(segment.log_path, scan.position(), fmt::format("offset {}: {}", scan.offset(), why));
    } else {
      faults_->Note(
          segment.log_path, scan.position(),
          fmt::format("{} bytes behind offset {} are no whole batch: a start cuts them off, and takes what was "
                      "acknowledged from the journal",
                      size - scan.position(), scan.offset()));
    }
  }

  io::FileSystem& fs_;
  const std::string dir_;
  const RecoveryPoint* const known_;
  Faults* const faults_;
  LogExtent* const extent_;
  OpenFiles files_;
  std::map<LogOffset, uint64_t> segments_;  ///< by base offset; bytes of the file
  int64_t timestamp_ms_ = -1;               ///< largest commit time so far
};

}  // namespace

arrow::Status VerifyLog(io::FileSystem& fs, const std::string& dir, const RecoveryPoint* known, Faults* faults,
                        LogExtent* extent) {
  return LogVerifier(fs, dir, known, faults, extent).Run();
}

}  // namespace thalweg::log
