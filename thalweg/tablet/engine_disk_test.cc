// What the engine does when the device runs out of room, and when room is back.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/tablet/test_engine_internal.h"

namespace thalweg::tablet {
namespace {

using ::testing::Contains;
using testing::Fault;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Operation;
using ::testing::SizeIs;

constexpr uint64_t kReserve = 256 << 10;

class EngineDiskTest : public ::testing::Test {
 protected:
  void Open() {
    sim_.options.disk.bytes = kReserve;
    ASSERT_TRUE(sim_.Open().ok());
  }
  /// Appends until the engine refuses; the refusal.
  ErrorCode Fill(size_t bytes, int buckets = 3) {
    for (int i = 0; i < 10'000; ++i) {
      const TableBucket bucket = TestBucket(i % buckets);
      const auto answer = sim_.Append(bucket, {{.name = fmt::format("m{}", i), .bytes = bytes}});
      if (!answer->ok()) return answer->code();
      names_[bucket].push_back(fmt::format("m{}", i));
      free_min_ = std::min(free_min_, disk_.FreeBytes("data").ValueOrDie());
    }
    return ErrorCode::kNone;
  }
  void Append(const TableBucket& bucket, const std::string& name) {
    const auto answer = sim_.Append(bucket, {{.name = name, .bytes = 2000}});
    ASSERT_TRUE(answer->ok()) << answer->result->status();
    names_[bucket].push_back(name);
  }
  void ExpectAllReadable(SimEngine& sim) {
    for (const auto& [bucket, names] : names_) {
      const auto all = sim.ReadAll(bucket);
      ASSERT_EQ(all.size(), names.size());
      for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(all[i].name, names[i]);
    }
  }
  std::vector<std::string> NamesIn(const std::string& folder) {
    std::vector<std::string> names;
    const auto entries = disk_.List(folder).ValueOrDie();
    for (const auto& entry : entries) names.push_back(entry.name);
    return names;
  }

  testing::MemoryFileSystem disk_;
  SimEngine sim_{disk_};
  std::unordered_map<TableBucket, std::vector<std::string>> names_;
  uint64_t free_min_ = UINT64_MAX;
  const TableBucket a_ = TestBucket(0);
};

TEST_F(EngineDiskTest, AppendsAreRefusedBeforeTheDiskIsFullAndGoOnByThemselves) {
  disk_.SetFreeBytes(2 << 20);
  Open();
  EXPECT_EQ(Fill(5000), ErrorCode::kDiskWriteLocked);
  sim_.RunFor(10'000);
  free_min_ = std::min(free_min_, disk_.FreeBytes("data").ValueOrDie());
  EXPECT_GE(free_min_, kReserve - kReserve / 8) << "indexes and the checkpoint are all that may touch the reserve";
  EXPECT_LT(free_min_, 2 * kReserve) << "refused too early";
  EXPECT_TRUE(sim_.engine->stats().disk_low);
  EXPECT_EQ(sim_.engine->stats().write_failures, 0u);
  EXPECT_EQ(sim_.engine->stats().journal.live_bytes, 0u) << "all of it is in files";
  EXPECT_TRUE(sim_.engine->health().ok()) << "reads go on";
  ExpectAllReadable(sim_);
  const auto refused = sim_.Append(a_, {{.name = "no"}});
  EXPECT_THAT(refused->result->status().message(), HasSubstr("thalweg.disk.reserve"));
  EXPECT_EQ(CodeOf(sim_.engine->CheckRoom()), ErrorCode::kDiskWriteLocked);

  disk_.SetFreeBytes(4 << 20);
  sim_.RunFor(1000);
  EXPECT_TRUE(sim_.engine->CheckRoom().ok());
  for (int i = 0; i < 50; ++i) Append(a_, fmt::format("again{}", i));
  sim_.RunFor(10'000);
  ExpectAllReadable(sim_);
  EXPECT_THAT(sim_.reports, SizeIs(2)) << "once when it began, once when it was over";
}

TEST_F(EngineDiskTest, ABurstBetweenTwoMeasurementsDoesNotOverrunTheReserve) {
  disk_.SetFreeBytes(2 << 20);
  sim_.options.disk.measure_ns = 3'600'000'000'000;
  sim_.options.journal.ring.bytes_max = 8 << 20;
  Open();
  EXPECT_EQ(Fill(5000), ErrorCode::kDiskWriteLocked);
  sim_.RunFor(10'000);
  EXPECT_GE(disk_.FreeBytes("data").ValueOrDie(), kReserve - kReserve / 8);
}

TEST_F(EngineDiskTest, TheRingDoesNotGrowIntoTheReserve) {
  disk_.SetFreeBytes(kReserve + (300 << 10));
  sim_.options.flusher.write_delay_ns = 1'000'000'000;
  Open();
  const uint64_t ring_max = sim_.engine->stats().journal.bytes_max;
  EXPECT_EQ(Fill(2000), ErrorCode::kDiskWriteLocked);
  uint64_t ring = 0;
  for (const auto& entry : disk_.List("data/journal").ValueOrDie()) ring += entry.size;
  EXPECT_LT(ring, ring_max / 2);
  EXPECT_GE(disk_.FreeBytes("data").ValueOrDie(), kReserve - kReserve / 8);
  sim_.RunFor(10'000);
  ExpectAllReadable(sim_);
}

TEST_F(EngineDiskTest, AGroupThatNoFileOfTheRingHoldsMayUseTheReserve) {
  // The first file is of 32 KiB; an entry of 40,000 bytes has to have a larger one.
  disk_.SetFreeBytes(kReserve + (100 << 10));
  sim_.options.journal.direct_bytes_min = 1 << 20;
  Open();
  EXPECT_TRUE(sim_.Append(a_, {{.name = "large", .bytes = 40'000}})->ok());
}

/// What is acknowledged and in no file yet when somebody else takes the last byte: it stays readable, and is written once
/// there is room.
TEST_F(EngineDiskTest, ADiskThatIsFullAllTheSameIsWaitedFor) {
  Open();
  for (int i = 0; i < 20; ++i) Append(TestBucket(i % 3), fmt::format("before{}", i));
  sim_.RunFor(10'000);
  for (int i = 0; i < 20; ++i) Append(TestBucket(i % 3), fmt::format("caught{}", i));
  disk_.SetFreeBytes(3000);
  sim_.RunFor(20'000);
  EXPECT_EQ(sim_.Append(a_, {{.name = "no"}})->code(), ErrorCode::kDiskWriteLocked);
  ExpectAllReadable(sim_);
  EXPECT_GT(sim_.engine->stats().write_failures, 0u);

  disk_.SetFreeBytes(8 << 20);
  sim_.RunFor(10'000);
  for (int i = 0; i < 20; ++i) Append(TestBucket(i % 3), fmt::format("after{}", i));
  sim_.RunFor(10'000);
  ExpectAllReadable(sim_);
  EXPECT_EQ(sim_.engine->stats().journal.live_bytes, 0u);
  EXPECT_THAT(NamesIn("data/log/t1/b0"), Not(Contains(HasSubstr("suspect")))) << "that would keep the room from use";
  const auto after = disk_.PowerCut(testing::PowerLoss::kDropUnsynced);
  SimEngine next(*after);
  ASSERT_TRUE(next.Open().ok());
  ExpectAllReadable(next);
}

TEST_F(EngineDiskTest, ADeviceThatSaysItIsFullIsBelievedWhateverItsFreeBytes) {
  Open();
  Append(a_, "one");
  disk_.FailNext(Operation::kWrite, "data/log", Fault::kNoSpace, 5);  // as a quota does
  sim_.RunFor(1000);
  EXPECT_EQ(sim_.Append(a_, {{.name = "no"}})->code(), ErrorCode::kDiskWriteLocked);
  sim_.RunFor(20'000);
  Append(a_, "two");
  ExpectAllReadable(sim_);
}

/// What the device refused is dropped, so nothing is left that could be written and show that there is room.
TEST_F(EngineDiskTest, DroppingWhatTheDeviceRefusedIsEnough) {
  Open();
  Append(a_, "one");
  disk_.FailNext(Operation::kWrite, "data/log/t1/b0", Fault::kNoSpace, 1000);
  sim_.RunFor(1000);
  EXPECT_EQ(CodeOf(sim_.engine->CheckRoom()), ErrorCode::kDiskWriteLocked);
  ASSERT_TRUE(sim_.Drop({a_}).ok());
  EXPECT_TRUE(sim_.engine->CheckRoom().ok());
  const auto answer = sim_.Append(TestBucket(1), {{.name = "two"}});
  EXPECT_TRUE(answer->ok()) << answer->result->status();
}

/// Who looks at the free space and then creates a table must not be told what was true half a second ago.
TEST_F(EngineDiskTest, RoomIsLookedAtAgainBeforeItIsSaidToBeMissing) {
  disk_.SetFreeBytes(2 << 20);
  sim_.options.disk.measure_ns = 3'600'000'000'000;
  Open();
  EXPECT_EQ(Fill(5000), ErrorCode::kDiskWriteLocked);
  EXPECT_EQ(CodeOf(sim_.scheduler.Await(sim_.engine->CheckRoomNow())), ErrorCode::kDiskWriteLocked);
  disk_.SetFreeBytes(64 << 20);
  EXPECT_EQ(CodeOf(sim_.engine->CheckRoom()), ErrorCode::kDiskWriteLocked);
  EXPECT_TRUE(sim_.scheduler.Await(sim_.engine->CheckRoomNow()).ok());
  EXPECT_TRUE(sim_.engine->CheckRoom().ok());
}

TEST_F(EngineDiskTest, WithoutAReserveNothingIsRefused) {
  disk_.SetFreeBytes(1 << 20);
  ASSERT_TRUE(sim_.Open().ok());
  Append(a_, "one");
  EXPECT_TRUE(sim_.engine->CheckRoom().ok());
}

}  // namespace
}  // namespace thalweg::tablet
