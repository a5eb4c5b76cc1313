#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/io/directory_store.h"
#include "thalweg/tablet/row_snapshots.h"
#include "thalweg/tablet/test_kv_internal.h"
#include "thalweg/tablet/test_tiering_internal.h"
#include "thalweg/testing/crash_points.h"

namespace thalweg::tablet {
namespace {

using testing::CrashState;
using testing::MemoryFileSystem;

const TableBucket kBucket = TestBucket(0);
constexpr const char* kFolder = "remote/kv/db/t-1/0";

/// An engine that makes a snapshot of what has changed each second, in the folder "remote" of the same disk.
class SnapshotSim {
 public:
  explicit SnapshotSim(MemoryFileSystem& disk, uint64_t seed = 1) : random(seed), sim(disk, seed) {
    auto opened = io::DirectoryStore::Open(disk, "remote", "file://remote");
    if (opened.ok()) store = std::move(opened).ValueUnsafe();
    sim.options.tiering = {.store = store.get(),
                           .random = &random,
                           .policy_of = [this](const TableBucket&) { return policy; },
                           .interval_ns = 1'000'000'000};
    sim.options.snapshots = {.interval_ns = 1'000'000'000, .retained = 2, .workers_max = 2};
  }
  ~SnapshotSim() { sim.Stop(0); }

  bool Open() { return store && sim.Open().ok(); }

  std::vector<remote::KvSnapshot> Listed(const TableBucket& bucket = kBucket) {
    const auto manifest = sim.engine->snapshots()->ManifestOf(bucket);
    EXPECT_TRUE(manifest.ok()) << manifest.status();
    return manifest.ok() ? (*manifest)->snapshots : std::vector<remote::KvSnapshot>();
  }
  std::vector<std::string> Folders() {
    std::vector<std::string> names;
    const auto entries = sim.disk.List(kFolder);
    if (!entries.ok()) return names;
    for (const auto& entry : *entries) names.push_back(entry.name);
    return names;
  }
  /// The rows of a snapshot as a reader finds them in remote storage.
  TestRows Read(const remote::KvSnapshot& snapshot) {
    const auto state = kv::MemoryStateStore::Open(sim.disk, "remote/" + io::ParentOf(snapshot.files.at(0).key));
    EXPECT_TRUE(state.ok()) << state.status();
    TestRows rows;
    if (!state.ok()) return rows;
    EXPECT_EQ((*state)->meta().applied, snapshot.log_offset);
    const auto all = (*state)->TakeSnapshot().ValueOrDie();
    using schema::TypeKind;
    const std::vector<schema::DataType> types = {schema::NotNull(schema::MakeType(TypeKind::kInt)),
                                                 schema::MakeType(TypeKind::kString)};
    for (const auto cursor = all->Scan({}); cursor->Valid(); cursor->Next()) {
      const auto stored = format::ParseStoredValue(cursor->value()).ValueOrDie();
      const auto row = format::DecodeRow(format::RowFormat::kCompacted, stored.row, types).ValueOrDie();
      rows[static_cast<int32_t>(*row[0].get_if<int64_t>())] = *row[1].get_if<std::string>();
    }
    return rows;
  }
  /// What is listed is what the changelog adds up to below its offset.
  void ExpectTrue(const std::string& where, const TableBucket& bucket = kBucket) {
    for (const auto& snapshot : Listed(bucket)) {
      const auto log = sim.ReadChangelog(bucket, snapshot.log_offset.value);
      ASSERT_EQ(log.end, snapshot.log_offset.value) << where;
      ASSERT_EQ(Read(snapshot), log.rows) << where << ", snapshot " << snapshot.id;
      ASSERT_EQ(snapshot.row_count, static_cast<int64_t>(log.rows.size())) << where;
    }
  }
  std::vector<remote::SnapshotLeases::Held> Lease(const std::string& name, int64_t id, int64_t duration_ms) {
    const auto missing = sim.engine->snapshots()->Lease(name, duration_ms, {{kBucket, id}});
    EXPECT_TRUE(missing.ok()) << missing.status();
    return missing.ok() ? *missing : std::vector<remote::SnapshotLeases::Held>();
  }
  arrow::Status RemoveFolders() {
    const auto run = [](SimEngine& engine) -> runtime::Task<arrow::Status> {
      co_return co_await engine.engine->RemoveFolders(TableId(1), kNoPartition, *engine.shards[0]);
    };
    return sim.scheduler.Await(run(sim));
  }

  SeededRandom random;
  std::unique_ptr<io::ObjectStore> store;
  std::optional<TieringPolicy> policy = TieringPolicy{.names = {.database = "db", .table = "t", .partition = {}}};
  SimRows sim;
};

TEST(EngineSnapshotsTest, ASnapshotHasWhatTheChangelogAddsUpToBelowItsOffset) {
  MemoryFileSystem disk;
  SnapshotSim all(disk);
  ASSERT_TRUE(all.Open());
  EXPECT_TRUE(all.Listed().empty());
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(all.sim.Put(kBucket, {{i, fmt::format("v{}", i)}, {i / 2, "again"}})->ok());
    if (i % 3 == 2) ASSERT_TRUE(all.sim.Put(kBucket, {{i - 2, std::nullopt}})->ok());
    all.sim.RunFor(450);
    all.ExpectTrue(fmt::format("after {}", i));
    if (::testing::Test::HasFatalFailure()) return;
  }
  all.sim.RunFor(3'000);
  const auto listed = all.Listed();
  ASSERT_EQ(listed.size(), 2u) << "as many as are to be retained";
  EXPECT_EQ(listed.back().log_offset.value, all.sim.ReadChangelog(kBucket).end);
  EXPECT_GT(listed.back().id, 2);
  EXPECT_THAT(all.Folders(), ::testing::UnorderedElementsAre(fmt::format("snap-{}", listed[0].id),
                                                             fmt::format("snap-{}", listed[1].id)));
  // Nothing has changed: no further one.
  const auto taken = all.sim.engine->stats().snapshots_taken;
  all.sim.RunFor(5'000);
  EXPECT_EQ(all.sim.engine->stats().snapshots_taken, taken);
  EXPECT_EQ(all.sim.engine->stats().snapshot_failures, 0u);
}

TEST(EngineSnapshotsTest, ALeasedSnapshotStaysUntilTheLeaseEnds) {
  MemoryFileSystem disk;
  SnapshotSim all(disk);
  ASSERT_TRUE(all.Open());
  const auto put = [&](int i) {
    ASSERT_TRUE(all.sim.Put(kBucket, {{i, "v"}})->ok());
    all.sim.RunFor(2'000);
  };
  const auto is_there = [&](int64_t id) { return std::ranges::count(all.Listed(), id, &remote::KvSnapshot::id) == 1; };
  put(0);
  put(1);
  ASSERT_TRUE(is_there(0));
  EXPECT_TRUE(all.Lease("reader", 0, 60'000).empty());
  EXPECT_TRUE(all.Lease("other", 1, 9'000).empty());
  EXPECT_THAT(all.Lease("reader", 77, 60'000), ::testing::SizeIs(1)) << "there is none of that number";
  for (int i = 2; i < 5; ++i) put(i);
  EXPECT_TRUE(is_there(0));
  EXPECT_TRUE(is_there(1)) << "the lease has not expired";
  EXPECT_FALSE(is_there(2));
  all.ExpectTrue("leased");
  all.sim.RunFor(5'000);
  EXPECT_FALSE(is_there(1)) << "expired, and the next round has noticed though nothing was written";
  EXPECT_THAT(all.Lease("late", 2, 1'000), ::testing::SizeIs(1)) << "it is gone";

  // Leases last beyond a restart.
  all.sim.Stop();
  ASSERT_TRUE(all.sim.Open().ok());
  put(5);
  put(6);
  EXPECT_TRUE(is_there(0));
  ASSERT_TRUE(all.sim.engine->snapshots()->leases().Drop("reader").ok());
  all.sim.RunFor(2'000);
  EXPECT_FALSE(is_there(0));
  EXPECT_THAT(all.Folders(), ::testing::SizeIs(2));
}

TEST(EngineSnapshotsTest, AFailedSnapshotIsToldOnceAndTriedAgain) {
  MemoryFileSystem disk;
  SnapshotSim all(disk);
  ASSERT_TRUE(all.Open());
  ASSERT_TRUE(all.sim.Put(kBucket, {{1, "a"}})->ok());
  disk.FailNext(testing::Operation::kSync, "remote", testing::Fault::kIoError, 3);
  all.sim.RunFor(2'500);
  EXPECT_TRUE(all.Listed().empty());
  EXPECT_THAT(all.sim.reports, ::testing::Contains(::testing::HasSubstr("A snapshot of the rows of table 1")).Times(1));
  all.sim.RunFor(3'000);
  EXPECT_EQ(all.Listed().size(), 1u);
  EXPECT_GT(all.sim.engine->stats().snapshot_failures, 1u);
  all.ExpectTrue("after failures");
}

TEST(EngineSnapshotsTest, ADroppedTableLeavesNothing) {
  MemoryFileSystem disk;
  SnapshotSim all(disk);
  ASSERT_TRUE(all.Open());
  ASSERT_TRUE(all.sim.Put(kBucket, {{1, "a"}})->ok());
  ASSERT_TRUE(all.sim.Put(TestBucket(1), {{1, "a"}})->ok());
  all.sim.RunFor(3'000);
  ASSERT_EQ(all.Listed().size(), 1u);
  EXPECT_TRUE(all.Lease("reader", 0, 60'000).empty());
  ASSERT_TRUE(all.sim.Drop({kBucket, TestBucket(1)}).ok());
  ASSERT_TRUE(all.RemoveFolders().ok());
  all.sim.RunFor(1'000);
  EXPECT_FALSE(disk.Exists("remote/kv/db/t-1").ValueOrDie());
  EXPECT_FALSE(disk.Exists("data/snapshots/t1").ValueOrDie());
  EXPECT_TRUE(all.sim.engine->snapshots()->leases().TablesOf("reader").empty());
  all.sim.RunFor(3'000);
  EXPECT_FALSE(disk.Exists("remote/kv/db/t-1").ValueOrDie());
}

TEST(EngineSnapshotsTest, RowsThatAreOpenedWhileTheirTableIsDroppedAreLetGo) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    MemoryFileSystem disk;
    {
      SnapshotSim before(disk, seed);
      ASSERT_TRUE(before.Open());
      ASSERT_TRUE(before.sim.Put(kBucket, {{1, "a"}, {2, "b"}})->ok());
      before.sim.Stop(0);
    }
    SnapshotSim all(disk, seed);
    ASSERT_TRUE(all.Open());
    const auto look = [](SimRows& sim) -> runtime::Task<> {
      FoundRows rows;
      const std::string text = TestKey(1);
      const std::vector<ByteView> keys = {AsBytes(text)};
      (void)co_await sim.engine->Lookup(kBucket, keys, rows, sim.engine->ShardOf(kBucket));
    };
    runtime::Spawn(look(all.sim));
    all.sim.RunFor(static_cast<int64_t>(seed % 3));
    ASSERT_TRUE(all.sim.Drop({kBucket}).ok());
    all.sim.RunFor(5'000);
    ASSERT_EQ(all.sim.engine->stats().kv.dirty_bytes, 0) << "seed " << seed;
  }
}

TEST(EngineSnapshotsTest, RowsThatNobodyAsksForAfterAStartHaveTheirSnapshotToo) {
  MemoryFileSystem disk;
  {
    SnapshotSim all(disk);
    all.sim.options.snapshots.interval_ns = 0;  // none
    ASSERT_TRUE(all.Open());
    ASSERT_TRUE(all.sim.Put(kBucket, {{1, "a"}, {2, "b"}})->ok());
    all.sim.RunFor(5'000);
    EXPECT_TRUE(all.Listed().empty());
    all.sim.Stop();
  }
  SnapshotSim all(disk, 2);
  ASSERT_TRUE(all.Open());
  all.sim.RunFor(5'000);
  ASSERT_EQ(all.Listed().size(), 1u);
  EXPECT_EQ(all.Read(all.Listed()[0]), (TestRows{{1, "a"}, {2, "b"}}));
}

TEST(EngineSnapshotsCrashTest, EveryCrashPointLeavesSnapshotsThatAreTrue) {
  int64_t seen = -1;
  uint64_t listed = 0;
  const uint64_t states = testing::ForEachCrashState(
      {.seeds = 1},
      [&](MemoryFileSystem& disk) {
        disk.CreateDurableDirectories(".");
        seen = -1;
        SnapshotSim all(disk);
        if (!all.Open()) return;
        for (int i = 0; i < 6; ++i) {
          all.sim.StartPut(kBucket, {{i % 4, fmt::format("v{}", i)}, {10 + i, "x"}});
          if (i % 2 == 1) all.sim.StartPut(kBucket, {{i - 1, std::nullopt}});
          all.sim.RunFor(i % 2 == 0 ? 700 : 1'400);
          if (disk.crashed()) return;
          const auto now = all.Listed();
          if (!now.empty()) seen = now.back().log_offset.value;
        }
      },
      [&](MemoryFileSystem& disk, const CrashState& state) {
        if (::testing::Test::HasFatalFailure()) return;
        const std::string where = state.ToString();
        SnapshotSim all(disk, state.seed + 2);
        ASSERT_TRUE(all.Open()) << where;
        all.ExpectTrue(where);
        if (::testing::Test::HasFatalFailure()) return;
        const auto before = all.Listed();
        if (!before.empty()) ++listed;
        ASSERT_GE(before.empty() ? -1 : before.back().log_offset.value, seen) << where << ": a listed one is gone";
        ASSERT_TRUE(all.sim.Put(kBucket, {{99, "last"}})->ok()) << where;
        all.sim.RunFor(3'000);
        all.ExpectTrue(where + ", later");
        if (::testing::Test::HasFatalFailure()) return;
        ASSERT_FALSE(all.Listed().empty()) << where;
        ASSERT_EQ(all.Listed().back().log_offset.value, all.sim.ReadChangelog(kBucket).end) << where;
        ASSERT_EQ(all.Folders().size(), all.Listed().size()) << where << ": objects that nothing names";
      });
  RecordProperty("states", static_cast<int>(states));
  EXPECT_GT(states, 300u);
  EXPECT_GT(listed, 100u);
}

TEST(EngineSnapshotsCrashTest, EveryCrashPointOfADropLeavesNothingBehind) {
  bool drop_begun = false;
  uint64_t dropped = 0;
  testing::ForEachCrashState(
      {.first = 40, .seeds = 1},
      [&](MemoryFileSystem& disk) {
        disk.CreateDurableDirectories(".");
        drop_begun = false;
        SnapshotSim all(disk);
        if (!all.Open()) return;
        all.sim.StartPut(kBucket, {{1, "a"}});
        all.sim.RunFor(2'500);
        if (disk.crashed()) return;
        drop_begun = true;
        (void)all.sim.Drop({kBucket});
        (void)all.RemoveFolders();
        all.sim.RunFor(1'000);
      },
      [&](MemoryFileSystem& disk, const CrashState& state) {
        if (::testing::Test::HasFatalFailure() || !drop_begun) return;
        SCOPED_TRACE(state.ToString());
        SnapshotSim all(disk, state.seed + 2);
        all.sim.gone = [](const TableBucket&) { return true; };
        ASSERT_TRUE(all.Open());
        ++dropped;
        ASSERT_TRUE(all.RemoveFolders().ok());
        all.sim.RunFor(2'000);
        ASSERT_FALSE(disk.Exists("remote/kv/db/t-1").ValueOrDie());
        ASSERT_FALSE(disk.Exists("data/snapshots/t1").ValueOrDie());
      });
  EXPECT_GT(dropped, 10u);
}

}  // namespace
}  // namespace thalweg::tablet
