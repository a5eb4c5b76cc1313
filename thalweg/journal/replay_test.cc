#include "thalweg/journal/replay.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/crc32c.h"
#include "thalweg/base/endian.h"
#include "thalweg/journal/test_journal_internal.h"

namespace thalweg::journal {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr testing::PowerLoss kKilled = testing::PowerLoss::kKeepAll;

class ReplayTest : public ::testing::Test {
 protected:
  /// A journal of `groups` groups of one entry each, 4096 bytes a group.
  static void Fill(SimJournal& sim, int64_t groups, int64_t from = 0, size_t entries = 1) {
    for (int64_t i = 0; i < groups; ++i) {
      for (size_t e = 0; e < entries; ++e) {
        sim.Append(kBucketA, from + i * static_cast<int64_t>(entries) + static_cast<int64_t>(e), 1, 400);
      }
      sim.Run();
    }
  }
  /// Groups that are released one by one, so that the ring goes round.
  static void GoRound(SimJournal& sim, int64_t groups, int64_t from) {
    for (int64_t i = 0; i < groups; ++i) {
      Fill(sim, 1, from + i);
      sim.journal->Release(sim.journal->next_sequence());
    }
  }
  /// The appended ones but for those with the given first offsets.
  static std::vector<Said> AllBut(const SimJournal& sim, std::vector<int64_t> lost) {
    std::vector<Said> rest;
    std::ranges::copy_if(sim.appended, std::back_inserter(rest),
                         [&](const Said& said) { return std::ranges::find(lost, said.first) == lost.end(); });
    return rest;
  }
  static void Copy(testing::MemoryFileSystem& disk, const std::string& from, const std::string& to) {
    const std::string content = io::ReadFile(disk, from).ValueOrDie();
    ASSERT_TRUE(io::ReplaceFile(disk, to, AsBytes(content)).ok());
  }

  /// The only file of a journal, of these groups.
  void WriteFile(const std::vector<std::string>& groups) {
    const Bytes header = MakeFileHeader();
    std::string content(AsText(header.view()));
    for (const auto& group : groups) {
      content += group;
      content.resize(AlignUp(content.size(), kGroupAlignment));
    }
    content.resize(32 << 10);
    disk_.CreateDurableDirectories("d/journal");
    ASSERT_TRUE(io::ReplaceFile(disk_, FilePath("d/journal", 0), AsBytes(content)).ok());
  }

  testing::MemoryFileSystem disk_;
};

TEST_F(ReplayTest, SequencesAndEpochsGoOnOverRestarts) {
  std::vector<Said> all;
  std::unique_ptr<testing::MemoryFileSystem> disk = disk_.PowerCut(kKilled);
  for (int64_t start = 0; start < 5; ++start) {
    SimJournal sim(*disk, start);
    ASSERT_TRUE(sim.Open().ok());
    EXPECT_THAT(sim.replayed, ElementsAreArray(all));
    EXPECT_EQ(sim.journal->next_sequence(), all.size() + 1);
    EXPECT_THAT(sim.journal->damage(), IsEmpty());
    Fill(sim, 3, start * 3);
    all.insert(all.end(), sim.appended.begin(), sim.appended.end());
    disk = disk->PowerCut(testing::PowerLoss::kDropUnsynced);
  }
}

TEST_F(ReplayTest, OnlyWhatIsAskedForIsVisited) {
  SimJournal sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 20);
  const auto after = disk_.PowerCut(kKilled);
  for (uint64_t from = 1; from <= 21; ++from) {
    const auto disk = after->PowerCut(kKilled);
    SimJournal next(*disk);
    ASSERT_TRUE(next.Open(from).ok());
    ASSERT_THAT(next.replayed, SizeIs(21 - from));
    if (from <= 20) EXPECT_EQ(next.replayed.front().sequence, from);
    EXPECT_THAT(next.journal->damage(), IsEmpty());
    EXPECT_EQ(next.journal->next_sequence(), 21u);
  }
}

TEST_F(ReplayTest, StaleRecordsOfRecycledFilesAreNotReplayed) {
  SimJournal sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  for (int lap = 1; lap <= 5; ++lap) {
    GoRound(sim, 50 + lap, lap * 1000);
    const uint64_t released = sim.journal->next_sequence();
    Fill(sim, 7 + lap, lap * 1000 + 100);
    const auto after = disk_.PowerCut(kKilled);
    SimJournal next(*after);
    ASSERT_TRUE(next.Open(released).ok());
    EXPECT_THAT(next.replayed, ElementsAreArray(sim.appended.end() - (7 + lap), sim.appended.end())) << lap;
    EXPECT_THAT(next.journal->damage(), IsEmpty());
  }
}

TEST_F(ReplayTest, WithoutACheckpointStaleRecordsComeFirstAndInOrder) {
  SimJournal sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  GoRound(sim, 60, 0);
  Fill(sim, 9, 1000);
  const auto after = disk_.PowerCut(kKilled);
  SimJournal next(*after);
  ASSERT_TRUE(next.Open(0).ok());
  ASSERT_GE(next.replayed.size(), 9u);
  EXPECT_THAT(std::vector(next.replayed.end() - 9, next.replayed.end()),
              ElementsAreArray(sim.appended.end() - 9, sim.appended.end()));
  EXPECT_TRUE(std::ranges::is_sorted(next.replayed, {}, &Said::sequence));
}

TEST_F(ReplayTest, ATornLastGroupEndsTheJournalWithoutComplaint) {
  SimJournal sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 3, 0, 4);
  // As a crash in the middle of the last write leaves it: its second record is bad.
  disk_.FlipBits("d/journal/00000000.wal", kFileHeaderBytes + 2 * 4096 + RecordBytes(400) + 100, 1);
  const auto after = disk_.PowerCut(kKilled);
  SimJournal next(*after);
  ASSERT_TRUE(next.Open().ok());
  EXPECT_THAT(next.replayed, ElementsAreArray(sim.appended.begin(), sim.appended.begin() + 9));
  EXPECT_THAT(next.journal->damage(), IsEmpty());
  EXPECT_EQ(next.journal->next_sequence(), 10u);
}

TEST_F(ReplayTest, DamageInACommittedGroupCostsThatRecordAlone) {
  SimJournal sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 3, 0, 4);
  disk_.FlipBits("d/journal/00000000.wal", kFileHeaderBytes + 4096 + RecordBytes(400) + 100, 1);
  const auto after = disk_.PowerCut(kKilled);
  SimJournal next(*after);
  ASSERT_TRUE(next.Open().ok());
  EXPECT_THAT(next.replayed, ElementsAreArray(AllBut(sim, {5})));
  EXPECT_THAT(next.journal->damage(), ElementsAre(HasSubstr("records 6 to 6")));
  EXPECT_EQ(next.journal->next_sequence(), 13u);
  EXPECT_TRUE(*after->Exists("d/journal/00000000.wal.8192.damaged")) << "a copy is kept";
}

TEST_F(ReplayTest, EveryDamagedByteOfACommittedGroupIsFoundAndPassed) {
  SimJournal sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 3, 0, 2);
  const auto left = disk_.PowerCut(kKilled);
  for (size_t at = kFileHeaderBytes; at < kFileHeaderBytes + 2 * RecordBytes(400); at += 7) {
    if (at % RecordBytes(400) == 0) continue;
    const auto after = left->PowerCut(kKilled);
    after->FlipBits("d/journal/00000000.wal", at, 0x10);
    SimJournal next(*after);
    ASSERT_TRUE(next.Open().ok());
    const int64_t lost = at < kFileHeaderBytes + RecordBytes(400) ? 0 : 1;
    EXPECT_THAT(next.replayed, ElementsAreArray(AllBut(sim, {lost}))) << "byte " << at;
  }
}

TEST_F(ReplayTest, ADamagedFrontOfAFileCostsThatRecordAlone) {
  SimJournal sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 20);
  // The first file takes three groups, the second one begins with the fourth.
  disk_.FlipBits("d/journal/00000001.wal", kFileHeaderBytes + 20, 0xFF);
  for (const uint64_t from : {uint64_t{0}, uint64_t{1}, uint64_t{4}, uint64_t{5}}) {
    const auto after = disk_.PowerCut(kKilled);
    SimJournal next(*after);
    ASSERT_TRUE(next.Open(from).ok());
    std::vector<Said> expected = AllBut(sim, {3});
    if (from > 0) expected.erase(expected.begin(), expected.begin() + std::min<int64_t>(from - 1, 3));
    EXPECT_THAT(next.replayed, ElementsAreArray(expected)) << "from " << from;
    EXPECT_THAT(next.journal->damage(), SizeIs(from == 5 ? 0 : 1)) << "from " << from;
  }
}

TEST_F(ReplayTest, ADamagedFrontOfTheLastFileCostsThatRecordAlone) {
  SimJournal sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 7);
  disk_.FlipBits("d/journal/00000001.wal", kFileHeaderBytes + 200, 0xFF);
  const auto after = disk_.PowerCut(kKilled);
  SimJournal next(*after);
  ASSERT_TRUE(next.Open(2).ok());
  EXPECT_THAT(next.replayed,
              ElementsAreArray({sim.appended[1], sim.appended[2], sim.appended[4], sim.appended[5], sim.appended[6]}));
  EXPECT_THAT(next.journal->damage(), ElementsAre(HasSubstr("records 4 to 4")));
  EXPECT_EQ(next.journal->next_sequence(), 8u);
}

TEST_F(ReplayTest, ATornFirstGroupOverOldRecordsIsNoDamage) {
  SimJournal sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  GoRound(sim, 60, 0);
  const uint64_t released = sim.journal->next_sequence();
  GoRound(sim, 30, 1000);
  const auto whole = disk_.PowerCut(kKilled);
  // Whichever file begins with the torn group.
  for (int file = 0; file < 5; ++file) {
    const auto torn = whole->PowerCut(kKilled);
    const std::string path = FilePath("d/journal", static_cast<uint64_t>(file));
    if (!*torn->Exists(path)) continue;
    torn->FlipBits(path, kFileHeaderBytes + 70, 0xFF);
    SimJournal next(*torn);
    ASSERT_TRUE(next.Open(released + 30).ok());
    EXPECT_THAT(next.replayed, IsEmpty());
    EXPECT_THAT(next.journal->damage(), IsEmpty()) << "nothing of it is needed";
    EXPECT_EQ(next.journal->next_sequence(), released + 30);
  }
}

TEST_F(ReplayTest, AMissingFileIsTold) {
  SimJournal sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 20);
  const auto after = disk_.PowerCut(kKilled);
  ASSERT_TRUE(after->Remove("d/journal/00000001.wal").ok());
  SimJournal next(*after);
  ASSERT_TRUE(next.Open(1).ok());
  EXPECT_THAT(next.journal->damage(), ElementsAre(HasSubstr("records 4 to 10")));
  EXPECT_THAT(next.replayed, SizeIs(13));
}

TEST_F(ReplayTest, RecordsThatTwoFilesHoldAreReplayedOnce) {
  SimJournal sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 20);
  for (const bool same_front : {true, false}) {
    const auto after = disk_.PowerCut(kKilled);
    Copy(*after, "d/journal/00000001.wal", "d/journal/00000009.wal");
    if (!same_front) after->FlipBits("d/journal/00000009.wal", kFileHeaderBytes + 70, 0xFF);
    SimJournal next(*after);
    ASSERT_TRUE(next.Open(1).ok());
    EXPECT_THAT(next.replayed, ElementsAreArray(sim.appended));
    EXPECT_TRUE(std::ranges::is_sorted(next.replayed, std::less_equal(), &Said::sequence));
    EXPECT_EQ(next.journal->next_sequence(), 21u);
  }
}

TEST_F(ReplayTest, ADamagedHeaderLosesNothing) {
  SimJournal sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 5);
  disk_.FlipBits("d/journal/00000000.wal", 3, 1);
  const auto after = disk_.PowerCut(kKilled);
  SimJournal next(*after);
  ASSERT_TRUE(next.Open().ok());
  EXPECT_THAT(next.replayed, ElementsAreArray(sim.appended));
  EXPECT_THAT(next.journal->damage(), ElementsAre(HasSubstr("header")));
}

TEST_F(ReplayTest, WhatProvesThatARecordWasCommittedIsReplayedItself) {
  // The third record names itself not the last of its group; what follows it is the fourth all the same.
  const std::string damaged(kRecordHeaderBytes, 1);
  WriteFile({RecordOf({.sequence = 1}), damaged + RecordOf({.sequence = 3, .last = false}), RecordOf({.sequence = 4})});
  for (int start = 0; start < 2; ++start) {
    SimJournal sim(disk_);
    ASSERT_TRUE(sim.Open().ok());
    std::vector<uint64_t> sequences;
    for (const Said& said : sim.replayed) sequences.push_back(said.sequence);
    EXPECT_THAT(sequences, ElementsAre(1, 3, 4));
    EXPECT_THAT(sim.journal->damage(), ElementsAre(HasSubstr("records 2 to 2")));
    EXPECT_EQ(sim.journal->next_sequence(), 5u);
  }
}

TEST_F(ReplayTest, GroupsOfALaterStartThanTheirFilesFrontAreNotReplayed) {
  // The second start's first write to the file was lost, its second one was not.
  WriteFile({RecordOf({.epoch = 1, .sequence = 1}), RecordOf({.epoch = 2, .sequence = 3})});
  {
    SimJournal sim(disk_);
    ASSERT_TRUE(sim.Open(2).ok());
    Fill(sim, 1, 100);
  }
  SimJournal next(disk_);
  ASSERT_TRUE(next.Open(2).ok());
  ASSERT_THAT(next.replayed, SizeIs(1));
  EXPECT_EQ(next.replayed.front().first, 100);
  EXPECT_EQ(next.journal->next_sequence(), 3u);
}

TEST_F(ReplayTest, AFutureVersionIsRefusedAndNothingTouched) {
  {
    SimJournal sim(disk_);
    ASSERT_TRUE(sim.Open().ok());
    Fill(sim, 2);
  }
  std::vector<uint8_t> header(kFileHeaderBytes);
  std::ranges::copy(MakeFileHeader().view(), header.begin());
  StoreLittle<uint32_t>(header.data() + 8, 2);
  StoreLittle<uint32_t>(header.data() + 12, Crc32c(ByteView(header).first(12)));
  ASSERT_TRUE(io::ReplaceFile(disk_, "d/journal/00000009.wal", header).ok());
  ASSERT_TRUE(io::ReplaceFile(disk_, "d/journal/00000010.wal.tmp", header).ok());
  const uint64_t operations = disk_.operations();
  SimJournal next(disk_);
  const arrow::Status refused = next.Open();
  EXPECT_EQ(CodeOf(refused), ErrorCode::kStorage);
  EXPECT_THAT(refused.message(), HasSubstr("newer Thalweg"));
  EXPECT_LE(disk_.operations(), operations + 1) << "at most a folder was synced";
  EXPECT_TRUE(*disk_.Exists("d/journal/00000010.wal.tmp"));
}

TEST_F(ReplayTest, AVisitorsErrorEndsIt) {
  SimJournal sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 5);
  RecordingSink sink;
  int visited = 0;
  const auto opened =
      Journal::Open(disk_, sim.clock, sim.thread, sim.pool, sim.options, 0, sink, [&](const RecordHeader&, ByteView) {
        ++visited;
        return Error(ErrorCode::kStorage, "enough");
      });
  EXPECT_EQ(opened.status().message(), "enough");
  EXPECT_EQ(visited, 1);
}

}  // namespace
}  // namespace thalweg::journal
