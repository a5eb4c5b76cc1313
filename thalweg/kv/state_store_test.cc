#include "thalweg/kv/state_store.h"

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/kv/memory_state_store.h"
#include "thalweg/kv/rocksdb_state_store.h"
#include "thalweg/kv/test_state_files_internal.h"
#include "thalweg/testing/crash_points.h"
#include "thalweg/testing/memory_file_system.h"

namespace thalweg::kv {
namespace {

using testing::MemoryFileSystem;

constexpr const char* kDirectory = "data/kv/t1/b0";

std::unique_ptr<RocksdbStateStore> OpenRocksdb(io::FileSystem& fs, const std::string& directory = kDirectory) {
  auto store = RocksdbStateStore::Open(RocksdbResources::Make(fs, {}), directory);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? std::move(*store) : nullptr;
}

using Changes = std::map<std::string, std::optional<std::string>>;

arrow::Status Apply(StateStore& store, const Changes& changes, const StateMeta& meta) {
  std::vector<RowChange> rows;
  for (const auto& [key, value] : changes) {
    rows.push_back({AsBytes(key), value ? std::optional(AsBytes(*value)) : std::nullopt});
  }
  return store.Apply(rows, meta);
}

std::vector<std::pair<std::string, std::string>> ScanAll(const StateSnapshot& snapshot, std::string_view prefix = "") {
  std::vector<std::pair<std::string, std::string>> rows;
  const auto cursor = snapshot.Scan(AsBytes(prefix));
  for (; cursor->Valid(); cursor->Next()) rows.emplace_back(AsText(cursor->key()), AsText(cursor->value()));
  EXPECT_TRUE(cursor->status().ok()) << cursor->status();
  return rows;
}

std::vector<std::pair<std::string, std::string>> ScanAll(StateStore& store, std::string_view prefix = "") {
  auto snapshot = store.TakeSnapshot();
  EXPECT_TRUE(snapshot.ok()) << snapshot.status();
  return ScanAll(**snapshot, prefix);
}

StateMeta MetaAt(int64_t offset) { return {LogOffset(offset), offset / 2}; }

class StateStoreTest : public ::testing::TestWithParam<bool> {
 protected:
  StateStoreTest() {
    disk.CreateDurableDirectories("data/kv/t1");
    if (GetParam()) {
      store = OpenRocksdb(disk);
    } else {
      store = std::make_unique<MemoryStateStore>();
    }
  }
  MemoryFileSystem disk;
  std::unique_ptr<StateStore> store;
};

TEST_P(StateStoreTest, StartsEmptyAtOffsetZero) {
  EXPECT_EQ(store->meta(), StateMeta{});
  EXPECT_TRUE(ScanAll(*store).empty());
  EXPECT_EQ(Get(*store, AsBytes("a")).ValueOrDie(), std::nullopt);
}

TEST_P(StateStoreTest, AppliesRowsAndMetaInOneStep) {
  ASSERT_TRUE(Apply(*store, {{"a", "1"}, {"b", ""}, {"c", "3"}}, MetaAt(3)).ok());
  ASSERT_TRUE(Apply(*store, {{"a", std::nullopt}, {"c", "33"}, {"missing", std::nullopt}}, MetaAt(6)).ok());
  EXPECT_EQ(store->meta(), MetaAt(6));
  EXPECT_EQ(Get(*store, AsBytes("a")).ValueOrDie(), std::nullopt);
  EXPECT_EQ(Get(*store, AsBytes("b")).ValueOrDie(), "");
  EXPECT_EQ(Get(*store, AsBytes("c")).ValueOrDie(), "33");
}

TEST_P(StateStoreTest, MultiGetFillsOnlyWhatIsUnknown) {
  std::vector<std::string> names;
  Changes changes;
  for (int i = 0; i < 100; ++i) changes[names.emplace_back("k" + std::to_string(i))] = "v" + std::to_string(i);
  ASSERT_TRUE(Apply(*store, changes, MetaAt(100)).ok());
  names.emplace_back("none");
  std::vector<ByteView> keys;
  for (const std::string& name : names) keys.push_back(AsBytes(name));
  RowBatch rows;
  rows.Reset(keys.size());
  rows.Set(5, AsBytes("mine"));
  rows.SetAbsent(50);
  ASSERT_TRUE(store->MultiGet(keys, &rows).ok());
  EXPECT_EQ(rows.unknown(), 0u);
  EXPECT_EQ(AsText(*rows.At(0)), "v0");
  EXPECT_EQ(AsText(*rows.At(5)), "mine");
  EXPECT_EQ(rows.At(50), std::nullopt);
  EXPECT_EQ(AsText(*rows.At(99)), "v99");
  EXPECT_EQ(rows.At(100), std::nullopt);
}

TEST_P(StateStoreTest, ASnapshotDoesNotChange) {
  ASSERT_TRUE(Apply(*store, {{"a", "1"}, {"b", "2"}}, MetaAt(2)).ok());
  const auto snapshot = *store->TakeSnapshot();
  const auto cursor = snapshot->Scan({});
  ASSERT_TRUE(Apply(*store, {{"a", "changed"}, {"aa", "new"}, {"b", std::nullopt}}, MetaAt(5)).ok());
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_EQ(snapshot->meta(), MetaAt(2));
  EXPECT_EQ(AsText(cursor->value()), "1");
  EXPECT_EQ(ScanAll(*snapshot).size(), 2u);
  EXPECT_EQ(ScanAll(*store).size(), 2u);
}

TEST_P(StateStoreTest, ScansByUnsignedBytesAndByPrefix) {
  ASSERT_TRUE(
      Apply(*store, {{"\x01", "1"}, {"a", "2"}, {"a\xff", "3"}, {"ab", "4"}, {"b", "5"}, {"\xff", "6"}}, MetaAt(6))
          .ok());
  using Rows = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(ScanAll(*store, "a"), (Rows{{"a", "2"}, {"ab", "4"}, {"a\xff", "3"}}));
  EXPECT_EQ(ScanAll(*store, "a\xff"), (Rows{{"a\xff", "3"}}));
  EXPECT_EQ(ScanAll(*store, "\xff"), (Rows{{"\xff", "6"}}));
  EXPECT_TRUE(ScanAll(*store, "c").empty());
  EXPECT_EQ(ScanAll(*store).size(), 6u);
  EXPECT_EQ(ScanAll(*store).front().first, "\x01");
}

TEST_P(StateStoreTest, HeldFilesOpenAsACopyAndOutliveLaterChanges) {
  ASSERT_TRUE(Apply(*store, {{"a", "1"}, {"b", "2"}}, MetaAt(2)).ok());
  const auto files = *store->HoldFiles();
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(Apply(*store, {{"a", "later"}, {"c" + std::to_string(i), "3"}}, MetaAt(4 + i)).ok());
    ASSERT_TRUE(store->Flush().ok());
  }
  ASSERT_TRUE(CopyStateFiles(*files, disk, "data/kv/copy").ok());
  EXPECT_EQ(files->meta(), MetaAt(2));
  std::unique_ptr<StateStore> copy;
  if (GetParam()) {
    copy = OpenRocksdb(disk, "data/kv/copy");
  } else {
    copy = *MemoryStateStore::Open(disk, "data/kv/copy");
  }
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(copy->meta(), MetaAt(2));
  EXPECT_EQ(ScanAll(*copy), (std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", "2"}}));
}

INSTANTIATE_TEST_SUITE_P(Both, StateStoreTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Rocksdb" : "Memory"; });

TEST(StateMetaTest, ARangeOfNumbersThatAnEarlierServerMayHaveWrittenIsPassedOver) {
  std::string bytes = EncodeStateMeta({LogOffset(7), 5});
  bytes[1] = static_cast<char>(bytes[1] | 2);
  EXPECT_FALSE(DecodeStateMeta(AsBytes(bytes)).ok());
  bytes.append(20, '\1');
  EXPECT_EQ(DecodeStateMeta(AsBytes(bytes)).ValueOrDie(), (StateMeta{LogOffset(7), 5}));
}

TEST(RocksdbStateStoreTest, FilesAreSharedByName) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data/kv/t1");
  const auto store = OpenRocksdb(disk);
  ASSERT_TRUE(Apply(*store, {{"a", "1"}}, MetaAt(1)).ok());
  const auto first = *store->HoldFiles();
  ASSERT_TRUE(Apply(*store, {{"b", "1"}}, MetaAt(2)).ok());
  const auto second = *store->HoldFiles();
  size_t shared = 0;
  for (const StateFile& file : first->files()) {
    if (!file.shared) continue;
    for (const StateFile& other : second->files()) shared += other.name == file.name && other.bytes == file.bytes;
  }
  EXPECT_GE(shared, 2u) << "rows and meta of the first flush";
}

TEST(RocksdbStateStoreTest, ALineageEndsWithTheState) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data/kv/t1");
  auto store = OpenRocksdb(disk);
  ASSERT_TRUE(Apply(*store, {{"a", "1"}}, MetaAt(1)).ok());
  const std::string first = (*store->HoldFiles())->lineage();
  EXPECT_FALSE(first.empty());
  store.reset();
  store = OpenRocksdb(disk);
  EXPECT_EQ((*store->HoldFiles())->lineage(), first) << "opened again";
  store.reset();
  ASSERT_TRUE(disk.RemoveTree("data/kv/t1").ok());
  disk.CreateDurableDirectories("data/kv/t1");
  store = OpenRocksdb(disk);
  ASSERT_TRUE(Apply(*store, {{"a", "2"}}, MetaAt(1)).ok());
  EXPECT_NE((*store->HoldFiles())->lineage(), first) << "made anew: its files are called the same";
}

TEST(RocksdbStateStoreTest, ALaterFormIsRefused) {
  EXPECT_FALSE(DecodeStateMeta(AsBytes(std::string("\x02", 1) + EncodeStateMeta({}).substr(1))).ok());
  EXPECT_FALSE(DecodeStateMeta(AsBytes(EncodeStateMeta(MetaAt(7)) + "x")).ok());
  EXPECT_FALSE(DecodeStateMeta({}).ok());
  EXPECT_EQ(DecodeStateMeta(AsBytes(EncodeStateMeta(MetaAt(7)))).ValueOrDie(), MetaAt(7));
  StateMeta uncounted;
  uncounted.applied = LogOffset(9);
  EXPECT_EQ(DecodeStateMeta(AsBytes(EncodeStateMeta(uncounted))).ValueOrDie(), uncounted);
}

// Random operations on both, the model deciding what is right: reopening, and crashes that drop what was not flushed.
TEST(RocksdbStateStoreTest, AgreesWithTheModel) {
  for (const uint32_t seed : {1u, 2u, 3u, 4u}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    auto below = [&](uint32_t bound) { return std::uniform_int_distribution<uint32_t>(0, bound - 1)(random); };
    auto disk = std::make_unique<MemoryFileSystem>();
    disk->CreateDurableDirectories("data/kv/t1");
    auto store = OpenRocksdb(*disk);
    MemoryStateStore model;
    int64_t offset = 0;
    for (int step = 0; step < 150; ++step) {
      const uint32_t dice = below(100);
      if (dice < 60) {
        Changes changes;
        for (uint32_t i = below(40); i > 0; --i) {
          std::optional<std::string> value;
          if (below(4) != 0) value.emplace(below(200), static_cast<char>(below(256)));
          changes[std::string(1 + below(2), static_cast<char>(below(6) * 50))] = value;
        }
        offset += 1 + below(50);
        ASSERT_TRUE(Apply(*store, changes, MetaAt(offset)).ok());
        ASSERT_TRUE(Apply(model, changes, MetaAt(offset)).ok());
      } else if (dice < 75) {
        ASSERT_TRUE(store->Flush().ok());
        ASSERT_TRUE(model.Flush().ok());
      } else if (dice < 80) {
        store.reset();
        auto after = disk->PowerCut(testing::PowerLoss::kDropUnsynced, random());
        disk = std::move(after);
        store = OpenRocksdb(*disk);
        model.DropUnflushed();
      } else if (dice < 85) {
        store.reset();
        store = OpenRocksdb(*disk);
        model.DropUnflushed();
      } else {
        ASSERT_EQ(ScanAll(*store), ScanAll(model));
      }
      ASSERT_NE(store, nullptr);
      ASSERT_EQ(store->meta(), model.meta());
      offset = model.meta().applied.value;
    }
    EXPECT_EQ(ScanAll(*store), ScanAll(model));
  }
}

// Whatever a crash leaves is a state after some flush, rows and meta together: row "n" says which.
TEST(RocksdbStateStoreTest, EveryCrashLeavesTheStateOfOneApply) {
  int64_t flushed = 0;
  const auto script = [&](MemoryFileSystem& disk) {
    flushed = 0;
    disk.CreateDurableDirectories("data/kv/t1");
    auto store = RocksdbStateStore::Open(RocksdbResources::Make(disk, {}), kDirectory);
    if (!store.ok()) return;
    for (int64_t i = 1; i <= 3; ++i) {
      if (!Apply(**store, {{"n", std::to_string(i)}, {"k" + std::to_string(i), "x"}}, MetaAt(i)).ok()) return;
      if (!(*store)->Flush().ok()) return;
      flushed = i;
    }
  };
  const auto check = [&](MemoryFileSystem& disk, const testing::CrashState& state) {
    SCOPED_TRACE(state.ToString());
    disk.CreateDurableDirectories("data/kv/t1");
    const auto store = OpenRocksdb(disk);
    ASSERT_NE(store, nullptr);
    const StateMeta meta = store->meta();
    EXPECT_GE(meta.applied.value, flushed);
    EXPECT_LE(meta.applied.value, flushed + 1);
    if (meta.applied.value == 0) {
      EXPECT_TRUE(ScanAll(*store).empty());
      return;
    }
    EXPECT_EQ(meta, MetaAt(meta.applied.value));
    EXPECT_EQ(Get(*store, AsBytes("n")).ValueOrDie(), std::to_string(meta.applied.value));
    EXPECT_EQ(ScanAll(*store, "k").size(), static_cast<size_t>(meta.applied.value));
  };
  const uint64_t states = testing::ForEachCrashState({.first = 0, .step = 13, .seeds = 1}, script, check);
  EXPECT_GT(states, 30u);
}

}  // namespace
}  // namespace thalweg::kv
