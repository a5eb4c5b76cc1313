#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/io/file_system.h"

namespace thalweg::journal {

struct RingOptions {
  std::string directory;
  uint64_t bytes_max = 1ull << 30;         ///< over all files
  uint64_t file_bytes = 64ull << 20;       ///< of each file once the ring has grown
  uint64_t first_file_bytes = 4ull << 20;  ///< small, so that an empty server starts at once
  bool direct = true;                      ///< write past the page cache
};

/// One file of the ring. `first_sequence` and `next_sequence` bound the records in it. All of them are of one epoch, since a
/// start never goes on in a file that it finds; what else the file holds is older and counts for nothing.
struct RingFile {
  std::string path;
  uint64_t number = 0;
  uint64_t bytes = 0;
  uint64_t start = 0;     ///< where the first readable record stands
  uint64_t position = 0;  ///< where the next group goes
  uint64_t epoch = 0;
  uint64_t first_sequence = 0;
  uint64_t next_sequence = 0;
  std::unique_ptr<io::File> file;
};

/// The journal's files: zero-written once, then recycled in place and never removed. A file goes
/// free -> active -> full -> (released) free.
///
/// A new ring grows by files of twice what is there, up to file_bytes: the next one is zeroed while the one before fills
/// up, so how long that takes has to keep to the size of the one before.
///
/// Writing zeros once is what makes later writes cheap: the blocks exist and are initialised, so that a synced write
/// changes no metadata (measured: 96 us against 131 us per 4 KiB with blocks that are only reserved).
/// Thread safety: none; the journal calls it under its own lock, but for Prepare, which touches only its own file.
class Ring {
 public:
  Ring(io::FileSystem& fs, RingOptions options) : fs_(fs), options_(std::move(options)) {}

  /// Takes over files found at start, `full` in the order of their sequences. What is written from now on is of `epoch`.
  void Adopt(std::deque<RingFile> full, std::deque<RingFile> free, uint64_t next_number, uint64_t epoch);

  /// Makes, zeroes and syncs a new file. Blocks; safe beside all other calls.
  arrow::Result<RingFile> Prepare(uint64_t number, uint64_t bytes) const;

  /// Whether the limit leaves room for one more file; counts it as made.
  std::optional<std::pair<uint64_t, uint64_t>> ReserveNext();
  /// As ReserveNext, for the file that a start cannot do without: beyond the limit if need be, small.
  uint64_t ReserveFirst();
  void CancelReservation(uint64_t bytes);
  /// A free file that is more than the limit allows, as restarts add them: not of the ring any more, to be removed.
  std::optional<RingFile> TakeSurplus();
  void AddFree(RingFile file) { free_.push_back(std::move(file)); }

  RingFile* active() { return active_ ? active_.get() : nullptr; }
  /// Retires the active file and makes a free one active that has room for a group of `bytes_min`; the same one over again
  /// where nothing in it is needed any more. False where there is none.
  bool Rotate(uint64_t next_sequence, uint64_t bytes_min);
  /// Records below `sequence` are not needed: frees full files that hold nothing else.
  void Release(uint64_t sequence);

  /// The most that one group may take so that some file of the ring can hold it.
  uint64_t group_bytes_max() const;
  bool has_free() const { return !free_.empty(); }
  /// Bytes in files that hold records which may still be needed: of the active one what is written, of others all.
  uint64_t live_bytes() const;
  /// The most that all files may hold: options().bytes_max, but never less than two files.
  uint64_t bytes_max() const;
  const std::deque<RingFile>& full() const { return full_; }
  const RingOptions& options() const { return options_; }

 private:
  io::FileSystem& fs_;
  RingOptions options_;
  std::unique_ptr<RingFile> active_;
  std::deque<RingFile> full_;
  std::deque<RingFile> free_;
  uint64_t next_number_ = 0;
  uint64_t epoch_ = 1;
  uint64_t released_ = 0;
  uint64_t total_bytes_ = 0;
  uint64_t large_files_ = 0;  ///< of file_bytes, made or being made
};

/// Name of file `number` in `directory`.
std::string FilePath(const std::string& directory, uint64_t number);

Bytes MakeFileHeader();
/// False where the block is damaged. A version of the future is an error (kStorage).
arrow::Result<bool> CheckFileHeader(ByteView block, const std::string& path);

}  // namespace thalweg::journal
