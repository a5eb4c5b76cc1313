#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/status.h"
#include "thalweg/base/bytes.h"
#include "thalweg/io/file_system.h"
#include "thalweg/journal/record.h"
#include "thalweg/journal/ring.h"

namespace thalweg::journal {

/// Called for each valid record, in order. `payload` lives until it returns; an error ends the replay.
using RecordVisitor = std::function<arrow::Status(const RecordHeader&, ByteView payload)>;

/// Committed records that could not be read.
struct Damage {
  std::string what;   ///< for a person
  std::string path;   ///< of the file, empty where it is not known
  uint64_t from = 0;  ///< the unreadable bytes in it
  uint64_t until = 0;
};

/// The journal files of a folder as they are found at start.
struct FoundFiles {
  std::deque<RingFile> used;  ///< in the order of their first readable sequence
  std::deque<RingFile> free;  ///< never used, or nothing in them can be read: the first group was torn
  uint64_t next_number = 0;
  uint64_t epoch = 0;  ///< the highest seen
  std::vector<Damage> damage;
};
/// Removes what an interrupted preparation left. A file of the future is refused, with nothing touched (kStorage).
arrow::Result<FoundFiles> FindFiles(io::FileSystem& fs, const RingOptions& options);

struct ReplayResult {
  uint64_t next_sequence = 1;
  std::vector<Damage> damage;
};

/// Visits the records of `files` from `from_sequence` on and fills in each file's next_sequence.
///
/// The end of the journal is the first record that is not valid, unless later groups are: groups are written one after
/// the other, so a later one proves that the unreadable one was committed. That is damage, not a torn tail; the replay
/// goes on behind it, with the next readable record, and says so.
arrow::Result<ReplayResult> Replay(std::deque<RingFile>& files, uint64_t from_sequence, const RecordVisitor& visitor);

/// Visits the records of one file whose sequences lie in [from, until).
arrow::Status VisitFile(RingFile& file, uint64_t from, uint64_t until, const RecordVisitor& visitor);

}  // namespace thalweg::journal
