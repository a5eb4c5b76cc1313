#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/ids.h"
#include "thalweg/io/file.h"
#include "thalweg/io/file_system.h"
#include "thalweg/log/segment_index.h"
#include "thalweg/log/statistics_file.h"

namespace thalweg::log {

/// One segment of a log: a run of batches in `<base offset, 20 digits>.log`, with its side files.
///
/// What it holds from `base` to `end` are the file's first `bytes` bytes; the file may be longer (a torn or abandoned end).
/// Thread safety: constants by all; each member says under what it stands.
class Segment {
 public:
  Segment(OpenFiles& files, const std::string& dir, LogOffset segment_base, bool has_statistics)
      : base(segment_base),
        stem(StemOf(dir, segment_base)),
        log_path(stem + ".log"),
        statistics(files, stem + ".stats", segment_base, has_statistics) {}

  /// The path of a segment's files without what follows the dot.
  static std::string StemOf(const std::string& dir, LogOffset base);
  /// The base offset and the ending ("log") of a file name of ours; null for others.
  static std::optional<std::pair<LogOffset, std::string>> ParseName(const std::string& name);

  const LogOffset base;
  const std::string stem;
  const std::string log_path;
  StatisticsFile statistics;

  // Under the log's mutex.
  uint64_t bytes = 0;
  bool bytes_exact = true;  ///< false: taken from the file's size; the end may come before
  LogOffset end;
  bool closed = false;
  std::shared_ptr<SegmentIndex> active_index;      ///< until closed; changed in place by the writer only
  std::weak_ptr<const SegmentIndex> closed_index;  ///< kept by the IndexCache
  std::optional<int64_t> first_timestamp_ms;       ///< of the first batch, once known

  // Of the writer.
  std::shared_ptr<io::File> dirty;                    ///< holds unsynced writes
  std::shared_ptr<const SegmentIndex> written_index;  ///< whose entries the index files hold
  size_t entries_written = 0;
  uint32_t thinnings_written = 0;

  /// Held while the index is loaded or made anew, so that it happens once.
  std::mutex load_mutex;
};

/// What LoadIndex found out.
struct LoadedIndex {
  SegmentIndex index;
  uint64_t bytes = 0;               ///< where the batches end
  size_t entries_from_headers = 0;  ///< that the files lacked
};

/// The index of the batches in [base, end) of `file`, at most `bytes` bytes: from the index files as far as they hold
/// true, from the headers behind that, and from the headers alone with `from_headers`. LOG_STORAGE where the headers do
/// not lead to `end`. Blocks.
arrow::Result<LoadedIndex> LoadIndex(io::FileSystem& fs, io::File& file, const Segment& segment, uint64_t bytes,
                                     LogOffset end, uint32_t interval_bytes, bool from_headers);

/// Writes the index files from entry `first_entry` on; 0 replaces them.
arrow::Status WriteIndex(io::FileSystem& fs, const Segment& segment, const SegmentIndex& index, size_t first_entry);

}  // namespace thalweg::log
