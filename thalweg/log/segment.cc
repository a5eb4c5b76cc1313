#include "thalweg/log/segment.h"

#include <array>
#include <charconv>

#include "fmt/format.h"
#include "thalweg/base/error.h"
#include "thalweg/io/file_system.h"
#include "thalweg/log/header_cursor_internal.h"

namespace thalweg::log {

namespace {

constexpr size_t kOffsetDigits = 20;

std::string ReadOrEmpty(io::FileSystem& fs, const std::string& path) {
  auto content = io::ReadFile(fs, path);
  return content.ok() ? std::move(*content) : std::string();  // an index that cannot be read is made anew
}

arrow::Status WriteFrom(io::FileSystem& fs, const std::string& path, uint64_t offset, const std::string& content) {
  using enum io::OpenOptions::Mode;
  ARROW_ASSIGN_OR_RAISE(auto file, fs.Open(path, {.mode = offset == 0 ? kTruncate : kCreate}));
  const ByteView piece = AsBytes(content);
  return file->WriteAt(offset, {&piece, 1});
}

}  // namespace

std::string Segment::StemOf(const std::string& dir, LogOffset base) {
  return fmt::format("{}/{:020}", dir, base.value);
}

std::optional<std::pair<LogOffset, std::string>> Segment::ParseName(const std::string& name) {
  if (name.size() < kOffsetDigits + 2 || name[kOffsetDigits] != '.') return std::nullopt;
  int64_t base = 0;
  const char* digits_end = name.data() + kOffsetDigits;
  auto [stop, error] = std::from_chars(name.data(), digits_end, base);
  if (error != std::errc() || stop != digits_end || base < 0) return std::nullopt;
  return std::pair(LogOffset(base), name.substr(kOffsetDigits + 1));
}

namespace {

arrow::Result<LoadedIndex> TryLoad(io::FileSystem& fs, io::File& file, const Segment& segment, uint64_t bytes,
                                   LogOffset end, uint32_t interval_bytes, bool from_headers) {
  LoadedIndex loaded{.index = SegmentIndex({}, interval_bytes)};
  uint64_t position = 0;
  LogOffset offset = segment.base;
  if (!from_headers) {
    const std::string offsets = ReadOrEmpty(fs, segment.stem + ".index");
    const std::string times = ReadOrEmpty(fs, segment.stem + ".timeindex");
    auto index = SegmentIndex::Decode(AsBytes(offsets), AsBytes(times), bytes, interval_bytes);
    const IndexEntry last = index.last();
    HeaderCursor check(file, last.position, segment.base + last.offset_delta, bytes);
    // A wrong last entry makes all of them doubtful: the files may be of another life of this segment.
    if (!index.entries().empty() && check.offset() < end && check.Read(false).ValueOr(false) &&
        check.header().commit_timestamp_ms <= last.timestamp_ms) {
      loaded.index = std::move(index);
      position = last.position;
      offset = check.offset();
    }
  }
  const size_t from_files = loaded.index.entries().size();
  HeaderCursor cursor(file, position, offset, bytes);
  while (cursor.offset() < end && !cursor.at_end()) {
    ARROW_RETURN_NOT_OK(cursor.Read(false).status());
    loaded.index.Add({.offset_delta = static_cast<uint32_t>(cursor.offset() - segment.base),
                      .position = static_cast<uint32_t>(cursor.position()),
                      .timestamp_ms = cursor.header().commit_timestamp_ms});
    cursor.Skip();
  }
  if (cursor.offset() != end) {
    return Error(ErrorCode::kLogStorage, "{}: the batches lead to offset {} instead of {}. Run `thalweg verify`.",
                 segment.log_path, cursor.offset(), end);
  }
  loaded.bytes = cursor.position();
  const size_t count = loaded.index.entries().size();
  loaded.entries_from_headers = loaded.index.thinnings() > 0 ? count : count - from_files;
  return loaded;
}

}  // namespace

arrow::Result<LoadedIndex> LoadIndex(io::FileSystem& fs, io::File& file, const Segment& segment, uint64_t bytes,
                                     LogOffset end, uint32_t interval_bytes, bool from_headers) {
  auto loaded = TryLoad(fs, file, segment, bytes, end, interval_bytes, from_headers);
  // The bytes inside of a batch may look like the header that confirms a stale entry; what follows them then does not.
  if (!from_headers && CodeOf(loaded.status()) == ErrorCode::kLogStorage) {
    return TryLoad(fs, file, segment, bytes, end, interval_bytes, true);
  }
  return loaded;
}

arrow::Status WriteIndex(io::FileSystem& fs, const Segment& segment, const SegmentIndex& index, size_t first_entry) {
  ARROW_RETURN_NOT_OK(WriteFrom(fs, segment.stem + ".index", first_entry * SegmentIndex::kOffsetEntryBytes,
                                index.EncodeOffsets(first_entry)));
  return WriteFrom(fs, segment.stem + ".timeindex", first_entry * SegmentIndex::kTimeEntryBytes,
                   index.EncodeTimes(first_entry));
}

}  // namespace thalweg::log
