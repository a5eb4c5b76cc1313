#include "thalweg/io/rocksdb_file_system.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "rocksdb/db.h"
#include "rocksdb/options.h"
#include "thalweg/testing/crash_points.h"
#include "thalweg/testing/memory_file_system.h"

namespace thalweg::io {
namespace {

using testing::MemoryFileSystem;
using testing::PowerLoss;

struct Store {
  explicit Store(FileSystem& fs) : env(MakeRocksdbEnv(fs)) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.env = env.get();
    options.info_log = MakeQuietRocksdbLogger();
    options.write_buffer_size = 64 << 10;
    rocksdb::DB* opened = nullptr;
    status = rocksdb::DB::Open(options, "data/db", &opened);
    db.reset(opened);
  }

  rocksdb::Status Put(const std::string& key, const std::string& value) {
    rocksdb::WriteOptions options;
    options.sync = true;
    return db->Put(options, key, value);
  }
  std::string Get(const std::string& key) {
    std::string value;
    const rocksdb::Status got = db->Get({}, key, &value);
    return got.ok() ? value : got.ToString();
  }

  const std::shared_ptr<rocksdb::Env> env;
  rocksdb::Status status;
  std::unique_ptr<rocksdb::DB> db;
};

TEST(RocksdbFileSystemTest, SyncedWritesOutliveAPowerCut) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data/db");
  Store store(disk);
  ASSERT_TRUE(store.status.ok()) << store.status.ToString();
  ASSERT_TRUE(store.Put("a", "1").ok());
  ASSERT_TRUE(store.Put("b", "2").ok());
  const auto after = disk.PowerCut(PowerLoss::kDropUnsynced);

  Store again(*after);
  ASSERT_TRUE(again.status.ok()) << again.status.ToString();
  EXPECT_EQ(again.Get("a"), "1");
  EXPECT_EQ(again.Get("b"), "2");
}

TEST(RocksdbFileSystemTest, FlushedAndCompactedFilesOutliveAPowerCut) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data/db");
  Store store(disk);
  ASSERT_TRUE(store.status.ok());
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(store.Put(std::to_string(i), std::string(1000, 'x')).ok());
  ASSERT_TRUE(store.db->Flush({}).ok());
  ASSERT_TRUE(store.db->CompactRange({}, nullptr, nullptr).ok());
  ASSERT_TRUE(store.Put("last", "1").ok());

  const auto after = disk.PowerCut(PowerLoss::kDropUnsynced);
  Store again(*after);
  ASSERT_TRUE(again.status.ok()) << again.status.ToString();
  EXPECT_EQ(again.Get("299"), std::string(1000, 'x'));
  EXPECT_EQ(again.Get("last"), "1");
}

TEST(RocksdbFileSystemTest, ASecondOpenIsRefused) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data/db");
  Store store(disk);
  ASSERT_TRUE(store.status.ok());
  const Store second(disk);
  EXPECT_TRUE(second.status.IsIOError());
  EXPECT_NE(second.status.ToString().find("is locked by process"), std::string::npos) << second.status.ToString();
}

TEST(RocksdbFileSystemTest, AFullDiskIsNoSpace) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data/db");
  Store store(disk);
  ASSERT_TRUE(store.status.ok());
  disk.FailNext(testing::Operation::kWrite, ".log", testing::Fault::kNoSpace);
  EXPECT_TRUE(store.Put("a", "1").IsNoSpace());
}

TEST(RocksdbFileSystemTest, WhatWasAcknowledgedIsThereAfterEveryCrash) {
  int acknowledged = 0;
  const uint64_t states = testing::ForEachCrashState(
      {.step = 3},
      [&](MemoryFileSystem& disk) {
        acknowledged = 0;
        disk.CreateDurableDirectories("data/db");
        Store store(disk);
        if (!store.status.ok()) return;
        for (int i = 1; i <= 4; ++i) {
          if (!store.Put("n", std::to_string(i)).ok()) return;
          acknowledged = i;
        }
      },
      [&](MemoryFileSystem& disk, const testing::CrashState& state) {
        Store store(disk);
        ASSERT_TRUE(store.status.ok()) << state.ToString() << ": " << store.status.ToString();
        const std::string got = store.Get("n");
        const bool next = got == std::to_string(acknowledged + 1);
        EXPECT_TRUE(next || got == (acknowledged == 0 ? "NotFound: " : std::to_string(acknowledged)))
            << state.ToString() << ": " << got << " after " << acknowledged;
      });
  EXPECT_GT(states, 50u);
}

}  // namespace
}  // namespace thalweg::io
