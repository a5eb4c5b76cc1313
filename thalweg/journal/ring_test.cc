#include "thalweg/journal/ring.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/journal/record.h"
#include "thalweg/testing/memory_file_system.h"

namespace thalweg::journal {
namespace {

constexpr uint64_t kSmall = 16 << 10;
constexpr uint64_t kLarge = 64 << 10;

class RingTest : public ::testing::Test {
 protected:
  RingTest() { disk_.CreateDurableDirectories("j"); }

  RingOptions Options(uint64_t bytes_max = 4 * kLarge) {
    return {.directory = "j", .bytes_max = bytes_max, .file_bytes = kLarge, .first_file_bytes = kSmall};
  }
  void AddFile(Ring& ring) {
    const auto next = ring.ReserveNext();
    ASSERT_TRUE(next.has_value());
    ring.AddFree(ring.Prepare(next->first, next->second).ValueOrDie());
  }
  /// As the journal does after a group.
  void Write(Ring& ring, uint64_t bytes, uint64_t next_sequence) {
    ring.active()->position += bytes;
    ring.active()->next_sequence = next_sequence;
  }

  testing::MemoryFileSystem disk_;
};

TEST_F(RingTest, TheFirstFileIsSmallAndTheLimitHolds) {
  Ring ring(disk_, Options(kSmall + kLarge));
  EXPECT_EQ(ring.ReserveNext()->second, kSmall);
  EXPECT_EQ(ring.ReserveNext()->second, kLarge);
  EXPECT_FALSE(ring.ReserveNext().has_value());
  ring.CancelReservation(kLarge);
  EXPECT_TRUE(ring.ReserveNext().has_value());
}

TEST_F(RingTest, APreparedFileIsDurableZeroedAndHasAHeader) {
  Ring ring(disk_, Options());
  AddFile(ring);
  const auto after = disk_.PowerCut(testing::PowerLoss::kDropUnsynced);
  const std::string content = io::ReadFile(*after, FilePath("j", 0)).ValueOrDie();
  ASSERT_EQ(content.size(), kSmall);
  EXPECT_TRUE(CheckFileHeader(AsBytes(content).first(kFileHeaderBytes), "x").ValueOrDie());
  EXPECT_THAT(content.substr(kFileHeaderBytes), ::testing::Each('\0'));
}

TEST_F(RingTest, FilesGoRoundOnlyWhenReleased) {
  Ring ring(disk_, Options());
  AddFile(ring);
  AddFile(ring);
  ASSERT_TRUE(ring.Rotate(1, 4096));
  EXPECT_EQ(ring.active()->number, 0u);
  Write(ring, 8192, 11);
  EXPECT_EQ(ring.live_bytes(), 8192u);
  ASSERT_TRUE(ring.Rotate(11, 4096));
  EXPECT_EQ(ring.active()->number, 1u);
  Write(ring, 4096, 21);
  EXPECT_FALSE(ring.Rotate(21, 4096)) << "both hold what is needed";
  ring.Release(10);
  EXPECT_FALSE(ring.Rotate(21, 4096)) << "record 10 is still needed";
  ring.Release(11);
  ASSERT_TRUE(ring.Rotate(21, 4096));
  EXPECT_EQ(ring.active()->number, 0u);
  EXPECT_EQ(ring.active()->position, kFileHeaderBytes);
}

TEST_F(RingTest, TheActiveFileIsUsedAgainOnceNothingInItIsNeeded) {
  // Else a ring whose only free space is in the active file would wait for ever.
  Ring ring(disk_, Options());
  AddFile(ring);
  ASSERT_TRUE(ring.Rotate(1, 4096));
  Write(ring, 12288, 5);
  EXPECT_FALSE(ring.Rotate(5, 4096));
  ring.Release(5);
  EXPECT_EQ(ring.live_bytes(), 0u) << "pressure ends with the need for the records";
  ASSERT_TRUE(ring.Rotate(5, 4096));
  EXPECT_EQ(ring.active()->number, 0u);
  EXPECT_EQ(ring.active()->first_sequence, 5u);
}

TEST_F(RingTest, AGroupThatDoesNotFitTheSmallFileTakesALargeOne) {
  Ring ring(disk_, Options());
  AddFile(ring);
  EXPECT_FALSE(ring.Rotate(1, kSmall));
  AddFile(ring);
  ASSERT_TRUE(ring.Rotate(1, kSmall));
  EXPECT_EQ(ring.active()->number, 1u);
}

TEST_F(RingTest, SmallFilesOfManyStartsDoNotKeepTheLargeOneOut) {
  Ring ring(disk_, Options(kSmall + kLarge));
  for (int i = 0; i < 6; ++i) ring.AddFree(ring.Prepare(ring.ReserveFirst(), kSmall).ValueOrDie());
  EXPECT_EQ(ring.ReserveNext()->second, kLarge);
  EXPECT_FALSE(ring.ReserveNext().has_value());
}

TEST_F(RingTest, ItGrowsByFilesOfTwiceWhatIsThere) {
  Ring ring(disk_, Options());
  std::vector<uint64_t> sizes;
  for (auto next = ring.ReserveNext(); next; next = ring.ReserveNext()) sizes.push_back(next->second);
  EXPECT_THAT(sizes, ::testing::ElementsAre(kSmall, 2 * kSmall, kLarge, kLarge, kLarge));
}

TEST_F(RingTest, FreeFilesBeyondTheLimitAreGivenUpTheSmallestFirst) {
  Ring ring(disk_, Options(kSmall + kLarge));
  for (int i = 0; i < 3; ++i) ring.AddFree(ring.Prepare(ring.ReserveFirst(), kSmall).ValueOrDie());
  EXPECT_FALSE(ring.TakeSurplus().has_value()) << "all three are within the limit";
  AddFile(ring);
  EXPECT_EQ(ring.TakeSurplus()->number, 0u);
  EXPECT_EQ(ring.TakeSurplus()->number, 1u);
  EXPECT_FALSE(ring.TakeSurplus().has_value()) << "within the limit again";
}

TEST_F(RingTest, TheLastFreeFileIsNoSurplus) {
  Ring ring(disk_, Options(kSmall + kLarge));
  AddFile(ring);
  AddFile(ring);
  ring.AddFree(ring.Prepare(ring.ReserveFirst(), kSmall).ValueOrDie());
  for (uint64_t sequence : {1, 11}) {
    ASSERT_TRUE(ring.Rotate(sequence, 4096));
    Write(ring, 4096, sequence + 10);
  }
  EXPECT_FALSE(ring.TakeSurplus().has_value());
}

TEST_F(RingTest, TheHeaderSaysDamageFromFuture) {
  const Bytes header = MakeFileHeader();
  std::vector<uint8_t> bytes(header.view().begin(), header.view().end());
  EXPECT_TRUE(CheckFileHeader(bytes, "x").ValueOrDie());
  bytes[8] ^= 4;
  EXPECT_FALSE(CheckFileHeader(bytes, "x").ValueOrDie()) << "the checksum does not fit";
}

}  // namespace
}  // namespace thalweg::journal
