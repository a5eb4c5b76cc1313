#include "thalweg/io/object_store.h"

#include <memory>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/io/arrow_store.h"
#include "thalweg/io/directory_store.h"
#include "thalweg/testing/memory_file_system.h"

namespace thalweg::io {
namespace {

using testing::Fault;
using testing::MemoryFileSystem;
using testing::Operation;
using testing::PowerLoss;

/// What every store promises; the parameter is its address.
class ObjectStoreTest : public ::testing::TestWithParam<std::string> {
 protected:
  ObjectStoreTest() {
    disk_.CreateDurableDirectories("/");
    store_ = OpenObjectStore(disk_, GetParam(), {}).ValueOrDie();
  }
  std::string Read(const std::string& key, uint64_t bytes, uint64_t offset = 0, size_t want = 100) {
    std::string into(want, '\0');
    const auto got = store_->ReadAt({key, bytes}, offset, {reinterpret_cast<uint8_t*>(into.data()), into.size()});
    if (!got.ok()) return got.status().ToString();
    return into.substr(0, *got);
  }
  std::vector<std::string> Names(const std::string& folder) {
    std::vector<std::string> names;
    const auto entries = store_->List(folder);
    EXPECT_TRUE(entries.ok()) << entries.status();
    for (const auto& entry : *entries) names.push_back(entry.name + (entry.is_directory ? "/" : ""));
    return names;
  }

  MemoryFileSystem disk_;
  std::unique_ptr<ObjectStore> store_;
};

TEST_P(ObjectStoreTest, WhatIsPutIsThere) {
  ASSERT_TRUE(store_->Put("a/b/one", AsBytes("first object")).ok());
  EXPECT_EQ(Read("a/b/one", 12), "first object");
  EXPECT_EQ(Read("a/b/one", 12, 6), "object");
  EXPECT_EQ(Read("a/b/one", 12, 6, 3), "obj");
  EXPECT_EQ(Read("a/b/one", 12, 12), "");
  ASSERT_TRUE(store_->Put("a/b/one", AsBytes("first object")).ok()) << "once more does no harm";
  ASSERT_TRUE(store_->Put("a/b/none", {}).ok());
  EXPECT_EQ(Read("a/b/none", 0), "");
}

TEST_P(ObjectStoreTest, FilesAreCopiedByPieces) {
  std::string content(3'000'000, 'x');
  for (size_t i = 0; i < content.size(); i += 1000) content[i] = static_cast<char>('a' + i / 1000 % 26);
  ASSERT_TRUE(ReplaceFile(disk_, "/source", AsBytes(content)).ok());
  auto file = disk_.Open("/source", {}).ValueOrDie();
  ASSERT_TRUE(store_->PutFile("copy", *file, 2'500'000, [] { return true; }).ok());
  EXPECT_EQ(Read("copy", 2'500'000, 0, 3'000'000), content.substr(0, 2'500'000));
  const auto longer = store_->PutFile("longer", *file, 3'000'001, [] { return true; });
  EXPECT_EQ(CodeOf(longer), ErrorCode::kStorage) << longer;
  EXPECT_TRUE(store_->PutFile("given-up", *file, 3'000'000, [] { return false; }).IsCancelled());
}

TEST_P(ObjectStoreTest, FoldersListWhatIsInThem) {
  ASSERT_TRUE(store_->Put("f/2", AsBytes("22")).ok());
  ASSERT_TRUE(store_->Put("f/1", AsBytes("1")).ok());
  ASSERT_TRUE(store_->Put("f/deep/x", AsBytes("x")).ok());
  EXPECT_THAT(Names("f"), ::testing::ElementsAre("1", "2", "deep/"));
  EXPECT_THAT(Names("nowhere"), ::testing::IsEmpty());
}

TEST_P(ObjectStoreTest, RemovingWhatIsNotThereIsNoError) {
  ASSERT_TRUE(store_->Put("f/1", AsBytes("1")).ok());
  ASSERT_TRUE(store_->Put("f/deep/x", AsBytes("x")).ok());
  ASSERT_TRUE(store_->Remove("f/1").ok());
  ASSERT_TRUE(store_->Remove("f/1").ok());
  EXPECT_THAT(Names("f"), ::testing::ElementsAre("deep/"));
  ASSERT_TRUE(store_->RemoveTree("f").ok());
  ASSERT_TRUE(store_->RemoveTree("f").ok());
  EXPECT_THAT(Names("f"), ::testing::IsEmpty());
  std::string into(1, '\0');
  EXPECT_EQ(CodeOf(store_->ReadAt({"f/deep/x", 1}, 0, {reinterpret_cast<uint8_t*>(into.data()), 1}).status()),
            ErrorCode::kStorage);
}

TEST_P(ObjectStoreTest, ACheckLeavesNothingBehind) {
  ASSERT_TRUE(CheckObjectStore(*store_).ok());
  EXPECT_THAT(Names(""), ::testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, ObjectStoreTest,
                         ::testing::Values("/srv/fluss", "file:///srv/fluss", "mock:///bucket/fluss"),
                         [](const auto& test) { return fmt::format("n{}", test.index); });

TEST(DirectoryStoreTest, AnObjectIsDurableWithAllItsFolders) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("/");
  auto store = DirectoryStore::Open(disk, "/remote/", "file:///remote").ValueOrDie();
  ASSERT_TRUE(store->Put("a/b/c", AsBytes("x")).ok());
  ASSERT_TRUE(store->Put("a/b/d", AsBytes("y")).ok());
  ASSERT_TRUE(store->RemoveTree("a").ok());
  ASSERT_TRUE(store->Put("a/b/c", AsBytes("z")).ok()) << "the folders are new ones";
  auto after = disk.PowerCut(PowerLoss::kDropUnsynced);
  EXPECT_EQ(ReadFile(*after, "/remote/a/b/c").ValueOrDie(), "z");
  EXPECT_FALSE(after->Exists("/remote/a/b/d").ValueOrDie());
}

TEST(DirectoryStoreTest, AFailedPutLeavesNoObject) {
  for (const auto operation : {Operation::kCreate, Operation::kWrite, Operation::kSync, Operation::kRename}) {
    MemoryFileSystem disk;
    disk.CreateDurableDirectories("/remote/a");
    auto store = DirectoryStore::Open(disk, "/remote", "").ValueOrDie();
    disk.FailNext(operation, "/remote/a/", Fault::kIoError);
    EXPECT_FALSE(store->Put("a/x", AsBytes("x")).ok()) << static_cast<int>(operation);
    EXPECT_FALSE(disk.Exists("/remote/a/x").ValueOrDie());
    EXPECT_TRUE(store->Put("a/x", AsBytes("x")).ok());
  }
}

TEST(OpenObjectStoreTest, TellsWhatClientsMayBeTold) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("/");
  EXPECT_EQ(OpenObjectStore(disk, "/srv/fluss", {}).ValueOrDie()->public_root(), "file:///srv/fluss");
  EXPECT_EQ(OpenObjectStore(disk, "file:/srv/fluss", {}).ValueOrDie()->public_root(), "file:///srv/fluss");
  EXPECT_EQ(OpenObjectStore(disk, "mock:///bucket", {}).ValueOrDie()->public_root(), "");
}

TEST(OpenObjectStoreTest, AnAddressThatNamesNoStoreIsRefusedWithoutRepeatingKeys) {
  MemoryFileSystem disk;
  for (const std::string root : {"relative/folder", "nosuchscheme://me:secret@bucket/x"}) {
    const auto opened = OpenObjectStore(disk, root, {});
    EXPECT_EQ(CodeOf(opened.status()), ErrorCode::kInvalidConfig) << opened.status();
    EXPECT_THAT(opened.status().message(), ::testing::Not(::testing::HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace thalweg::io
