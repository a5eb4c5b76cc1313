#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>
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

/// The journal files of a folder as they are found at start.
struct FoundFiles {
  std::deque<RingFile> used;      ///< in the order of their first sequence
  std::deque<RingFile> free;      ///< never used
  std::deque<RingFile> doubtful;  ///< used, but the first record cannot be read: torn, most likely
  uint64_t next_number = 0;
};
arrow::Result<FoundFiles> FindFiles(io::FileSystem& fs, const RingOptions& options);

struct ReplayResult {
  uint64_t next_sequence = 1;
  std::vector<std::pair<uint64_t, uint64_t>> gaps;  ///< [from, until) of sequences that were committed and not found
  uint64_t epoch = 0;                               ///< the highest seen
  std::vector<std::string> damage;                  ///< committed records that could not be read: what, where
};

/// Visits the records of `files` from `from_sequence` on and fills in each file's next_sequence.
///
/// The end of the journal is the first record that is not valid, unless later groups are: groups are written one after
/// the other, so a later one proves that the unreadable one was committed. That is damage, not a torn tail; the replay
/// goes on behind it and says so.
arrow::Result<ReplayResult> Replay(std::deque<RingFile>& files, uint64_t from_sequence, const RecordVisitor& visitor);

/// Frees the doubtful files that hold nothing newer than what was replayed. One that does was committed and damaged: it is
/// renamed (".damaged") for a human to look at, and told in `damage`.
arrow::Status SetAsideDoubtful(io::FileSystem& fs, FoundFiles& found, const ReplayResult& replayed,
                               std::vector<std::string>& damage);

/// Visits the records of one file whose sequences lie in [from, until).
arrow::Status VisitFile(RingFile& file, uint64_t from, uint64_t until, const RecordVisitor& visitor);

}  // namespace thalweg::journal
