// Changelogs that get old: what rows are made of again stays.

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/tablet/test_kv_internal.h"

namespace thalweg::tablet {
namespace {

using testing::MemoryFileSystem;

class EngineKvRetentionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    disk->CreateDurableDirectories("data");
    Start();
  }
  void Start() {
    sim = std::make_unique<SimRows>(*disk);
    sim->options.log.segment_bytes_max = 4'400;
    if (never_flushed) sim->options.kv.flusher.delay_ns = 1'000'000'000'000;
    ASSERT_TRUE(sim->Open().ok());
  }
  void Restart() {
    sim->Stop();
    sim.reset();
    Start();
  }
  /// Twenty rows, a kilobyte each, and a checkpoint behind them.
  void Fill() {
    for (int32_t i = 0; i < 20; ++i) {
      ASSERT_TRUE(sim->Put(bucket, {{i, std::string(1'000, static_cast<char>('a' + i))}})->ok());
      sim->RunFor(1'000);
    }
    sim->RunFor(5'000);
  }
  int64_t FirstOffset() { return sim->BoundsOf(bucket)->start.value; }

  bool never_flushed = false;
  const TableBucket bucket = TestBucket(0);
  std::unique_ptr<MemoryFileSystem> disk = std::make_unique<MemoryFileSystem>();
  std::unique_ptr<SimRows> sim;
};

TEST_F(EngineKvRetentionTest, NothingGoesOfATableWhoseOptionsCannotBeRead) {
  Fill();
  Restart();
  sim->table_error = Error(ErrorCode::kInvalidConfig, "a later version's options");
  const arrow::Status dropped = sim->DropExpired(bucket, INT64_MAX);
  EXPECT_EQ(CodeOf(dropped), ErrorCode::kInvalidConfig) << dropped;
  EXPECT_EQ(FirstOffset(), 0);
  sim->table_error = arrow::Status::OK();
  EXPECT_EQ(sim->Lookup(bucket, {0, 19, 20}).size(), 2u);
}

TEST_F(EngineKvRetentionTest, RowsThatNobodyAsksForAfterAStartDoNotHoldTheirChangelog) {
  Fill();
  Restart();
  const uint64_t opened = sim->engine->stats().kv.store_opens;
  ASSERT_TRUE(sim->DropExpired(bucket, 0).ok());
  EXPECT_EQ(sim->engine->stats().kv.store_opens, opened) << "nothing is too old, so nobody is asked";
  ASSERT_TRUE(sim->DropExpired(bucket, INT64_MAX).ok());
  EXPECT_GT(FirstOffset(), 10);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(sim->DropExpired(bucket, INT64_MAX).ok());
  EXPECT_EQ(sim->engine->stats().kv.store_opens, opened + 1) << "once is enough";
  EXPECT_EQ(sim->Lookup(bucket, {0, 7, 19, 20}).size(), 3u);
}

TEST_F(EngineKvRetentionTest, WhatIsNotInTheStateOnDiskStays) {
  never_flushed = true;
  Restart();
  Fill();
  sim->Stop(0);
  sim.reset();
  Start();
  ASSERT_TRUE(sim->DropExpired(bucket, INT64_MAX).ok());
  EXPECT_EQ(sim->Lookup(bucket, {0, 7, 19, 20}).size(), 3u);
}

}  // namespace
}  // namespace thalweg::tablet
