// Any bytes as the files of a journal. What it replays lies inside the files and ascends; it takes what comes next; and
// the next start finds that, and all that this one found.

#include "fmt/format.h"
#include "thalweg/base/check.h"
#include "thalweg/base/error.h"
#include "thalweg/journal/test_journal_internal.h"
#include "thalweg/testing/fuzz.h"

namespace thalweg::journal {
namespace {

constexpr size_t kFileBytes = 32 << 10;

/// Lays groups out as the journal does, each at the next multiple of 4 KiB, and computes the checksums that the fuzzer does
/// not guess.
class FileMaker {
 public:
  explicit FileMaker(bool sound_header) : bytes_(kFileBytes), at_(kFileHeaderBytes) {
    if (sound_header) std::ranges::copy(MakeFileHeader().view(), bytes_.begin());
  }

  void AddGroup(ByteView group, bool mend) {
    if (at_ + group.size() > bytes_.size()) return;
    std::ranges::copy(group, bytes_.begin() + static_cast<ptrdiff_t>(at_));
    for (size_t at = at_; mend && at + kRecordHeaderBytes <= at_ + group.size();) {
      const RecordHeader header = ParseHeaderUnchecked(bytes_.data() + at);
      if (header.length > bytes_.size() - at - kRecordHeaderBytes) break;
      SealRecord(header, bytes_.data() + at);
      at += RecordBytes(header.length);
    }
    at_ += AlignUp(std::max<size_t>(group.size(), 1), kGroupAlignment);
  }

  ByteView bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
  size_t at_;
};

void Write(testing::MemoryFileSystem& disk, const std::string& path, ByteView content) {
  const auto file = disk.Open(path, {.mode = io::OpenOptions::Mode::kCreate}).ValueOrDie();
  TW_CHECK(file->WriteAt(0, {&content, 1}).ok() && file->Sync().ok());
}

void Check(testing::MemoryFileSystem& disk, uint64_t from) {
  std::vector<Said> found;
  {
    SimJournal sim(disk);
    const arrow::Status opened = sim.Open(from);
    if (!opened.ok()) {
      TW_CHECK(CodeOf(opened) == ErrorCode::kStorage);  // a version of the future
      return;
    }
    for (const Said& said : sim.replayed) {
      TW_CHECK(said.sequence >= from && said.sequence < sim.journal->next_sequence());
      TW_CHECK(found.empty() || said.sequence > found.back().sequence);
      found.push_back(said);
    }
    // Sequences and epochs at their very end are not reached by counting.
    if (sim.journal->next_sequence() > UINT64_MAX - 10) return;
    sim.Append(kBucketA, 77, 2, 300, "statistics");
    sim.Run();
    if (sim.journal->failure().ok() && sim.sink.committed.size() == 1) found.push_back(sim.sink.committed.front());
  }
  const auto after = disk.PowerCut(testing::PowerLoss::kDropUnsynced);
  SimJournal next(*after, 2);
  TW_CHECK(next.Open(from).ok());
  TW_CHECK(next.replayed == found);
}

std::string RecordOf(uint64_t sequence, bool first, bool last, size_t payload, RecordKind kind = RecordKind::kBatches) {
  std::vector<uint8_t> bytes(RecordBytes(payload), 'p');
  SealRecord({.length = static_cast<uint32_t>(payload),
              .epoch = 3,
              .sequence = sequence,
              .bucket = kBucketA,
              .kind = kind,
              .first_of_group = first,
              .last_of_group = last,
              .first = LogOffset(static_cast<int64_t>(sequence)),
              .count = 1,
              .statistics_bytes = payload > 10 ? 10u : 0u},
             bytes.data());
  return std::string(AsText(bytes));
}

}  // namespace
}  // namespace thalweg::journal

// | from u64 | per file: flags u8 (1: sound header, 2: seal records, 4: another file follows), groups u8, pieces |
std::vector<std::string> FuzzSeeds() {
  using namespace thalweg::journal;
  using thalweg::testing::FuzzSeed;
  const auto seal = static_cast<uint8_t>(3);
  // 5 and 6 in the first file, these in the second.
  const auto two_files = [&](const std::string& first, const std::string& second) {
    return FuzzSeed()
        .Number<uint64_t>(0)
        .Number<uint8_t>(seal | 4)
        .Number<uint8_t>(2)
        .Piece(RecordOf(5, true, true, 24))
        .Piece(RecordOf(6, true, true, 24))
        .Number(seal)
        .Number<uint8_t>(2)
        .Piece(first)
        .Piece(second);
  };
  return {FuzzSeed().Number<uint64_t>(0).Number(seal).Number<uint8_t>(1).Piece(RecordOf(1, true, true, 40)),
          FuzzSeed()
              .Number<uint64_t>(2)
              .Number(seal)
              .Number<uint8_t>(3)
              .Piece(RecordOf(1, true, false, 40) + RecordOf(2, false, true, 8))
              .Piece(RecordOf(3, true, true, 100))
              .Piece(RecordOf(4, true, true, 0, RecordKind::kDescriptor)),
          two_files(RecordOf(7, true, true, 24), RecordOf(2, true, true, 24)),
          // Two files that hold the same sequence.
          two_files(RecordOf(6, true, true, 32), RecordOf(7, true, true, 24))};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace thalweg;
  thalweg::testing::FuzzInput input({data, size});
  thalweg::testing::MemoryFileSystem disk;
  disk.CreateDurableDirectories("d/journal");
  const auto from = input.Number<uint64_t>();
  bool more = true;
  for (int number = 0; more && number < 3; ++number) {
    const auto flags = input.Number<uint8_t>();
    journal::FileMaker file((flags & 1) != 0);
    const int groups = input.Number<uint8_t>() % 8;
    for (int i = 0; i < groups; ++i) file.AddGroup(input.Piece(), (flags & 2) != 0);
    journal::Write(disk, fmt::format("d/journal/{:08}.wal", number), file.bytes());
    more = (flags & 4) != 0;
  }
  journal::Check(disk, from);
  return 0;
}
