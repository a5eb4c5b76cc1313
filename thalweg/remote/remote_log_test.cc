#include "thalweg/remote/remote_log.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/remote/test_segments_internal.h"

namespace thalweg::remote {
namespace {

using testing::Fault;
using testing::Operation;
using testing::PowerLoss;

class RemoteLogTest : public ::testing::Test {
 protected:
  RemoteLogTest() { all_.Append(150); }  // 0-…, of about 20 kB each

  std::vector<std::string> Folders() {
    std::vector<std::string> names;
    const auto entries = all_.store->List(LogAndStore::kFolder);
    for (const auto& entry : *entries) names.push_back(entry.name);
    return names;
  }

  LogAndStore all_;
};

TEST_F(RemoteLogTest, ASegmentIsCopiedAsItIs) {
  const auto closed = all_.Closed(0);
  const RemoteSegment copy = all_.Upload(0);
  EXPECT_EQ(copy.start, LogOffset(0));
  EXPECT_EQ(copy.end, closed.end);
  EXPECT_EQ(copy.max_timestamp_ms, 1000 + 5 * (closed.end.value - 2));
  const std::string stem = fmt::format("remote/{}/{}/{:020}", LogAndStore::kFolder, copy.id, 0);
  const std::string batches = io::ReadFile(all_.disk, stem + ".log").ValueOrDie();
  EXPECT_EQ(batches.size(), copy.bytes);
  EXPECT_EQ(batches, io::ReadFile(all_.disk, "bucket/00000000000000000000.log").ValueOrDie().substr(0, copy.bytes));
  EXPECT_EQ(io::ReadFile(all_.disk, stem + ".index").ValueOrDie().size(), copy.index_bytes);
  EXPECT_EQ(io::ReadFile(all_.disk, stem + ".timeindex").ValueOrDie().size(), copy.time_index_bytes);
  EXPECT_GT(copy.index_bytes, 0u);
  EXPECT_GT(io::ReadFile(all_.disk, stem + ".stats").ValueOrDie().size(), 0u);
}

TEST_F(RemoteLogTest, WhatWasCommittedIsThereAfterAPowerCut) {
  const RemoteSegment first = all_.Upload(0);
  ASSERT_TRUE(all_.remote->Commit({first}, all_.random).ok());
  const RemoteSegment second = all_.Upload(first.end.value);
  ASSERT_TRUE(all_.remote->Commit({first, second}, all_.random).ok());
  EXPECT_EQ(all_.remote->manifest()->end(), second.end);
  auto after = all_.disk.PowerCut(PowerLoss::kDropUnsynced);
  auto store = io::DirectoryStore::Open(*after, "remote", "").ValueOrDie();
  const auto again = RemoteLog::Open(*after, *store, "bucket/remote.manifest").ValueOrDie()->manifest();
  ASSERT_EQ(again->segments.size(), 2u);
  EXPECT_EQ(again->segments[1].id, second.id);
  // The manifest is there as an object as well; the one before it has gone.
  const auto objects = all_.store->List(std::string(LogAndStore::kFolder) + "/metadata").ValueOrDie();
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_TRUE(again->object.ends_with(objects[0].name));
  const std::string text = io::ReadFile(*after, "remote/" + again->object).ValueOrDie();
  EXPECT_EQ(DecodeManifest(text).ValueOrDie().segments.size(), 2u);
  for (const auto& segment : again->segments) {
    EXPECT_TRUE(after->Exists("remote/" + SegmentKey(LogAndStore::kFolder, segment, "log")).ValueOrDie());
  }
}

TEST_F(RemoteLogTest, ASweepRemovesWhatNobodyNames) {
  const RemoteSegment first = all_.Upload(0);
  ASSERT_TRUE(all_.remote->Commit({first}, all_.random).ok());
  const RemoteSegment lost = all_.Upload(first.end.value);
  ASSERT_TRUE(all_.store->Put(ManifestKey(LogAndStore::kFolder, "old"), AsBytes("x")).ok());
  ASSERT_TRUE(all_.store->Put(std::string(LogAndStore::kFolder) + "/half/00.log.part", AsBytes("x")).ok());
  EXPECT_EQ(Folders().size(), 4u);
  ASSERT_TRUE(all_.remote->Sweep().ok());
  EXPECT_THAT(Folders(), ::testing::UnorderedElementsAre(first.id, "metadata"));
  EXPECT_EQ(all_.store->List(std::string(LogAndStore::kFolder) + "/metadata")->size(), 1u);
}

TEST_F(RemoteLogTest, ACommitInDoubtIsTakenBackBeforeAnythingElse) {
  const RemoteSegment first = all_.Upload(0);
  ASSERT_TRUE(all_.remote->Commit({first}, all_.random).ok());
  const RemoteSegment second = all_.Upload(first.end.value);
  // The new file is in place when its name cannot be synced.
  all_.disk.FailNext(Operation::kSyncDirectory, "bucket", Fault::kIoError);
  EXPECT_FALSE(all_.remote->Commit({first, second}, all_.random).ok());
  EXPECT_EQ(all_.remote->manifest()->end(), first.end);
  ASSERT_TRUE(all_.remote->Establish(LogAndStore::kNames, LogAndStore::kBucket).ok());
  ASSERT_TRUE(all_.remote->Sweep().ok());
  for (const PowerLoss loss : {PowerLoss::kKeepAll, PowerLoss::kDropUnsynced}) {
    auto after = all_.disk.PowerCut(loss);
    auto store = io::DirectoryStore::Open(*after, "remote", "").ValueOrDie();
    const auto again = RemoteLog::Open(*after, *store, "bucket/remote.manifest").ValueOrDie()->manifest();
    ASSERT_EQ(again->segments.size(), 1u) << "the second one is gone";
    EXPECT_TRUE(after->Exists("remote/" + SegmentKey(LogAndStore::kFolder, first, "log")).ValueOrDie());
  }
}

TEST_F(RemoteLogTest, RemovingAllLeavesNoFolderBehind) {
  const RemoteSegment first = all_.Upload(0);
  ASSERT_TRUE(all_.remote->Commit({first}, all_.random).ok());
  ASSERT_TRUE(all_.store->Put("log/db/t-1/1/x", AsBytes("another bucket")).ok());
  ASSERT_TRUE(all_.remote->RemoveAll().ok());
  EXPECT_TRUE(all_.disk.Exists("remote/log/db/t-1").ValueOrDie());
  EXPECT_FALSE(all_.disk.Exists("remote/log/db/t-1/0").ValueOrDie());
  ASSERT_TRUE(all_.store->RemoveTree("log/db/t-1/1").ok());
  ASSERT_TRUE(all_.remote->RemoveAll().ok());
  EXPECT_FALSE(all_.disk.Exists("remote/log/db/t-1").ValueOrDie());
}

TEST_F(RemoteLogTest, ACopyIsGivenUpWhenAsked) {
  ASSERT_TRUE(all_.remote->Establish(LogAndStore::kNames, LogAndStore::kBucket).ok());
  const auto given_up = all_.remote->Upload(all_.Closed(0), all_.random, [] { return false; });
  EXPECT_TRUE(given_up.status().IsCancelled()) << given_up.status();
}

TEST_F(RemoteLogTest, ADamagedFileIsNotTakenForNone) {
  ASSERT_TRUE(io::ReplaceFile(all_.disk, "bucket/remote.manifest", AsBytes("{")).ok());
  const auto opened = RemoteLog::Open(all_.disk, *all_.store, "bucket/remote.manifest");
  EXPECT_EQ(CodeOf(opened.status()), ErrorCode::kStorage);
  EXPECT_THAT(opened.status().message(), ::testing::HasSubstr("bucket/remote.manifest"));
}

TEST(MakeUuidTest, GivesRandomUuids) {
  CountingRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string id = MakeUuid(random);
    EXPECT_THAT(id, ::testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
    EXPECT_TRUE(seen.insert(id).second);
  }
}

}  // namespace
}  // namespace thalweg::remote
