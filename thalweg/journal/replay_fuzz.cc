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

/// A group of whole records of small numbers, some of them damaged: what a fuzzer finds by changing single bytes.
std::string LaidOutGroup(testing::FuzzInput& input) {
  std::string group;
  const int records = input.Number<uint8_t>() % 4;
  for (int i = 0; i < records; ++i) {
    const auto epoch = input.Number<uint8_t>();
    const auto sequence = input.Number<uint8_t>();
    const auto flags = input.Number<uint8_t>();
    std::string record = RecordOf({.epoch = epoch % 4u,
                                   .sequence = sequence % 16u,
                                   .first = (flags & 1) != 0,
                                   .last = (flags & 2) != 0,
                                   .payload = (flags >> 4) * 600u,
                                   .kind = (flags & 4) != 0 ? RecordKind::kDescriptor : RecordKind::kBatches});
    if ((flags & 8) != 0) record[kRecordHeaderBytes - 1] ^= 1;
    group += record;
  }
  return group;
}

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

}  // namespace
}  // namespace thalweg::journal

// | from u64 | per file: flags u8 (1: sound header, 2: seal records, 4: another file follows, 8: laid out), groups u8, pieces |
// Of a file that is laid out each group is | records u8 | per record: epoch u8, sequence u8, flags u8 | in place of a piece.
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
        .Piece(RecordOf({.sequence = 5, .payload = 24}))
        .Piece(RecordOf({.sequence = 6, .payload = 24}))
        .Number(seal)
        .Number<uint8_t>(2)
        .Piece(first)
        .Piece(second);
  };
  const auto laid_out = [](uint8_t epoch, uint8_t sequence, uint8_t flags) {
    return std::string(FuzzSeed().Number<uint8_t>(1).Number(epoch).Number(sequence).Number(flags));
  };
  return {
      FuzzSeed().Number<uint64_t>(0).Number(seal).Number<uint8_t>(1).Piece(RecordOf({.sequence = 1, .payload = 40})),
      FuzzSeed()
          .Number<uint64_t>(2)
          .Number(seal)
          .Number<uint8_t>(3)
          .Piece(RecordOf({.sequence = 1, .last = false, .payload = 40}) +
                 RecordOf({.sequence = 2, .first = false, .payload = 8}))
          .Piece(RecordOf({.sequence = 3, .payload = 100}))
          .Piece(RecordOf({.sequence = 4, .kind = RecordKind::kDescriptor})),
      two_files(RecordOf({.sequence = 7, .payload = 24}), RecordOf({.sequence = 2, .payload = 24})),
      FuzzSeed()
          .Number<uint64_t>(3)
          .Number<uint8_t>(1 | 4 | 8)
          .Number<uint8_t>(3)
          .Raw(laid_out(3, 1, 3))
          .Raw(laid_out(3, 2, 3))
          .Raw(laid_out(3, 4, 0x23))
          .Number<uint8_t>(1 | 8)
          .Number<uint8_t>(2)
          .Raw(laid_out(3, 5, 3))
          .Raw(laid_out(2, 9, 3)),
      // Two files that hold the same sequence.
      two_files(RecordOf({.sequence = 6, .payload = 32}), RecordOf({.sequence = 7, .payload = 24}))};
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
    for (int i = 0; i < groups; ++i) {
      if ((flags & 8) != 0) {
        file.AddGroup(AsBytes(journal::LaidOutGroup(input)), false);
      } else {
        file.AddGroup(input.Piece(), (flags & 2) != 0);
      }
    }
    journal::Write(disk, fmt::format("d/journal/{:08}.wal", number), file.bytes());
    more = (flags & 4) != 0;
  }
  journal::Check(disk, from);
  return 0;
}
