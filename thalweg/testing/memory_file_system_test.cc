#include "thalweg/testing/memory_file_system.h"

#include <memory>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/io/file_system.h"

namespace thalweg::testing {
namespace {

using ::testing::HasSubstr;
using Mode = io::OpenOptions::Mode;

arrow::Status Write(io::File& file, uint64_t offset, std::string_view text) {
  const ByteView piece = AsBytes(text);
  return file.WriteAt(offset, {&piece, 1});
}

std::unique_ptr<io::File> Create(io::FileSystem& fs, const std::string& path) {
  return fs.Open(path, {.mode = Mode::kCreate}).ValueOrDie();
}

std::string Content(io::FileSystem& fs, const std::string& path) {
  const auto content = io::ReadFile(fs, path);
  return content.ok() ? *content : "(missing)";
}

/// A file `d/f` whose name and first content "old" are durable.
struct Fixture {
  Fixture() {
    disk.CreateDurableDirectories("d");
    file = Create(disk, "d/f");
    EXPECT_TRUE(Write(*file, 0, "old").ok());
    EXPECT_TRUE(file->Sync().ok());
    EXPECT_TRUE(disk.SyncDirectory("d").ok());
  }
  MemoryFileSystem disk;
  std::unique_ptr<io::File> file;
};

/// All contents of `path` that `loss` may leave, over many seeds.
std::set<std::string> States(const MemoryFileSystem& disk, PowerLoss loss, const std::string& path = "d/f") {
  std::set<std::string> states;
  for (uint64_t seed = 0; seed < 300; ++seed) states.insert(Content(*disk.PowerCut(loss, seed), path));
  return states;
}

TEST(MemoryFileSystemTest, BehavesAsAFileSystem) {
  MemoryFileSystem fs;
  EXPECT_EQ(CodeOf(fs.Open("x/a", {.mode = Mode::kCreate}).status()), ErrorCode::kStorage) << "no folder x";
  ASSERT_TRUE(fs.CreateDirectories("x/y").ok());
  const std::string big(10'000, 'b');
  ASSERT_TRUE(Write(*Create(fs, "/x/a"), 5000, big).ok());
  EXPECT_EQ(Content(fs, "x/./a"), std::string(5000, '\0') + big);
  EXPECT_FALSE(fs.Open("x/a", {.mode = Mode::kCreateNew}).ok());
  EXPECT_FALSE(fs.Open("x", {}).ok());
  EXPECT_FALSE(Write(**fs.Open("x/a", {}), 0, "z").ok()) << "open for reading";
  ASSERT_TRUE((*fs.Open("x/a", {.mode = Mode::kReadWrite}))->Truncate(5001).ok());
  ASSERT_TRUE((*fs.Open("x/a", {.mode = Mode::kReadWrite}))->Truncate(5003).ok());
  EXPECT_EQ(Content(fs, "x/a"), std::string(5000, '\0') + std::string("b\0\0", 3)) << "what was cut off stays away";
  ASSERT_TRUE(fs.Rename("x/a", "x/b").ok());
  const auto entries = *fs.List("x");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].name, "b");
  EXPECT_EQ(entries[0].size, 5003u);
  EXPECT_TRUE(entries[1].is_directory);
  EXPECT_FALSE(fs.Rename("x/b", "x/y").ok());
  EXPECT_FALSE(fs.Rename("x/zz", "x/b").ok());
  EXPECT_FALSE(fs.Remove("x/y").ok());
  ASSERT_TRUE(fs.Remove("x/nothing").ok());
  ASSERT_TRUE(fs.RemoveTree("x").ok());
  EXPECT_FALSE(*fs.Exists("x"));
  EXPECT_FALSE(fs.List("x").ok());
}

TEST(MemoryFileSystemTest, ARemovedFileStaysReadableWhileOpen) {
  Fixture f;
  ASSERT_TRUE(f.disk.Remove("d/f").ok());
  uint8_t into[3];
  EXPECT_EQ(*f.file->ReadAt(0, into), 3u);
}

TEST(MemoryFileSystemTest, UnsyncedWritesMayBeLostSyncedOnesMayNot) {
  Fixture f;
  ASSERT_TRUE(Write(*f.file, 1, "AB").ok());
  EXPECT_EQ(States(f.disk, PowerLoss::kKeepAll), std::set<std::string>{"oAB"});
  EXPECT_EQ(States(f.disk, PowerLoss::kDropUnsynced), std::set<std::string>{"old"});
  EXPECT_EQ(States(f.disk, PowerLoss::kPrefix), (std::set<std::string>{"old", "oAB"}));
  ASSERT_TRUE(f.file->Sync().ok());
  for (const PowerLoss loss : kPowerLosses) EXPECT_EQ(States(f.disk, loss), std::set<std::string>{"oAB"});
}

TEST(MemoryFileSystemTest, WhatSurvivedAKillMayStillBeLostToAPowerCut) {
  Fixture f;
  ASSERT_TRUE(Write(*f.file, 0, "new").ok());
  const auto killed = f.disk.PowerCut(PowerLoss::kKeepAll);
  EXPECT_EQ(Content(*killed, "d/f"), "new");
  EXPECT_EQ(Content(*killed->PowerCut(PowerLoss::kDropUnsynced), "d/f"), "old");
}

TEST(MemoryFileSystemTest, PrefixAndReorderKeepWritesWhole) {
  Fixture f;
  for (const char* text : {"1", "2", "3"}) ASSERT_TRUE(Write(*f.file, text[0] - '1', text).ok());
  EXPECT_EQ(States(f.disk, PowerLoss::kPrefix), (std::set<std::string>{"old", "1ld", "12d", "123"}));
  EXPECT_EQ(States(f.disk, PowerLoss::kReorder),
            (std::set<std::string>{"old", "1ld", "o2d", "ol3", "12d", "1l3", "o23", "123"}));
}

TEST(MemoryFileSystemTest, TornWritesAreCutAtSectors) {
  Fixture f;
  ASSERT_TRUE(Write(*f.file, 0, std::string(511, 'a') + std::string(512, 'b') + "c").ok());
  const std::string zeros(512, '\0');
  const std::string first = std::string(511, 'a') + "b";
  const std::string second = std::string(511, 'b') + "c";
  const std::string old = "old" + std::string(509, '\0');
  EXPECT_EQ(States(f.disk, PowerLoss::kTorn),
            (std::set<std::string>{"old", old, old + second, old + zeros, first, first + second, first + zeros}));
}

TEST(MemoryFileSystemTest, WriteDurableIsDurableAndNotOverwrittenByOlderUnsyncedWrites) {
  Fixture f;
  ASSERT_TRUE(Write(*f.file, 0, "aaaaa").ok());
  ASSERT_TRUE(f.file->WriteDurable(1, AsBytes("DDD")).ok());
  EXPECT_EQ(Content(f.disk, "d/f"), "aDDDa");
  EXPECT_EQ(States(f.disk, PowerLoss::kReorder), (std::set<std::string>{"oDDD", "aDDD", "oDDDa", "aDDDa"}));
}

TEST(MemoryFileSystemTest, WriteDurableBehindAnUnsyncedTruncation) {
  Fixture f;
  ASSERT_TRUE(f.file->Truncate(1).ok());
  EXPECT_EQ(States(f.disk, PowerLoss::kDropUnsynced), std::set<std::string>{"old"});
  ASSERT_TRUE(f.file->WriteDurable(2, AsBytes("D")).ok());
  EXPECT_EQ(States(f.disk, PowerLoss::kTorn), (std::set<std::string>{std::string("o\0D", 3)}));
}

TEST(MemoryFileSystemTest, AnOperationInFlightMayHaveHappenedOrNot) {
  for (const bool durable : {false, true}) {
    Fixture f;
    f.disk.CrashAfter(f.disk.operations());
    EXPECT_FALSE((durable ? f.file->WriteDurable(0, AsBytes("new")) : Write(*f.file, 0, "new")).ok());
    EXPECT_TRUE(f.disk.crashed());
    EXPECT_THAT(f.disk.DescribeLastOperation(), HasSubstr(durable ? "write durably d/f" : "write d/f"));
    EXPECT_FALSE(f.file->Size().ok());
    EXPECT_FALSE(f.disk.Exists("d").ok());
    EXPECT_FALSE(f.file->Sync().ok());
    EXPECT_EQ(States(f.disk, PowerLoss::kTorn), (std::set<std::string>{"old", "new"}));
    EXPECT_EQ(States(f.disk, PowerLoss::kKeepAll), std::set<std::string>{"new"});
  }
}

TEST(MemoryFileSystemTest, ASyncInFlightProvesNothing) {
  Fixture f;
  ASSERT_TRUE(Write(*f.file, 0, "new").ok());
  f.disk.CrashAfter(f.disk.operations());
  EXPECT_FALSE(f.file->Sync().ok());
  EXPECT_EQ(States(f.disk, PowerLoss::kPrefix), (std::set<std::string>{"old", "new"}));
}

TEST(MemoryFileSystemTest, ANewNameNeedsItsFolderSynced) {
  Fixture f;
  auto file = Create(f.disk, "d/g");
  ASSERT_TRUE(Write(*file, 0, "text").ok());
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(States(f.disk, PowerLoss::kReorder, "d/g"), (std::set<std::string>{"(missing)", "text"}));
  ASSERT_TRUE(f.disk.SyncDirectory("d").ok());
  for (const PowerLoss loss : kPowerLosses) EXPECT_EQ(States(f.disk, loss, "d/g"), std::set<std::string>{"text"});
}

TEST(MemoryFileSystemTest, ANameMayBeThereWithoutItsBytes) {
  Fixture f;
  ASSERT_TRUE(Write(*Create(f.disk, "d/g"), 0, "text").ok());
  ASSERT_TRUE(f.disk.SyncDirectory("d").ok());
  EXPECT_EQ(States(f.disk, PowerLoss::kDropUnsynced, "d/g"), std::set<std::string>{""});
  EXPECT_EQ(States(f.disk, PowerLoss::kTorn, "d/g"), (std::set<std::string>{"", std::string(4, '\0'), "text"}));
}

TEST(MemoryFileSystemTest, ANewFolderNeedsItsParentSynced) {
  Fixture f;
  ASSERT_TRUE(f.disk.CreateDirectories("d/e").ok());
  auto file = Create(f.disk, "d/e/g");
  ASSERT_TRUE(f.disk.SyncDirectory("d/e").ok());
  EXPECT_EQ(States(f.disk, PowerLoss::kDropUnsynced, "d/e/g"), std::set<std::string>{"(missing)"});
  ASSERT_TRUE(f.disk.SyncDirectory("d").ok());
  EXPECT_EQ(States(f.disk, PowerLoss::kDropUnsynced, "d/e/g"), std::set<std::string>{""});
}

TEST(MemoryFileSystemTest, ReplacingAFileGivesOldOrNewAndNothingElse) {
  Fixture f;
  auto file = Create(f.disk, "d/f.tmp");
  ASSERT_TRUE(Write(*file, 0, "new").ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(f.disk.Rename("d/f.tmp", "d/f").ok());
  for (const PowerLoss loss : {PowerLoss::kPrefix, PowerLoss::kTorn, PowerLoss::kReorder}) {
    EXPECT_EQ(States(f.disk, loss), (std::set<std::string>{"old", "new"}));
    for (uint64_t seed = 0; seed < 100; ++seed) {
      const auto after = f.disk.PowerCut(loss, seed);
      const bool renamed = Content(*after, "d/f") == "new";
      EXPECT_FALSE(renamed && *after->Exists("d/f.tmp")) << "one file under two names";
    }
  }
  ASSERT_TRUE(f.disk.SyncDirectory("d").ok());
  EXPECT_EQ(States(f.disk, PowerLoss::kReorder), std::set<std::string>{"new"});
}

TEST(MemoryFileSystemTest, ARenameWithoutSyncOfTheFileMayLeaveItEmpty) {
  Fixture f;
  ASSERT_TRUE(Write(*Create(f.disk, "d/f.tmp"), 0, "new").ok());
  ASSERT_TRUE(f.disk.Rename("d/f.tmp", "d/f").ok());
  ASSERT_TRUE(f.disk.SyncDirectory("d").ok());
  EXPECT_EQ(States(f.disk, PowerLoss::kDropUnsynced), std::set<std::string>{""});
}

TEST(MemoryFileSystemTest, RemovedNamesMayComeBack) {
  Fixture f;
  ASSERT_TRUE(f.disk.Remove("d/f").ok());
  EXPECT_EQ(States(f.disk, PowerLoss::kReorder), (std::set<std::string>{"(missing)", "old"}));
  ASSERT_TRUE(f.disk.SyncDirectory("d").ok());
  EXPECT_EQ(States(f.disk, PowerLoss::kReorder), std::set<std::string>{"(missing)"});
}

TEST(MemoryFileSystemTest, ARenameBetweenFoldersIsOneStep) {
  Fixture f;
  f.disk.CreateDurableDirectories("e");
  ASSERT_TRUE(f.disk.Rename("d/f", "e/f").ok());
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const auto after = f.disk.PowerCut(PowerLoss::kReorder, seed);
    EXPECT_NE(*after->Exists("d/f"), *after->Exists("e/f"));
  }
  ASSERT_TRUE(f.disk.SyncDirectory("e").ok());
  EXPECT_EQ(States(f.disk, PowerLoss::kDropUnsynced, "e/f"), std::set<std::string>{"old"});
  EXPECT_EQ(States(f.disk, PowerLoss::kDropUnsynced, "d/f"), std::set<std::string>{"(missing)"});
}

TEST(MemoryFileSystemTest, TheSameSeedGivesTheSameState) {
  Fixture f;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(Write(*f.file, i * 100, std::string(300, static_cast<char>('a' + i))).ok());
    ASSERT_TRUE(Write(*Create(f.disk, "d/n" + std::to_string(i)), 0, "n").ok());
  }
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto one = f.disk.PowerCut(PowerLoss::kTorn, seed);
    const auto two = f.disk.PowerCut(PowerLoss::kTorn, seed);
    EXPECT_EQ(Content(*one, "d/f"), Content(*two, "d/f"));
    EXPECT_EQ(one->List("d")->size(), two->List("d")->size());
  }
}

TEST(MemoryFileSystemTest, APowerCutLeavesTheDiskItselfAlone) {
  Fixture f;
  ASSERT_TRUE(Write(*f.file, 0, "new").ok());
  const auto after = f.disk.PowerCut(PowerLoss::kKeepAll);
  ASSERT_TRUE(Write(**after->Open("d/f", {.mode = Mode::kReadWrite}), 0, "xyz").ok());
  EXPECT_EQ(Content(f.disk, "d/f"), "new");
}

TEST(MemoryFileSystemTest, FailsTheOperationThatWasNamed) {
  Fixture f;
  f.disk.FailOperation(f.disk.operations() + 2, Fault::kIoError);
  ASSERT_TRUE(Write(*f.file, 0, "1").ok());
  EXPECT_EQ(CodeOf(Write(*f.file, 1, "2")), ErrorCode::kStorage);
  ASSERT_TRUE(Write(*f.file, 2, "3").ok());
  EXPECT_EQ(Content(f.disk, "d/f"), "1l3");
}

TEST(MemoryFileSystemTest, FailsTheNextOfAKindOnAPath) {
  Fixture f;
  f.disk.FailNext(Operation::kCreate, "x", Fault::kNoSpace, 2);
  f.disk.FailNext(Operation::kRead, "d/f", Fault::kIoError);
  Create(f.disk, "d/y");
  EXPECT_EQ(CodeOf(f.disk.Open("d/x", {.mode = Mode::kCreate}).status()), ErrorCode::kDiskWriteLocked);
  EXPECT_EQ(CodeOf(f.disk.Open("d/x", {.mode = Mode::kCreate}).status()), ErrorCode::kDiskWriteLocked);
  Create(f.disk, "d/x");
  EXPECT_EQ(Content(f.disk, "d/f"), "(missing)");
  EXPECT_EQ(Content(f.disk, "d/f"), "old");
}

TEST(MemoryFileSystemTest, AShortWriteLeavesItsFirstHalf) {
  Fixture f;
  f.disk.FailNext(Operation::kWrite, "f", Fault::kShortWrite);
  EXPECT_EQ(CodeOf(Write(*f.file, 3, "abcd")), ErrorCode::kDiskWriteLocked);
  EXPECT_EQ(Content(f.disk, "d/f"), "oldab");
}

TEST(MemoryFileSystemTest, AFullDiskRefusesGrowthOnly) {
  Fixture f;
  f.disk.SetFreeBytes(3);
  ASSERT_TRUE(Write(*f.file, 1, "abc").ok());
  EXPECT_EQ(*f.disk.FreeBytes("d"), 2u);
  EXPECT_EQ(CodeOf(f.file->WriteDurable(4, AsBytes("12345678"))), ErrorCode::kDiskWriteLocked);
  EXPECT_EQ(Content(f.disk, "d/f"), "oabc12");
  ASSERT_TRUE(Write(*f.file, 0, "zzzz").ok());
  ASSERT_TRUE(f.disk.Remove("d/f").ok());
  EXPECT_EQ(*f.disk.FreeBytes("d"), 6u);
}

TEST(MemoryFileSystemTest, AfterAFailedSyncALaterOneProvesNothing) {
  Fixture f;
  ASSERT_TRUE(Write(*f.file, 0, "new").ok());
  f.disk.FailNext(Operation::kSync, "d/f", Fault::kLoseUnsynced);
  EXPECT_EQ(CodeOf(f.file->Sync()), ErrorCode::kStorage);
  EXPECT_TRUE(f.file->Sync().ok());
  EXPECT_EQ(Content(f.disk, "d/f"), "new") << "still in the page cache";
  EXPECT_EQ(States(f.disk, PowerLoss::kPrefix), std::set<std::string>{"old"});
  ASSERT_TRUE(Write(*f.file, 1, "E").ok());
  ASSERT_TRUE(f.file->Sync().ok());
  EXPECT_EQ(States(f.disk, PowerLoss::kTorn), std::set<std::string>{"oEd"}) << "what is written again is durable";
}

TEST(MemoryFileSystemTest, FlippedBitsAreOnTheDeviceToo) {
  Fixture f;
  f.disk.FlipBits("d/f", 1, 0x01);
  EXPECT_EQ(Content(f.disk, "d/f"), "omd");
  EXPECT_EQ(States(f.disk, PowerLoss::kDropUnsynced), std::set<std::string>{"omd"});
}

TEST(MemoryFileSystemTest, NothingIsResidentOnAColdDisk) {
  Fixture f;
  uint8_t into[3];
  EXPECT_TRUE(f.file->IsResident(0, 3));
  EXPECT_EQ(*f.file->ReadAtNoWait(0, into), 3);
  f.disk.SetCold(true);
  EXPECT_FALSE(f.file->IsResident(0, 3));
  EXPECT_EQ(*f.file->ReadAtNoWait(0, into), -1);
  EXPECT_EQ(*f.file->ReadAt(0, into), 3u);
}

TEST(MemoryFileSystemTest, ALockIsHeldOnceAndGoneAfterACrash) {
  Fixture f;
  auto held = f.disk.AcquireLock("d/lock");
  ASSERT_TRUE(held.ok());
  EXPECT_THAT(f.disk.AcquireLock("d/lock").status().message(), HasSubstr("process 1"));
  EXPECT_TRUE(f.disk.PowerCut(PowerLoss::kKeepAll)->AcquireLock("d/lock").ok());
  held->reset();
  EXPECT_TRUE(f.disk.AcquireLock("d/lock").ok());
}

}  // namespace
}  // namespace thalweg::testing
