#include "thalweg/kv/verify_state.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/kv/rocksdb_state_store.h"
#include "thalweg/testing/memory_file_system.h"

namespace thalweg::kv {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kDirectory = "data/kv/t1/b0";

class VerifyStateTest : public ::testing::Test {
 protected:
  VerifyStateTest() { disk_.CreateDurableDirectories("data/kv/t1"); }

  /// A hundred rows of 30 bytes, flushed, under a meta that says `row_count`.
  void Fill(int64_t row_count, const std::string& value = std::string(30, 'v')) {
    const auto store = RocksdbStateStore::Open(RocksdbResources::Make(disk_, {}), kDirectory).ValueOrDie();
    std::vector<std::string> keys;
    for (int i = 100; i < 200; ++i) keys.push_back("key" + std::to_string(i));
    std::vector<RowChange> changes;
    for (const auto& key : keys) changes.push_back({AsBytes(key), AsBytes(value)});
    ASSERT_TRUE(store->Apply(changes, {.applied = LogOffset(170), .row_count = row_count}).ok());
    ASSERT_TRUE(store->Flush().ok());
  }
  bool Verify() {
    const auto readable = VerifyState(disk_, kDirectory, &faults_, &state_);
    EXPECT_TRUE(readable.ok()) << readable.status();
    return readable.ok() && *readable;
  }
  std::vector<std::string> FilesEndingIn(const std::string& ending) {
    std::vector<std::string> paths;
    const auto entries = disk_.List(kDirectory).ValueOrDie();
    for (const auto& entry : entries) {
      if (entry.name.ends_with(ending)) paths.push_back(std::string(kDirectory) + "/" + entry.name);
    }
    return paths;
  }

  testing::MemoryFileSystem disk_;
  Faults faults_;
  VerifiedState state_;
};

TEST_F(VerifyStateTest, SaysWhatASoundStateHolds) {
  Fill(100);
  EXPECT_TRUE(Verify());
  EXPECT_THAT(faults_.faults, IsEmpty());
  EXPECT_EQ(state_.rows, 100);
  EXPECT_EQ(state_.bytes, 100u * (6 + 30));
  EXPECT_EQ(state_.meta.applied, LogOffset(170));
}

TEST_F(VerifyStateTest, ANewStateIsSound) {
  ASSERT_TRUE(RocksdbStateStore::Open(RocksdbResources::Make(disk_, {}), kDirectory).ok());
  EXPECT_TRUE(Verify());
  EXPECT_THAT(faults_.faults, IsEmpty());
  EXPECT_EQ(state_.rows, 0);
}

TEST_F(VerifyStateTest, RowsAreCounted) {
  Fill(99);
  EXPECT_TRUE(Verify());
  ASSERT_THAT(faults_.faults, SizeIs(1));
  EXPECT_THAT(faults_.faults[0].what, HasSubstr("has 100 rows, its meta says 99"));
}

TEST_F(VerifyStateTest, ValuesNameASchema) {
  Fill(100, "x");
  EXPECT_TRUE(Verify());
  ASSERT_THAT(faults_.faults, SizeIs(1));
  EXPECT_THAT(faults_.faults[0].what, HasSubstr("100 rows are too short"));
}

TEST_F(VerifyStateTest, ADamagedTableFileIsFound) {
  Fill(100);
  const auto tables = FilesEndingIn(".sst");
  ASSERT_FALSE(tables.empty());
  for (const auto& table : tables) disk_.FlipBits(table, 20, 0x40);
  Verify();
  EXPECT_FALSE(faults_.faults.empty());
  for (const auto& fault : faults_.faults) EXPECT_EQ(fault.path, kDirectory);
}

TEST_F(VerifyStateTest, AMissingFileIsFound) {
  Fill(100);
  ASSERT_TRUE(disk_.Remove(FilesEndingIn(".sst").front()).ok());
  Verify();
  EXPECT_FALSE(faults_.faults.empty());
}

}  // namespace
}  // namespace thalweg::kv
