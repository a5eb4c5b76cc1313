#include "thalweg/tablet/disk_reserve.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/testing/memory_file_system.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::tablet {
namespace {

class DiskReserveTest : public ::testing::Test {
 protected:
  DiskReserveTest() {
    disk_.CreateDurableDirectories("data");
    disk_.SetFreeBytes(4 << 20);
  }
  void RunFor(int64_t ms) { sim_.RunFor(std::chrono::milliseconds(ms)); }
  ErrorCode State() const { return CodeOf(reserve_.Check()); }

  testing::MemoryFileSystem disk_;
  testing::SimScheduler sim_;
  std::vector<std::string> reports_;
  uint64_t owed_ = 0;
  DiskReserve reserve_{disk_,
                       "data",
                       {.bytes = 1 << 20},
                       {.owed = [this] { return owed_; },
                        .measured = [](bool) {},
                        .report = [this](const std::string& text) { reports_.push_back(text); }}};
};

TEST_F(DiskReserveTest, WhatIsAcceptedCountsBeforeItIsWritten) {
  reserve_.Start(sim_.MakePool("pool"));
  EXPECT_TRUE(reserve_.Take(2 << 20).ok());
  EXPECT_TRUE(reserve_.Take(1 << 20).ok());
  EXPECT_EQ(CodeOf(reserve_.Take(1)), ErrorCode::kDiskWriteLocked);
  EXPECT_EQ(reserve_.refusals(), 1u);
}

TEST_F(DiskReserveTest, WhileNothingIsTakenItLooksMoreOften) {
  reserve_.Start(sim_.MakePool("pool"));
  disk_.SetFreeBytes(1000);
  RunFor(600);
  ASSERT_EQ(State(), ErrorCode::kDiskWriteLocked);
  disk_.SetFreeBytes(8 << 20);
  RunFor(101);
  EXPECT_EQ(State(), ErrorCode::kNone);
  EXPECT_EQ(reports_.size(), 2u);
}

TEST_F(DiskReserveTest, ALittleRoomIsNotEnoughToGoOn) {
  reserve_.Start(sim_.MakePool("pool"));
  disk_.SetFreeBytes(1000);
  reserve_.MeasureNow();
  disk_.SetFreeBytes((1 << 20) + (1 << 16));
  reserve_.MeasureNow();
  EXPECT_EQ(State(), ErrorCode::kDiskWriteLocked);
  disk_.SetFreeBytes((1 << 20) + (1 << 17));
  reserve_.MeasureNow();
  EXPECT_EQ(State(), ErrorCode::kNone);
}

TEST_F(DiskReserveTest, TheWordOfTheDeviceIsForgottenWhenItIsNotRepeated) {
  reserve_.Start(sim_.MakePool("pool"));
  reserve_.NoteFull();
  RunFor(9'000);
  EXPECT_EQ(State(), ErrorCode::kDiskWriteLocked) << "its free bytes say otherwise, as under a quota";
  reserve_.NoteFull();
  RunFor(9'000);
  EXPECT_EQ(State(), ErrorCode::kDiskWriteLocked);
  RunFor(2'000);
  EXPECT_EQ(State(), ErrorCode::kNone);
}

TEST_F(DiskReserveTest, ADeviceThatWasFullAsMeasuredIsFreeAsMeasured) {
  reserve_.Start(sim_.MakePool("pool"));
  disk_.SetFreeBytes(0);
  reserve_.NoteFull();
  reserve_.MeasureNow();
  disk_.SetFreeBytes(8 << 20);
  reserve_.MeasureNow();
  EXPECT_EQ(State(), ErrorCode::kNone);
}

TEST_F(DiskReserveTest, ARemovalEndsTheWordOfTheDevice) {
  reserve_.Start(sim_.MakePool("pool"));
  reserve_.NoteFull();
  reserve_.NoteRemoved();
  EXPECT_EQ(State(), ErrorCode::kNone);
}

}  // namespace
}  // namespace thalweg::tablet
