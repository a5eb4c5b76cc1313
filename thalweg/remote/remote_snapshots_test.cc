#include "thalweg/remote/remote_snapshots.h"

#include <map>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "thalweg/base/error.h"
#include "thalweg/io/directory_store.h"
#include "thalweg/remote/test_segments_internal.h"
#include "thalweg/testing/crash_points.h"
#include "thalweg/testing/memory_file_system.h"

namespace thalweg::remote {
namespace {

using testing::Fault;
using testing::MemoryFileSystem;
using testing::Operation;

const TableNames kNames{.database = "db", .table = "t", .partition = "2026"};
const TableBucket kBucket{TableId(7), PartitionId(3), BucketId(1)};
constexpr const char* kFolder = "kv/db/t-7/2026-p3/1";
constexpr const char* kPath = "data/snapshots/t7/p3/b1/snapshots.manifest";

bool Yes() { return true; }

/// A state whose shared files are called as their content is, at an offset.
SnapshotSource StateOf(int64_t offset, const std::vector<std::string>& tables, std::string lineage = "first") {
  SnapshotSource source{
      .lineage = std::move(lineage), .log_offset = LogOffset(offset), .row_count = offset, .files = {}};
  static std::set<std::string> contents;
  const auto keep = [](const std::string& text) -> std::string_view { return *contents.insert(text).first; };
  source.files.push_back({.name = "CURRENT", .bytes = 8, .shared = false, .path = {}, .content = "MANIFEST"});
  for (const auto& table : tables) {
    source.files.push_back(
        {.name = table + ".sst", .bytes = table.size(), .shared = true, .path = {}, .content = keep(table)});
  }
  return source;
}

struct Remote {
  explicit Remote(MemoryFileSystem& on) : disk(on) {
    auto opened = io::DirectoryStore::Open(disk, "remote", "file:/remote");
    if (!opened.ok()) return;
    store = std::move(*opened);
    auto found = RemoteSnapshots::Open(disk, *store, kPath);
    if (found.ok()) snapshots = std::move(*found);
  }
  /// As a turn does: what is uploaded counts, all but the latest `kept` go.
  arrow::Status Take(const SnapshotSource& source, size_t kept = 2) {
    ARROW_RETURN_NOT_OK(snapshots->Establish(kNames, kBucket));
    ARROW_RETURN_NOT_OK(snapshots->Sweep());
    const auto before = snapshots->manifest();
    ARROW_ASSIGN_OR_RAISE(auto made, snapshots->Upload(source, random, Yes));
    auto next = before->snapshots;
    next.push_back(std::move(made));
    if (next.size() > kept) next.erase(next.begin());
    ARROW_RETURN_NOT_OK(snapshots->Commit(std::move(next)));
    return snapshots->RemoveUnnamed(*before);
  }
  std::vector<std::string> List(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : store->List(folder).ValueOrDie()) names.push_back(entry.name);
    return names;
  }
  /// The content of each file of a snapshot, by the name that a reader gives it.
  std::map<std::string, std::string> Read(const KvSnapshot& snapshot) {
    std::map<std::string, std::string> files;
    for (const auto& file : snapshot.files) {
      const auto content = io::ReadFile(disk, "remote/" + file.key);
      EXPECT_TRUE(content.ok()) << content.status();
      files[file.name] = content.ok() ? *content : "?";
    }
    return files;
  }

  MemoryFileSystem& disk;
  CountingRandom random;
  std::unique_ptr<io::DirectoryStore> store;
  std::unique_ptr<RemoteSnapshots> snapshots;
};

TEST(RemoteSnapshotsTest, AFileThatIsThereIsNotCopiedAgain) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data");
  Remote remote(disk);
  ASSERT_TRUE(remote.Take(StateOf(5, {"aa", "bbb"})).ok());
  ASSERT_TRUE(remote.Take(StateOf(9, {"bbb", "cccc"})).ok());
  const auto manifest = remote.snapshots->manifest();
  ASSERT_EQ(manifest->snapshots.size(), 2u);
  EXPECT_EQ(manifest->snapshots[0].id, 0);
  EXPECT_EQ(manifest->snapshots[1].id, 1);
  EXPECT_EQ(manifest->snapshots[0].incremental_bytes, 8u + 2 + 3);
  EXPECT_EQ(manifest->snapshots[1].incremental_bytes, 8u + 4) << "bbb.sst was there";
  EXPECT_EQ(manifest->snapshots[0].files[2].key, manifest->snapshots[1].files[1].key);
  EXPECT_THAT(remote.List(std::string(kFolder) + "/shared"), ::testing::SizeIs(3));
  EXPECT_THAT(remote.Read(manifest->snapshots[1]),
              ::testing::ElementsAre(::testing::Pair("CURRENT", "MANIFEST"), ::testing::Pair("bbb.sst", "bbb"),
                                     ::testing::Pair("cccc.sst", "cccc")));

  // The first goes: aa with it, bbb not.
  ASSERT_TRUE(remote.Take(StateOf(12, {"cccc"})).ok());
  EXPECT_THAT(remote.List(kFolder), ::testing::UnorderedElementsAre("shared", "snap-1", "snap-2"));
  EXPECT_THAT(remote.List(std::string(kFolder) + "/shared"), ::testing::SizeIs(2));
  // And bbb with the last one that needs it.
  ASSERT_TRUE(remote.Take(StateOf(13, {"cccc"})).ok());
  EXPECT_THAT(remote.List(std::string(kFolder) + "/shared"), ::testing::SizeIs(1));
}

TEST(RemoteSnapshotsTest, FilesOfAnotherLineageAreOthersThoughTheyAreCalledTheSame) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data");
  Remote remote(disk);
  ASSERT_TRUE(remote.Take(StateOf(5, {"aa"})).ok());
  auto again = StateOf(6, {"aa"}, "second");
  again.files[1].content = "xx";
  ASSERT_TRUE(remote.Take(again).ok());
  EXPECT_EQ(remote.Read(remote.snapshots->manifest()->snapshots[0])["aa.sst"], "aa");
  EXPECT_EQ(remote.Read(remote.snapshots->manifest()->snapshots[1])["aa.sst"], "xx");
}

TEST(RemoteSnapshotsTest, TheMetadataObjectIsAsFlussWritesIt) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data");
  Remote remote(disk);
  ASSERT_TRUE(remote.Take(StateOf(5, {"aa"})).ok());
  const auto text = io::ReadFile(disk, std::string("remote/") + kFolder + "/snap-0/_METADATA").ValueOrDie();
  const std::string shared = remote.snapshots->manifest()->snapshots[0].files[1].key;
  EXPECT_EQ(
      nlohmann::json::parse(text),
      nlohmann::json::parse(R"({"version":1,"table_id":7,"partition_id":3,"bucket_id":1,"snapshot_id":0,)"
                            R"("snapshot_location":"file:/remote/kv/db/t-7/2026-p3/1/snap-0","kv_snapshot_handle":{)"
                            R"("shared_file_handles":[{"kv_file_handle":{"path":"file:/remote/)" +
                            shared +
                            R"(","size":2},"local_path":"aa.sst"}],"private_file_handles":[{"kv_file_handle":{"path":)"
                            R"("file:/remote/kv/db/t-7/2026-p3/1/snap-0/CURRENT","size":8},"local_path":"CURRENT"}],)"
                            R"("snapshot_incremental_size":10},"log_offset":5,"row_count":5})"));
}

TEST(RemoteSnapshotsTest, ACommitInDoubtIsTakenBackBeforeAnythingElse) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data");
  Remote remote(disk);
  ASSERT_TRUE(remote.Take(StateOf(5, {"aa"})).ok());
  disk.FailNext(Operation::kSyncDirectory, "data/snapshots/t7/p3/b1", Fault::kIoError);
  EXPECT_FALSE(remote.Take(StateOf(9, {"bbb"})).ok());
  ASSERT_EQ(remote.snapshots->manifest()->snapshots.size(), 1u);
  ASSERT_TRUE(remote.snapshots->Establish(kNames, kBucket).ok());
  ASSERT_TRUE(remote.snapshots->Sweep().ok());
  for (const auto loss : testing::kPowerLosses) {
    const auto after = disk.PowerCut(loss);
    Remote again(*after);
    ASSERT_EQ(again.snapshots->manifest()->snapshots.size(), 1u);
    EXPECT_EQ(again.Read(again.snapshots->manifest()->snapshots[0])["aa.sst"], "aa");
  }
}

TEST(RemoteSnapshotsTest, ADamagedListIsNotTakenForNone) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data");
  for (const std::string text : {"{", R"({"version":2})", R"({"version":1,"database":"d"})"}) {
    ASSERT_TRUE(disk.CreateDirectories(io::ParentOf(kPath)).ok());
    ASSERT_TRUE(io::ReplaceFile(disk, kPath, AsBytes(text)).ok());
    auto store = io::DirectoryStore::Open(disk, "remote", "").ValueOrDie();
    const auto opened = RemoteSnapshots::Open(disk, *store, kPath);
    EXPECT_EQ(CodeOf(opened.status()), ErrorCode::kStorage);
    EXPECT_THAT(opened.status().message(), ::testing::HasSubstr(kPath));
  }
}

TEST(RemoteSnapshotsTest, RemovingAllLeavesNoFolderBehind) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data");
  Remote remote(disk);
  ASSERT_TRUE(remote.Take(StateOf(5, {"aa"})).ok());
  ASSERT_TRUE(remote.snapshots->RemoveAll().ok());
  EXPECT_FALSE(disk.Exists("remote/kv/db/t-7").ValueOrDie());
}

// Several snapshots, the disk cut off after every operation that writes: whatever is listed then can be read, nothing that was
// listed before is gone unless it was to go, and the next snapshot leaves nothing behind.
TEST(RemoteSnapshotsCrashTest, EveryCrashPointLeavesWhatIsListedWhole) {
  int64_t done = 0;
  const uint64_t states = testing::ForEachCrashState(
      {.seeds = 2},
      [&](MemoryFileSystem& disk) {
        done = 0;
        disk.CreateDurableDirectories("data");
        Remote remote(disk);
        if (!remote.snapshots) return;
        const std::vector<std::vector<std::string>> states = {{"aa"}, {"aa", "bbb"}, {"bbb", "cccc"}, {"ddddd"}};
        for (const auto& tables : states) {
          if (!remote.Take(StateOf(done + 1, tables)).ok()) return;
          ++done;
        }
      },
      [&](MemoryFileSystem& disk, const testing::CrashState& state) {
        if (::testing::Test::HasFailure()) return;
        const std::string where = state.ToString();
        Remote remote(disk);
        ASSERT_NE(remote.snapshots, nullptr) << where;
        const auto manifest = remote.snapshots->manifest();
        const int64_t latest = manifest->latest() ? manifest->latest()->log_offset.value : 0;
        EXPECT_GE(latest, done) << where << ": a snapshot that counted is lost";
        EXPECT_LE(latest, done + 1) << where;
        for (const auto& snapshot : manifest->snapshots) {
          for (const auto& [name, content] : remote.Read(snapshot)) {
            EXPECT_EQ(content, name == "CURRENT" ? "MANIFEST" : name.substr(0, name.size() - 4)) << where;
          }
        }
        ASSERT_TRUE(remote.Take(StateOf(latest + 1, {"e"})).ok()) << where;
        std::set<std::string> named;
        for (const auto& snapshot : remote.snapshots->manifest()->snapshots) {
          for (const auto& file : snapshot.files) named.insert(file.key);
        }
        for (const auto& name : remote.List(std::string(kFolder) + "/shared")) {
          EXPECT_TRUE(named.contains(std::string(kFolder) + "/shared/" + name)) << where << ": waste stays";
        }
        EXPECT_LE(remote.List(kFolder).size(), 3u) << where;
      });
  EXPECT_GT(states, 200u);
}

}  // namespace
}  // namespace thalweg::remote
