#include "thalweg/journal/replay.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/journal/aligned_memory.h"

namespace thalweg::journal {
namespace {

std::optional<uint64_t> NumberOf(std::string_view name) {
  if (!name.ends_with(".wal")) return std::nullopt;
  name.remove_suffix(4);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

/// Walks the records of one file that lies in memory, those below `until`.
class FileWalk {
 public:
  /// Looks for what there is, of any epoch.
  explicit FileWalk(ByteView bytes) : bytes_(bytes) {}
  FileWalk(ByteView bytes, const RingFile& file, uint64_t until = kNoEnd)
      : bytes_(bytes), epoch_(file.epoch), position_(file.start), expected_(file.first_sequence), until_(until) {}

  static constexpr uint64_t kNoEnd = UINT64_MAX;

  /// The next record in sequence, or none at the end of what can be read.
  std::optional<std::pair<RecordHeader, ByteView>> Next() {
    if (position_ >= bytes_.size() || expected_ >= until_) return std::nullopt;
    const auto header = ParseRecord(bytes_.subspan(position_));
    if (!header || header->epoch != epoch_ || header->sequence != expected_) return std::nullopt;
    const ByteView payload = bytes_.subspan(position_ + kRecordHeaderBytes, header->length);
    position_ += RecordBytes(header->length);
    if (header->last_of_group) position_ = AlignUp(position_, kGroupAlignment);
    ++expected_;
    return std::pair(*header, payload);
  }

  /// After Next found no record: goes to the next one that can be read, provided that a later group proves that what
  /// lies between was committed. False where none does: then this is the end.
  bool SkipDamage() {
    const auto group = FindGroup(AlignUp(position_, kGroupAlignment), expected_);
    if (!group) return false;
    const auto record = FindRecord(position_, group->first, expected_, group->second.sequence);
    position_ = record ? record->first : group->first;
    expected_ = record ? record->second.sequence : group->second.sequence;
    return true;
  }

  using Place = std::pair<size_t, RecordHeader>;

  /// The first valid group at or behind `at` with at least that sequence.
  std::optional<Place> FindGroup(size_t at, uint64_t sequence) const {
    for (; at + kRecordHeaderBytes <= bytes_.size(); at += kGroupAlignment) {
      const RecordHeader claimed = ParseHeaderUnchecked(bytes_.data() + at);
      if (!claimed.first_of_group || claimed.sequence < sequence || claimed.sequence >= until_) continue;
      if (epoch_ && claimed.epoch != *epoch_) continue;
      if (ParseRecord(bytes_.subspan(at))) return Place(at, claimed);
    }
    return std::nullopt;
  }

  /// The first valid record in [at, until) of the walk's epoch with a sequence in [sequence, below).
  std::optional<Place> FindRecord(size_t at, size_t until, uint64_t sequence, uint64_t below) const {
    for (; at + kRecordHeaderBytes <= until; at += kRecordAlignment) {
      const RecordHeader claimed = ParseHeaderUnchecked(bytes_.data() + at);
      if (claimed.epoch != epoch_ || claimed.sequence < sequence || claimed.sequence >= below) continue;
      if (ParseRecord(bytes_.subspan(at, until - at))) return Place(at, claimed);
    }
    return std::nullopt;
  }

  size_t position() const { return position_; }
  uint64_t expected() const { return expected_; }

 private:
  ByteView bytes_;
  std::optional<uint64_t> epoch_;  ///< none: any
  size_t position_ = 0;
  uint64_t expected_ = 0;
  uint64_t until_ = kNoEnd;
};

arrow::Result<ByteView> ReadWhole(RingFile& file, AlignedMemory& memory) {
  const size_t wanted = AlignUp(file.bytes, io::kDirectAlignment);
  if (memory.size() < wanted) memory = AlignedMemory(wanted);
  ARROW_ASSIGN_OR_RAISE(const size_t got, file.file->ReadAt(0, {memory.data(), wanted}));
  return ByteView(memory.data(), std::min<size_t>(got, file.bytes));
}

/// The first record of a file whose front is in `block`.
arrow::Result<std::optional<RecordHeader>> FirstRecord(RingFile& file, ByteView block) {
  if (block.size() < kFileHeaderBytes + kRecordHeaderBytes) return std::nullopt;
  const ByteView front = block.subspan(kFileHeaderBytes);
  const RecordHeader claimed = ParseHeaderUnchecked(front.data());
  if (!claimed.first_of_group || claimed.length > file.bytes) return std::nullopt;
  if (RecordBytes(claimed.length) <= front.size()) return ParseRecord(front);
  AlignedMemory memory(AlignUp(kFileHeaderBytes + RecordBytes(claimed.length), io::kDirectAlignment));
  ARROW_ASSIGN_OR_RAISE(const size_t got, file.file->ReadAt(0, {memory.data(), memory.size()}));
  if (got < kFileHeaderBytes) return std::nullopt;
  return ParseRecord(ByteView(memory.data(), got).subspan(kFileHeaderBytes));
}

/// Says where the records of a file begin whose first one cannot be read: before a whole group, if there is one. Either the
/// front is damaged, or it is a torn write over older records; their sequences tell.
arrow::Result<bool> FindFront(RingFile& file) {
  AlignedMemory memory;
  ARROW_ASSIGN_OR_RAISE(const ByteView bytes, ReadWhole(file, memory));
  const auto group = FileWalk(bytes).FindGroup(kFileHeaderBytes + kGroupAlignment, 1);
  if (!group) return false;
  file.epoch = group->second.epoch;
  const auto record = FileWalk(bytes, file).FindRecord(kFileHeaderBytes, group->first, 1, group->second.sequence);
  file.start = record ? record->first : group->first;
  file.first_sequence = record ? record->second.sequence : group->second.sequence;
  return true;
}

arrow::Status Look(io::FileSystem& fs, RingFile file, bool direct, AlignedMemory& block, FoundFiles& found) {
  ARROW_ASSIGN_OR_RAISE(file.file, fs.Open(file.path, {.mode = io::OpenOptions::Mode::kReadWrite, .direct = direct}));
  ARROW_ASSIGN_OR_RAISE(file.bytes, file.file->Size());
  ARROW_ASSIGN_OR_RAISE(const size_t got, file.file->ReadAt(0, {block.data(), block.size()}));
  ARROW_ASSIGN_OR_RAISE(const bool sound, CheckFileHeader({block.data(), got}, file.path));
  if (!sound) found.damage.push_back({fmt::format("the header of {}", file.path), file.path, 0, kFileHeaderBytes});
  found.next_number = std::max(found.next_number, file.number + 1);
  file.start = file.position = kFileHeaderBytes;
  ARROW_ASSIGN_OR_RAISE(const auto first, FirstRecord(file, {block.data(), got}));
  bool used = first.has_value();
  if (first) {
    file.first_sequence = first->sequence;
    file.epoch = first->epoch;
  } else {
    ARROW_ASSIGN_OR_RAISE(used, FindFront(file));
  }
  found.epoch = std::max(found.epoch, file.epoch);
  (used ? found.used : found.free).push_back(std::move(file));
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<FoundFiles> FindFiles(io::FileSystem& fs, const RingOptions& options) {
  FoundFiles found;
  ARROW_ASSIGN_OR_RAISE(const auto entries, fs.List(options.directory));
  AlignedMemory block(2 * kGroupAlignment);
  for (const auto& entry : entries) {
    const auto number = NumberOf(entry.name);
    if (!number) continue;
    RingFile file{.path = options.directory + "/" + entry.name, .number = *number};
    ARROW_RETURN_NOT_OK(Look(fs, std::move(file), options.direct, block, found));
  }
  for (const auto& entry : entries) {
    if (entry.name.ends_with(".tmp")) ARROW_RETURN_NOT_OK(fs.Remove(options.directory + "/" + entry.name));
  }
  std::ranges::sort(found.used, {}, [](const RingFile& file) { return std::pair(file.first_sequence, file.epoch); });
  return found;
}

arrow::Result<ReplayResult> Replay(std::deque<RingFile>& files, uint64_t from_sequence, const RecordVisitor& visitor) {
  ReplayResult result;
  AlignedMemory memory;
  // What is wanted next; 0 while anything may come first, since without a checkpoint nobody knows what was released.
  uint64_t wanted = from_sequence;
  for (size_t i = 0; i < files.size(); ++i) {
    RingFile& file = files[i];
    file.next_sequence = file.first_sequence;
    // A file is whole when the next one begins above it, so what lies below `from_sequence` need not even be read.
    if (i + 1 < files.size() && files[i + 1].first_sequence <= from_sequence) {
      file.next_sequence = files[i + 1].first_sequence;
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const ByteView bytes, ReadWhole(file, memory));
    if (wanted > 0 && file.first_sequence > wanted) {
      result.damage.push_back({fmt::format("records {} to {}, before byte {} of {}", wanted, file.first_sequence - 1,
                                           file.start, file.path),
                               file.path, kFileHeaderBytes, file.start});
    }
    // What a later file begins with was written again there, so what this one says of it counts for nothing.
    FileWalk walk(bytes, file, i + 1 < files.size() ? files[i + 1].first_sequence : FileWalk::kNoEnd);
    while (true) {
      while (const auto record = walk.Next()) {
        if (record->first.sequence >= from_sequence) ARROW_RETURN_NOT_OK(visitor(record->first, record->second));
      }
      const uint64_t stopped = walk.expected();
      const size_t at = walk.position();
      if (!walk.SkipDamage()) break;
      // Nothing is lost where what comes next lies elsewhere, or was released.
      if (walk.expected() == stopped || walk.expected() <= from_sequence) continue;
      result.damage.push_back(
          {fmt::format("records {} to {} at byte {} of {}", stopped, walk.expected() - 1, at, file.path), file.path, at,
           walk.position()});
    }
    file.next_sequence = walk.expected();
    file.position = walk.position();
    wanted = std::max(wanted, walk.expected());
    result.next_sequence = std::max(result.next_sequence, walk.expected());
  }
  return result;
}

arrow::Status VisitFile(RingFile& file, uint64_t from, uint64_t until, const RecordVisitor& visitor) {
  AlignedMemory memory;
  ARROW_ASSIGN_OR_RAISE(const ByteView bytes, ReadWhole(file, memory));
  FileWalk walk(bytes, file, until);
  do {
    while (const auto record = walk.Next()) {
      if (record->first.sequence >= from) ARROW_RETURN_NOT_OK(visitor(record->first, record->second));
    }
  } while (walk.SkipDamage());
  return arrow::Status::OK();
}

}  // namespace thalweg::journal
