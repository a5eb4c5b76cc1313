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

/// Walks the records of one file that lies in memory.
class FileWalk {
 public:
  FileWalk(ByteView bytes, uint64_t expected) : bytes_(bytes), expected_(expected) {}

  /// The next record in sequence, or none at the end of what can be read.
  std::optional<std::pair<RecordHeader, ByteView>> Next() {
    if (position_ >= bytes_.size()) return std::nullopt;
    const auto header = ParseRecord(bytes_.subspan(position_));
    if (!header || header->sequence != expected_) return std::nullopt;
    const ByteView payload = bytes_.subspan(position_ + kRecordHeaderBytes, header->length);
    position_ += RecordBytes(header->length);
    if (header->last_of_group) position_ = AlignUp(position_, kGroupAlignment);
    ++expected_;
    return std::pair(*header, payload);
  }

  /// After Next found no record: the first later group that is valid and newer, if any. True when there is one.
  bool SkipToLaterGroup() {
    for (size_t at = AlignUp(position_ + 1, kGroupAlignment); at + kRecordHeaderBytes <= bytes_.size();
         at += kGroupAlignment) {
      const RecordHeader claimed = ParseHeaderUnchecked(bytes_.data() + at);
      if (!claimed.first_of_group || claimed.sequence <= expected_) continue;
      if (!ParseRecord(bytes_.subspan(at))) continue;
      position_ = at;
      expected_ = claimed.sequence;
      return true;
    }
    return false;
  }

  size_t position() const { return position_; }
  uint64_t expected() const { return expected_; }

 private:
  ByteView bytes_;
  size_t position_ = kFileHeaderBytes;
  uint64_t expected_;
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

}  // namespace

arrow::Result<FoundFiles> FindFiles(io::FileSystem& fs, const RingOptions& options) {
  FoundFiles found;
  ARROW_ASSIGN_OR_RAISE(const auto entries, fs.List(options.directory));
  AlignedMemory block(2 * kGroupAlignment);
  for (const auto& entry : entries) {
    const std::string path = options.directory + "/" + entry.name;
    if (entry.name.ends_with(".tmp")) {
      ARROW_RETURN_NOT_OK(fs.Remove(path));
      continue;
    }
    const auto number = NumberOf(entry.name);
    if (!number) continue;
    RingFile file{.path = path, .number = *number};
    ARROW_ASSIGN_OR_RAISE(file.file,
                          fs.Open(path, {.mode = io::OpenOptions::Mode::kReadWrite, .direct = options.direct}));
    ARROW_ASSIGN_OR_RAISE(file.bytes, file.file->Size());
    ARROW_ASSIGN_OR_RAISE(const size_t got, file.file->ReadAt(0, {block.data(), block.size()}));
    ARROW_RETURN_NOT_OK(CheckFileHeader({block.data(), got}, path));
    found.next_number = std::max(found.next_number, *number + 1);
    file.position = kFileHeaderBytes;
    ARROW_ASSIGN_OR_RAISE(const auto first, FirstRecord(file, {block.data(), got}));
    if (first) file.first_sequence = first->sequence;
    const bool unused = std::ranges::all_of(ByteView(block.data(), got).subspan(std::min(got, kFileHeaderBytes)),
                                            [](uint8_t b) { return b == 0; });
    (first ? found.used : unused ? found.free : found.doubtful).push_back(std::move(file));
  }
  std::ranges::sort(found.used, {}, &RingFile::first_sequence);
  return found;
}

arrow::Result<ReplayResult> Replay(std::deque<RingFile>& files, uint64_t from_sequence, const RecordVisitor& visitor) {
  ReplayResult result;
  AlignedMemory memory;
  bool any = false;
  for (size_t i = 0; i < files.size(); ++i) {
    RingFile& file = files[i];
    file.next_sequence = file.first_sequence;
    // A file is whole when the next one begins above it, so what lies below `from_sequence` need not even be read.
    if (i + 1 < files.size() && files[i + 1].first_sequence <= from_sequence) {
      file.next_sequence = files[i + 1].first_sequence;
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const ByteView bytes, ReadWhole(file, memory));
    if (any && file.first_sequence > result.next_sequence) {
      result.gaps.emplace_back(result.next_sequence, file.first_sequence);
      result.damage.push_back(
          fmt::format("records {} to {}, before {}", result.next_sequence, file.first_sequence - 1, file.path));
    }
    any = true;
    FileWalk walk(bytes, file.first_sequence);
    while (true) {
      while (const auto record = walk.Next()) {
        result.epoch = std::max(result.epoch, record->first.epoch);
        if (record->first.sequence >= from_sequence) ARROW_RETURN_NOT_OK(visitor(record->first, record->second));
      }
      const uint64_t stopped = walk.expected();
      const size_t at = walk.position();
      if (!walk.SkipToLaterGroup()) break;
      result.damage.push_back(
          fmt::format("records {} to {} at byte {} of {}", stopped, walk.expected() - 1, at, file.path));
    }
    file.next_sequence = walk.expected();
    file.position = walk.position();
    result.next_sequence = std::max(result.next_sequence, walk.expected());
  }
  return result;
}

arrow::Status SetAsideDoubtful(io::FileSystem& fs, FoundFiles& found, const ReplayResult& replayed,
                               std::vector<std::string>& damage) {
  AlignedMemory memory;
  for (RingFile& file : found.doubtful) {
    ARROW_ASSIGN_OR_RAISE(const ByteView bytes, ReadWhole(file, memory));
    const auto missing = [&](uint64_t sequence) {
      return sequence >= replayed.next_sequence || std::ranges::any_of(replayed.gaps, [&](const auto& gap) {
               return gap.first <= sequence && sequence < gap.second;
             });
    };
    bool damaged = false;
    for (FileWalk walk(bytes, 0); !damaged && walk.SkipToLaterGroup();) damaged = missing(walk.expected());
    if (!damaged) {
      found.free.push_back(std::move(file));
      continue;
    }
    damage.push_back(fmt::format("the first group of {}, kept as {}.damaged", file.path, file.path));
    file.file.reset();
    ARROW_RETURN_NOT_OK(fs.Rename(file.path, file.path + ".damaged"));
  }
  found.doubtful.clear();
  return arrow::Status::OK();
}

arrow::Status VisitFile(RingFile& file, uint64_t from, uint64_t until, const RecordVisitor& visitor) {
  AlignedMemory memory;
  ARROW_ASSIGN_OR_RAISE(const ByteView bytes, ReadWhole(file, memory));
  FileWalk walk(bytes, file.first_sequence);
  do {
    while (const auto record = walk.Next()) {
      if (record->first.sequence >= until) return arrow::Status::OK();
      if (record->first.sequence >= from) ARROW_RETURN_NOT_OK(visitor(record->first, record->second));
    }
  } while (walk.expected() < until && walk.SkipToLaterGroup());
  return arrow::Status::OK();
}

}  // namespace thalweg::journal
