#include "thalweg/io/posix_file_system.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/io/file_system.h"

namespace thalweg::io {
namespace {

using Mode = OpenOptions::Mode;
using ::testing::HasSubstr;

/// Each case once on the disk and once on tmpfs, which lacks O_DIRECT or RWF_NOWAIT depending on the kernel.
class PosixFileSystemTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::string pattern = std::string(GetParam()) + "/thalweg_io_XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) GTEST_SKIP() << GetParam() << " is not writable here";
    root_ = pattern;
  }
  void TearDown() override {
    if (!root_.empty()) std::filesystem::remove_all(root_);
  }

  std::string At(const std::string& name) const { return root_ + "/" + name; }
  std::unique_ptr<File> Open(const std::string& name, OpenOptions options) {
    auto file = fs_.Open(At(name), options);
    EXPECT_TRUE(file.ok()) << file.status();
    return std::move(file).ValueOrDie();
  }
  void Write(File& file, uint64_t offset, std::string_view text) {
    const ByteView piece = AsBytes(text);
    ASSERT_TRUE(file.WriteAt(offset, {&piece, 1}).ok());
  }

  std::string root_;
  PosixFileSystem fs_;
};

INSTANTIATE_TEST_SUITE_P(Places, PosixFileSystemTest, ::testing::Values("/var/tmp", "/dev/shm"),
                         [](const auto& place) { return place.index == 0 ? "disk" : "memory"; });

TEST_P(PosixFileSystemTest, WritesManyPiecesInOrder) {
  auto file = Open("a", {.mode = Mode::kCreateNew});
  std::string all(3000, '\0');
  std::iota(all.begin(), all.end(), 0);
  std::vector<ByteView> pieces;
  for (size_t i = 0; i < all.size(); i += 3) {
    pieces.push_back(AsBytes(all).subspan(i, 3));
    pieces.push_back({});
  }
  ASSERT_TRUE(file->WriteAt(7, pieces).ok());
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(*file->Size(), 3007u);
  EXPECT_EQ(*ReadFile(fs_, At("a")), std::string(7, '\0') + all);
}

TEST_P(PosixFileSystemTest, ReadsFewerBytesAtTheEndOnly) {
  auto file = Open("a", {.mode = Mode::kCreateNew});
  Write(*file, 0, "hello");
  std::vector<uint8_t> into(10);
  EXPECT_EQ(*file->ReadAt(0, into), 5u);
  EXPECT_EQ(*file->ReadAt(3, into), 2u);
  EXPECT_EQ(*file->ReadAt(9, into), 0u);
  EXPECT_EQ(*file->ReadAtNoWait(0, into), 5);
  EXPECT_EQ(*file->ReadAtNoWait(5, into), 0);
  EXPECT_EQ(AsText(ByteView(into).first(5)), "hello");
}

TEST_P(PosixFileSystemTest, WhatWasJustWrittenIsResident) {
  auto file = Open("a", {.mode = Mode::kCreateNew});
  const std::string text(300'000, 'x');
  Write(*file, 0, text);
  EXPECT_TRUE(file->IsResident(0, text.size()));
  EXPECT_TRUE(file->IsResident(100, 0));
  EXPECT_TRUE(file->IsResident(0, text.size() * 2));
}

TEST_P(PosixFileSystemTest, WriteDurableBufferedTakesAnyAlignment) {
  auto file = Open("a", {.mode = Mode::kCreateNew});
  ASSERT_TRUE(file->WriteDurable(3, AsBytes("abc")).ok());
  EXPECT_EQ(*ReadFile(fs_, At("a")), std::string(3, '\0') + "abc");
}

TEST_P(PosixFileSystemTest, WriteDurableDirectIsSeenByBufferedReads) {
  auto file = Open("a", {.mode = Mode::kCreate, .direct = true});
  auto* const memory = static_cast<uint8_t*>(std::aligned_alloc(kDirectAlignment, 2 * kDirectAlignment));
  std::fill_n(memory, 2 * kDirectAlignment, 'd');
  Write(*file, 0, std::string(4 * kDirectAlignment, 'b'));
  ASSERT_TRUE(file->WriteDurable(kDirectAlignment, {memory, 2 * kDirectAlignment}).ok());
  std::free(memory);
  EXPECT_EQ(*ReadFile(fs_, At("a")), std::string(kDirectAlignment, 'b') + std::string(2 * kDirectAlignment, 'd') +
                                         std::string(kDirectAlignment, 'b'));
}

TEST_P(PosixFileSystemTest, OpenModes) {
  EXPECT_EQ(CodeOf(fs_.Open(At("a"), {}).status()), ErrorCode::kStorage);
  EXPECT_FALSE(fs_.Open(At("a"), {.mode = Mode::kReadWrite}).ok());
  Write(*Open("a", {.mode = Mode::kCreate}), 0, "text");
  EXPECT_EQ(*Open("a", {.mode = Mode::kCreate})->Size(), 4u);
  const auto refused = fs_.Open(At("a"), {.mode = Mode::kCreateNew}).status();
  EXPECT_EQ(CodeOf(refused), ErrorCode::kStorage);
  EXPECT_THAT(refused.message(), HasSubstr(At("a")));
  EXPECT_THAT(refused.message(), HasSubstr("File exists"));
  EXPECT_EQ(*Open("a", {.mode = Mode::kTruncate})->Size(), 0u);
  EXPECT_FALSE(fs_.Open(root_, {}).ok()) << "a folder is not a file";
}

TEST_P(PosixFileSystemTest, TruncateCutsAndExtends) {
  auto file = Open("a", {.mode = Mode::kCreate});
  Write(*file, 0, "hello");
  ASSERT_TRUE(file->Truncate(2).ok());
  ASSERT_TRUE(file->Truncate(4).ok());
  EXPECT_EQ(*ReadFile(fs_, At("a")), std::string("he\0\0", 4));
}

TEST_P(PosixFileSystemTest, NamesAreListedRenamedAndRemoved) {
  ASSERT_TRUE(fs_.CreateDirectories(At("x/y/z")).ok());
  ASSERT_TRUE(fs_.CreateDirectories(At("x/y/z")).ok());
  Write(*Open("x/b", {.mode = Mode::kCreate}), 0, "12");
  Write(*Open("x/a", {.mode = Mode::kCreate}), 0, "1");
  ASSERT_TRUE(fs_.Rename(At("x/b"), At("x/c")).ok());
  ASSERT_TRUE(fs_.SyncDirectory(At("x")).ok());
  const auto entries = *fs_.List(At("x"));
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_EQ(entries[0].size, 1u);
  EXPECT_EQ(entries[1].name, "c");
  EXPECT_EQ(entries[2].name, "y");
  EXPECT_TRUE(entries[2].is_directory);
  EXPECT_FALSE(*fs_.Exists(At("x/b")));
  EXPECT_TRUE(*fs_.Exists(At("x/y")));
  ASSERT_TRUE(fs_.Remove(At("x/a")).ok());
  ASSERT_TRUE(fs_.Remove(At("x/a")).ok()) << "removing what is missing is no error";
  ASSERT_TRUE(fs_.RemoveTree(At("x")).ok());
  ASSERT_TRUE(fs_.RemoveTree(At("x")).ok());
  EXPECT_FALSE(*fs_.Exists(At("x")));
  EXPECT_EQ(CodeOf(fs_.List(At("x")).status()), ErrorCode::kStorage);
  EXPECT_EQ(CodeOf(fs_.SyncDirectory(At("x"))), ErrorCode::kStorage);
}

TEST_P(PosixFileSystemTest, ReplaceFileLeavesNoTemporary) {
  ASSERT_TRUE(ReplaceFile(fs_, At("v"), AsBytes("one")).ok());
  ASSERT_TRUE(ReplaceFile(fs_, At("v"), AsBytes("two")).ok());
  EXPECT_EQ(*ReadFile(fs_, At("v")), "two");
  EXPECT_EQ((*fs_.List(root_)).size(), 1u);
}

TEST_P(PosixFileSystemTest, ASecondLockNamesTheHolder) {
  auto held = fs_.AcquireLock(At("lock"));
  ASSERT_TRUE(held.ok()) << held.status();
  const auto refused = fs_.AcquireLock(At("lock")).status();
  EXPECT_EQ(CodeOf(refused), ErrorCode::kStorage);
  EXPECT_THAT(refused.message(), HasSubstr("process " + std::to_string(::getpid()) + "."));
  held->reset();
  EXPECT_TRUE(fs_.AcquireLock(At("lock")).ok());
}

TEST_P(PosixFileSystemTest, FreeBytesIsPositive) { EXPECT_GT(*fs_.FreeBytes(root_), 0u); }

TEST(PosixErrorTest, AFullDeviceIsDiskWriteLocked) {
  PosixFileSystem fs;
  auto full = fs.Open("/dev/full", {.mode = Mode::kReadWrite});
  if (!full.ok()) GTEST_SKIP() << "no /dev/full here";
  const ByteView piece = AsBytes("x");
  EXPECT_EQ(CodeOf((*full)->WriteAt(0, {&piece, 1})), ErrorCode::kDiskWriteLocked);
}

TEST(ParentOfTest, TakesTheFolderPart) {
  EXPECT_EQ(ParentOf("/a/b"), "/a");
  EXPECT_EQ(ParentOf("/a/b/"), "/a");
  EXPECT_EQ(ParentOf("/a"), "/");
  EXPECT_EQ(ParentOf("/"), "/");
  EXPECT_EQ(ParentOf("a//b"), "a");
  EXPECT_EQ(ParentOf("a"), ".");
  EXPECT_EQ(ParentOf(""), ".");
}

}  // namespace
}  // namespace thalweg::io
