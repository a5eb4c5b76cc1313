#include "thalweg/catalog/embedded_meta_store.h"

#include <algorithm>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/testing/crash_points.h"
#include "thalweg/testing/memory_file_system.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::catalog {
namespace {

using thalweg::testing::CrashState;
using thalweg::testing::Fault;
using thalweg::testing::MemoryFileSystem;
using thalweg::testing::Operation;
using thalweg::testing::PowerLoss;

/// One process that has the store of `disk` open.
struct Process {
  explicit Process(io::FileSystem& disk) {
    auto opened = EmbeddedMetaStore::Open(disk, "data/meta", sim.MakePool("blocking"));
    status = opened.status();
    if (!opened.ok()) return;
    store = std::move(*opened);
    const auto taken = sim.Await(store->TakeEpoch());
    status = taken.status();
    if (taken.ok()) epoch = *taken;
  }
  arrow::Result<std::optional<int64_t>> Put(const std::string& key, const std::string& value) {
    return sim.Await(store->Commit({.epoch = epoch, .puts = {{key, value}}}));
  }
  std::string Get(const std::string& key) {
    const auto got = *sim.Await(store->Get(key));
    return got ? got->value : "(missing)";
  }

  thalweg::testing::SimScheduler sim;
  std::unique_ptr<EmbeddedMetaStore> store;
  arrow::Status status;
  int64_t epoch = 0;
};

TEST(EmbeddedMetaStoreTest, KeepsRevisionsAndEpochsOverARestart) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data");
  int64_t epoch = 0;
  {
    Process process(disk);
    ASSERT_TRUE(process.status.ok()) << process.status;
    EXPECT_EQ(**process.Put("a", "1"), 1);
    epoch = process.epoch;
  }
  Process process(disk);
  EXPECT_GT(process.epoch, epoch);
  EXPECT_EQ(process.Get("a"), "1");
  EXPECT_EQ(**process.Put("a", "2"), 2);
}

TEST(EmbeddedMetaStoreTest, LogsDoNotPileUpOverManyRestarts) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data");
  for (int i = 0; i < 40; ++i) {
    Process process(disk);
    ASSERT_TRUE(process.status.ok()) << process.status;
    EXPECT_EQ(process.Get("n"), i == 0 ? "(missing)" : std::to_string(i - 1));
    ASSERT_TRUE(process.Put("n", std::to_string(i)).ok());
    const auto names = *disk.List("data/meta/db");
    const auto is_log = [](const io::Entry& entry) { return entry.name.ends_with(".log"); };
    EXPECT_LE(std::ranges::count_if(names, is_log), 12) << "at start " << i;
    EXPECT_LE(names.size(), 30u) << "at start " << i;
  }
}

TEST(EmbeddedMetaStoreTest, RefusesALaterFormatAndTouchesNothing) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data");
  {
    const Process process(disk);
    ASSERT_TRUE(process.status.ok());
  }
  ASSERT_TRUE(io::ReplaceFile(disk, "data/meta/format", AsBytes("2")).ok());
  const uint64_t operations = disk.operations();
  const Process later(disk);
  EXPECT_EQ(CodeOf(later.status), ErrorCode::kUnsupportedVersion);
  EXPECT_THAT(later.status.message(), ::testing::HasSubstr("data/meta/format"));
  EXPECT_EQ(disk.operations(), operations);
  ASSERT_TRUE(disk.Remove("data/meta/format").ok());
  EXPECT_EQ(CodeOf(Process(disk).status), ErrorCode::kStorage);
}

TEST(EmbeddedMetaStoreTest, HealsOnceTheDiskHasRoomAgain) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data");
  Process process(disk);
  ASSERT_TRUE(process.Put("a", "1").ok());
  disk.FailNext(Operation::kWrite, ".log", Fault::kShortWrite);
  EXPECT_EQ(CodeOf(process.Put("a", "2").status()), ErrorCode::kDiskWriteLocked);
  const auto healed = process.Put("b", "3");
  ASSERT_TRUE(healed.ok()) << healed.status();
  EXPECT_EQ(process.Get("b"), "3");

  const auto after = disk.PowerCut(PowerLoss::kDropUnsynced);
  Process again(*after);
  ASSERT_TRUE(again.status.ok()) << again.status;
  EXPECT_EQ(again.Get("b"), "3");
  EXPECT_THAT(again.Get("a"), ::testing::AnyOf("1", "2"));
}

TEST(EmbeddedMetaStoreTest, AFailedSyncNeverHidesAnAcknowledgedCommit) {
  MemoryFileSystem disk;
  disk.CreateDurableDirectories("data");
  Process process(disk);
  ASSERT_TRUE(process.Put("a", "1").ok());
  disk.FailNext(Operation::kSync, ".log", Fault::kLoseUnsynced);
  EXPECT_EQ(CodeOf(process.Put("a", "2").status()), ErrorCode::kStorage);
  ASSERT_TRUE(process.Put("b", "3").ok());
  const auto after = disk.PowerCut(PowerLoss::kDropUnsynced);
  Process again(*after);
  ASSERT_TRUE(again.status.ok()) << again.status;
  EXPECT_EQ(again.Get("b"), "3");
}

TEST(EmbeddedMetaStoreTest, WhatWasAcknowledgedIsThereAfterEveryCrash) {
  int acknowledged = 0;
  const uint64_t states = thalweg::testing::ForEachCrashState(
      {.step = 2},
      [&](MemoryFileSystem& disk) {
        acknowledged = 0;
        disk.CreateDurableDirectories("data");
        for (int process_number = 0; process_number < 2; ++process_number) {
          Process process(disk);
          if (!process.status.ok()) return;
          for (int i = 0; i < 3; ++i) {
            // Longer than a sector, so that torn records come up.
            if (!process.Put("n", std::string(700, 'x') + std::to_string(acknowledged + 1)).ok()) return;
            ++acknowledged;
          }
        }
      },
      [&](MemoryFileSystem& disk, const CrashState& state) {
        Process process(disk);
        ASSERT_TRUE(process.status.ok()) << state.ToString() << ": " << process.status;
        const std::string got = process.Get("n");
        const int value = got == "(missing)" ? 0 : std::stoi(got.substr(700));
        EXPECT_TRUE(value == acknowledged || value == acknowledged + 1) << state.ToString() << ": " << value;
        // And it goes on from there, over another power cut.
        ASSERT_TRUE(process.Put("n", "z").ok());
        const auto later = disk.PowerCut(PowerLoss::kDropUnsynced);
        Process again(*later);
        ASSERT_TRUE(again.status.ok()) << state.ToString() << ": " << again.status;
        EXPECT_EQ(again.Get("n"), "z") << state.ToString();
      });
  EXPECT_GT(states, 200u);
}

}  // namespace
}  // namespace thalweg::catalog
