#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/base/ids.h"
#include "thalweg/io/file.h"
#include "thalweg/log/open_files.h"

namespace thalweg::log {

/// The statistics blocks that came with batches of one segment; the file exists once there is one. Records, little-endian,
/// ascending in offset:
///
///   | base offset i64 | length u32 | crc u32 | block, `length` bytes |
///
/// The CRC-32C covers base offset, length and block. What follows the first record that does not fit is worthless.
/// Losing statistics costs speed only: a batch without them is never pruned. Serving those of *another* batch would lose
/// rows, so records beyond the log's end are cut off, durably, before the first Append after a start.
///
/// Thread safety: all calls; they block, on the disk and on each other.
class StatisticsFile {
 public:
  static constexpr size_t kRecordHeaderBytes = 16;

  struct Record {
    LogOffset base_offset;
    ByteView block;
  };

  /// `exists`: whether there is a file, if only an empty one.
  StatisticsFile(OpenFiles& files, std::string path, LogOffset segment_base, bool exists)
      : files_(files), path_(std::move(path)), segment_base_(segment_base), loaded_(!exists), exists_(exists) {}

  const std::string& path() const { return path_; }

  /// Writes records of batches that begin at or beyond `end`. `*created` is set where this made the file.
  arrow::Status Append(std::span<const Record> records, LogOffset end, bool* created);
  /// What the file holds may not be durable either: the next Sync sees to it.
  arrow::Status ExpectUnsynced();
  /// Makes what was appended durable.
  arrow::Status Sync();
  /// The block of the batch at `base_offset`, which must lie below `end`; empty where there is none.
  arrow::Result<Bytes> Read(LogOffset base_offset, LogOffset end);
  /// All sound records of batches below `end`, as they stand in the file; empty where there is none.
  arrow::Result<Bytes> ReadAll(LogOffset end);
  /// Lets go of the file, unsynced.
  void Close();

 private:
  struct Entry {
    uint32_t offset_delta = 0;
    uint32_t position = 0;
  };
  arrow::Status Load(LogOffset end);

  OpenFiles& files_;
  const std::string path_;
  const LogOffset segment_base_;

  std::mutex mutex_;
  bool loaded_;
  bool exists_;
  std::vector<Entry> entries_;
  uint64_t bytes_ = 0;               ///< of sound records
  bool surplus_ = false;             ///< the file goes on behind them
  std::shared_ptr<io::File> dirty_;  ///< held from write to sync
};

/// The sound records of batches in [segment_base, end) that `content` begins with; their blocks view it.
std::vector<StatisticsFile::Record> DecodeStatistics(ByteView content, LogOffset segment_base, LogOffset end);

}  // namespace thalweg::log
