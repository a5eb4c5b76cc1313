#include "thalweg/remote/snapshot_leases.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/testing/crash_points.h"
#include "thalweg/testing/memory_file_system.h"

namespace thalweg::remote {
namespace {

using Held = SnapshotLeases::Held;
using testing::MemoryFileSystem;

constexpr const char* kPath = "data/snapshots/leases";

Held Snapshot(int64_t table, int64_t id) { return {{TableId(table), kNoPartition, BucketId(0)}, id}; }
bool IsThere(const Held&, const std::function<void()>& hold) {
  hold();
  return true;
}

class SnapshotLeasesTest : public ::testing::Test {
 protected:
  SnapshotLeasesTest() {
    disk_.CreateDurableDirectories("data");
    Reopen({});
  }
  void Reopen(const SnapshotLeases::Limits& limits) {
    leases_ = SnapshotLeases::Open(disk_, kPath, limits).ValueOrDie();
  }
  arrow::Result<std::vector<Held>> Acquire(const std::string& lease, int64_t duration_ms, std::vector<Held> wanted) {
    return leases_->Acquire(lease, duration_ms, now_ms_, wanted, IsThere);
  }

  MemoryFileSystem disk_;
  int64_t now_ms_ = 1'000;
  std::unique_ptr<SnapshotLeases> leases_;
};

TEST_F(SnapshotLeasesTest, HoldsUntilItIsReleasedOrExpires) {
  ASSERT_TRUE(Acquire("a", 500, {Snapshot(1, 4), Snapshot(2, 7)}).ok());
  EXPECT_TRUE(leases_->IsHeld(Snapshot(1, 4), 1'499));
  EXPECT_FALSE(leases_->IsHeld(Snapshot(1, 4), 1'500));
  EXPECT_FALSE(leases_->IsHeld(Snapshot(1, 5), 1'000));
  EXPECT_THAT(leases_->TablesOf("a"), ::testing::ElementsAre(TableId(1), TableId(2)));

  ASSERT_TRUE(leases_->Release("a", {Snapshot(1, 4).bucket}).ok());
  EXPECT_FALSE(leases_->IsHeld(Snapshot(1, 4), 1'000));
  EXPECT_TRUE(leases_->IsHeld(Snapshot(2, 7), 1'000));
  ASSERT_TRUE(leases_->Drop("a").ok());
  EXPECT_FALSE(leases_->IsHeld(Snapshot(2, 7), 1'000));
  EXPECT_TRUE(leases_->Drop("a").ok()) << "there is none";
  EXPECT_TRUE(leases_->Release("a", {Snapshot(1, 4).bucket}).ok());
}

TEST_F(SnapshotLeasesTest, AskingAgainRenewsAndReplaces) {
  ASSERT_TRUE(Acquire("a", 500, {Snapshot(1, 4)}).ok());
  now_ms_ = 1'400;
  ASSERT_TRUE(Acquire("a", 500, {}).ok());
  EXPECT_TRUE(leases_->IsHeld(Snapshot(1, 4), 1'899));
  ASSERT_TRUE(Acquire("a", INT64_MAX, {Snapshot(1, 5)}).ok());
  EXPECT_FALSE(leases_->IsHeld(Snapshot(1, 4), 1'400));
  EXPECT_TRUE(leases_->IsHeld(Snapshot(1, 5), INT64_MAX - 1));
}

TEST_F(SnapshotLeasesTest, WhatIsNotThereIsToldAndNotHeld) {
  const auto there = [](const Held& held, const std::function<void()>& hold) {
    if (held.snapshot != 4) return false;
    hold();
    return true;
  };
  const auto missing = leases_->Acquire("a", 500, now_ms_, {Snapshot(1, 4), Snapshot(2, 9)}, there);
  ASSERT_TRUE(missing.ok()) << missing.status();
  EXPECT_THAT(*missing, ::testing::ElementsAre(Snapshot(2, 9)));
  EXPECT_TRUE(leases_->IsHeld(Snapshot(1, 4), 1'000));
  EXPECT_FALSE(leases_->IsHeld(Snapshot(2, 9), 1'000));
}

TEST_F(SnapshotLeasesTest, ASnapshotIsHeldBeforeTheLeaseIsOnDisk) {
  bool seen = false;
  const auto there = [&](const Held& held, const std::function<void()>& hold) {
    hold();
    seen = leases_->IsHeld(held, now_ms_);
    return true;
  };
  ASSERT_TRUE(leases_->Acquire("a", 500, now_ms_, {Snapshot(1, 4)}, there).ok());
  EXPECT_TRUE(seen);
  disk_.FailNext(testing::Operation::kSync, kPath, testing::Fault::kIoError);
  EXPECT_FALSE(Acquire("b", 500, {Snapshot(1, 6)}).ok());
  EXPECT_FALSE(leases_->IsHeld(Snapshot(1, 6), now_ms_)) << "nobody was told that it is";
}

TEST_F(SnapshotLeasesTest, NamesDurationsAndNumbersAreBounded) {
  Reopen({.leases_max = 2, .snapshots_max = 3, .id_bytes_max = 5});
  EXPECT_EQ(CodeOf(Acquire("", 500, {Snapshot(1, 1)}).status()), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeOf(Acquire("abcdef", 500, {Snapshot(1, 1)}).status()), ErrorCode::kInvalidConfig);
  EXPECT_EQ(CodeOf(Acquire("a", 0, {Snapshot(1, 1)}).status()), ErrorCode::kInvalidConfig);
  ASSERT_TRUE(Acquire("a", 500, {Snapshot(1, 1), Snapshot(2, 1)}).ok());
  EXPECT_EQ(CodeOf(Acquire("b", 900, {Snapshot(1, 1), Snapshot(2, 1)}).status()), ErrorCode::kInvalidConfig);
  ASSERT_TRUE(Acquire("b", 900, {Snapshot(1, 1)}).ok());
  EXPECT_EQ(CodeOf(Acquire("c", 500, {Snapshot(1, 1)}).status()), ErrorCode::kInvalidConfig);
  EXPECT_FALSE(leases_->IsHeld(Snapshot(3, 1), now_ms_));
  now_ms_ = 1'600;  // the first has expired
  EXPECT_TRUE(Acquire("c", 500, {Snapshot(1, 1)}).ok());
}

TEST_F(SnapshotLeasesTest, BucketsThatAreGoneAreForgottenAndWhatHasExpired) {
  ASSERT_TRUE(Acquire("a", 500, {Snapshot(1, 4), Snapshot(2, 7)}).ok());
  ASSERT_TRUE(Acquire("b", 900, {Snapshot(2, 7)}).ok());
  ASSERT_TRUE(leases_->Forget({Snapshot(2, 7).bucket}, 1'000).ok());
  EXPECT_FALSE(leases_->IsHeld(Snapshot(2, 7), 1'000));
  EXPECT_THAT(leases_->TablesOf("b"), ::testing::IsEmpty());
  ASSERT_TRUE(leases_->Forget({}, 1'500).ok());
  EXPECT_THAT(leases_->TablesOf("a"), ::testing::IsEmpty());
}

TEST_F(SnapshotLeasesTest, ADamagedListIsNotTakenForNone) {
  ASSERT_TRUE(disk_.CreateDirectories("data/snapshots").ok());
  ASSERT_TRUE(io::ReplaceFile(disk_, kPath, AsBytes(R"({"version":1})")).ok());
  EXPECT_EQ(CodeOf(SnapshotLeases::Open(disk_, kPath, {}).status()), ErrorCode::kStorage);
}

TEST(SnapshotLeasesCrashTest, EveryCrashPointKeepsWhatWasGranted) {
  int granted = 0;
  bool dropped = false;
  testing::ForEachCrashState(
      {.seeds = 2},
      [&](MemoryFileSystem& disk) {
        granted = 0;
        dropped = false;
        disk.CreateDurableDirectories("data");
        const auto leases = SnapshotLeases::Open(disk, kPath, {});
        if (!leases.ok()) return;
        for (int i = 0; i < 3; ++i) {
          if (!(*leases)->Acquire("a", 900, 0, {Snapshot(i, i)}, IsThere).ok()) return;
          ++granted;
        }
        dropped = (*leases)->Drop("a").ok();
      },
      [&](MemoryFileSystem& disk, const testing::CrashState& state) {
        const auto leases = SnapshotLeases::Open(disk, kPath, {});
        ASSERT_TRUE(leases.ok()) << state.ToString() << leases.status();
        for (int i = 0; i < granted; ++i) {
          const bool held = (*leases)->IsHeld(Snapshot(i, i), 100);
          if (granted < 3) EXPECT_TRUE(held) << state.ToString();
          if (dropped) EXPECT_FALSE(held) << state.ToString();
        }
      });
}

}  // namespace
}  // namespace thalweg::remote
