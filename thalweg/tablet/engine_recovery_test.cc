#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/crc32c.h"
#include "thalweg/base/endian.h"
#include "thalweg/tablet/checkpoint.h"
#include "thalweg/tablet/test_engine_internal.h"

namespace thalweg::tablet {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MemoryFileSystem;
using testing::PowerLoss;
using ::testing::SizeIs;

constexpr int kBuckets = 4;

class EngineRecoveryTest : public ::testing::Test {
 protected:
  /// `count` appends of one writer to each bucket; what is written to files and checkpointed depends on `run_ms`.
  static void Fill(SimEngine& sim, int from, int count, int64_t run_ms = 0, size_t bytes = 300) {
    for (int i = from; i < from + count; ++i) {
      for (int b = 0; b < kBuckets; ++b) {
        const auto answer = sim.Append(TestBucket(b), {{.name = fmt::format("b{}-{}", b, i),
                                                        .records = 1 + i % 3,
                                                        .bytes = bytes,
                                                        .writer = WriterId(b),
                                                        .sequence = i}});
        ASSERT_TRUE(answer->ok()) << answer->result->status();
      }
      if (run_ms > 0) sim.RunFor(run_ms);
    }
  }
  static void ExpectAll(SimEngine& sim, int count) {
    for (int b = 0; b < kBuckets; ++b) {
      const auto all = sim.ReadAll(TestBucket(b));
      ASSERT_EQ(all.size(), static_cast<size_t>(count)) << "bucket " << b;
      for (int i = 0; i < count; ++i) EXPECT_EQ(all[static_cast<size_t>(i)].name, fmt::format("b{}-{}", b, i));
    }
  }

  MemoryFileSystem disk_;
};

TEST_F(EngineRecoveryTest, AnotherShardCountSeesTheSame) {
  std::unique_ptr<MemoryFileSystem> disk = disk_.PowerCut(PowerLoss::kKeepAll);
  int count = 0;
  for (const size_t shards : {1, 5, 2, 3}) {
    std::unique_ptr<MemoryFileSystem> left;
    {
      SimEngine sim(*disk, shards, shards);
      ASSERT_TRUE(sim.Open().ok());
      ExpectAll(sim, count);
      Fill(sim, count, 5, shards == 5 ? 400 : 0);
      count += 5;
      left = disk->PowerCut(PowerLoss::kDropUnsynced);
    }
    disk = std::move(left);
  }
}

TEST_F(EngineRecoveryTest, WithoutACheckpointFileEverythingIsThere) {
  SimEngine sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 0, 20, 200);
  sim.RunFor(5000);
  Fill(sim, 20, 3);
  const auto after = disk_.PowerCut(PowerLoss::kDropUnsynced);
  ASSERT_TRUE(after->Remove("data/checkpoint").ok());
  {
    SimEngine next(*after);
    ASSERT_TRUE(next.Open().ok());
    ExpectAll(next, 23);
    Fill(next, 23, 1);  // the writers are still known
    next.RunFor(10'000);
    EXPECT_TRUE(*after->Exists("data/checkpoint")) << "made anew";
  }
  SimEngine third(*after);
  ASSERT_TRUE(third.Open().ok());
  EXPECT_EQ(third.engine->stats().open_files, 0u);
  EXPECT_EQ(third.engine->stats().buckets, static_cast<uint64_t>(kBuckets));
  ExpectAll(third, 24);
}

TEST_F(EngineRecoveryTest, ADamagedCheckpointIsToldAndDoneWithout) {
  SimEngine sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 0, 20, 200);
  sim.RunFor(5000);
  Fill(sim, 20, 2);
  const size_t bytes = io::ReadFile(disk_, "data/checkpoint")->size();
  for (size_t at = 0; at < bytes; at += 13) {
    const auto after = disk_.PowerCut(PowerLoss::kDropUnsynced);
    after->FlipBits("data/checkpoint", at, 0x40);
    SimEngine next(*after);
    ASSERT_TRUE(next.Open().ok());
    ExpectAll(next, 22);
    EXPECT_THAT(next.reports, Contains(HasSubstr("checkpoint")));
  }
}

TEST_F(EngineRecoveryTest, APartOfTheFilesMayBeAheadOfTheCheckpoint) {
  for (int64_t ms = 0; ms < 3000; ms += 333) {
    MemoryFileSystem disk;
    SimEngine sim(disk, static_cast<uint64_t>(ms) + 1);
    ASSERT_TRUE(sim.Open().ok());
    Fill(sim, 0, 9, 100);
    sim.RunFor(ms);
    for (const PowerLoss loss : testing::kPowerLosses) {
      const auto after = disk.PowerCut(loss, static_cast<uint64_t>(ms));
      SimEngine next(*after);
      ASSERT_TRUE(next.Open().ok());
      ExpectAll(next, 9);
      EXPECT_THAT(next.reports, IsEmpty()) << testing::PowerLossName(loss);
    }
  }
}

TEST_F(EngineRecoveryTest, ADamagedLogShutsItsBucketAndNoOther) {
  SimEngine sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 0, 20, 200);
  sim.RunFor(5000);
  Fill(sim, 20, 2);
  const auto after = disk_.PowerCut(PowerLoss::kDropUnsynced);
  ASSERT_TRUE(after->RemoveTree("data/log/t1/b2").ok());
  for (int start = 0; start < 3; ++start) {
    SimEngine next(*after);
    ASSERT_TRUE(next.Open().ok());
    EXPECT_EQ(CodeOf(next.Read({.bucket = TestBucket(2), .from = kEarliest, .bytes_max = 10}).status),
              ErrorCode::kLogStorage);
    EXPECT_EQ(next.Append(TestBucket(2), {{.name = "x"}})->code(), ErrorCode::kLogStorage) << "start " << start;
    for (int b = 0; b < kBuckets; ++b) {
      if (b != 2) EXPECT_THAT(next.ReadAll(TestBucket(b)), SizeIs(22 + start)) << start;
    }
    EXPECT_TRUE(next.Append(TestBucket(1), {{.name = "x"}})->ok());
    EXPECT_TRUE(next.Append(TestBucket(0), {{.name = "x"}})->ok());
    EXPECT_TRUE(next.Append(TestBucket(3), {{.name = "x"}})->ok());
    next.RunFor(10'000);
    EXPECT_EQ(next.engine->stats().journal.live_bytes, 0u) << "it does not hold the ring";
    EXPECT_THAT(next.reports, Contains(HasSubstr("b2")));
  }
}

TEST_F(EngineRecoveryTest, RecordsThatCannotBeReplayedAreSetAsideAndTheBucketStaysShut) {
  SimEngine sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 0, 6);
  const auto after = disk_.PowerCut(PowerLoss::kDropUnsynced);
  // One record of bucket 2 in the journal, with others behind it.
  int damaged = 0;
  for (const auto& entry : *after->List("data/journal")) {
    const std::string path = "data/journal/" + entry.name;
    const std::string content = *io::ReadFile(*after, path);
    if (const size_t at = content.find("b2-3;"); at != std::string::npos) {
      after->FlipBits(path, at + 10, 1);
      ++damaged;
    }
  }
  ASSERT_EQ(damaged, 1);
  for (int start = 0; start < 3; ++start) {
    SimEngine next(*after);
    ASSERT_TRUE(next.Open().ok());
    EXPECT_EQ(next.Append(TestBucket(2), {{.name = "x"}})->code(), ErrorCode::kLogStorage)
        << "start " << start << ": else offsets would be given twice";
    for (const int b : {0, 1, 3}) EXPECT_THAT(next.ReadAll(TestBucket(b)), SizeIs(6));
    next.RunFor(10'000);
    EXPECT_EQ(next.engine->stats().journal.live_bytes, 0u);
    if (start == 0) EXPECT_THAT(next.reports, Contains(HasSubstr("journal cannot be read in part")));
    EXPECT_THAT(next.reports, Contains(HasSubstr("bucket 2")));
  }
  int set_aside = 0;
  for (const auto& entry : *after->List("data/unreplayed/t1/b2")) {
    ++set_aside;
    EXPECT_THAT(*io::ReadFile(*after, "data/unreplayed/t1/b2/" + entry.name), HasSubstr("b2-"));
  }
  EXPECT_EQ(set_aside, 2) << "the two behind the damaged one";
}

TEST_F(EngineRecoveryTest, AnUnknownBucketsRecordsGoAndItsFilesStay) {
  SimEngine sim(disk_);
  ASSERT_TRUE(sim.Open().ok());
  Fill(sim, 0, 10, 300);
  sim.RunFor(5000);
  Fill(sim, 10, 2);
  const auto after = disk_.PowerCut(PowerLoss::kDropUnsynced);
  SimEngine next(*after);
  next.gone = [](const TableBucket& bucket) { return bucket.bucket.value == 1; };
  ASSERT_TRUE(next.Open().ok());
  EXPECT_TRUE(*after->Exists("data/log/t1/b1"));
  EXPECT_THAT(next.reports, Contains(HasSubstr("is not in the catalog")));
  for (const int b : {0, 2, 3}) EXPECT_THAT(next.ReadAll(TestBucket(b)), SizeIs(12));
  EXPECT_EQ(next.engine->stats().buckets, 3u);
}

TEST_F(EngineRecoveryTest, ANewerCheckpointOrJournalIsRefused) {
  Checkpoint checkpoint;
  checkpoint.journal_sequence = 5;
  Bytes encoded = EncodeCheckpoint(checkpoint);
  std::vector<uint8_t> bytes(encoded.view().begin(), encoded.view().end());
  EXPECT_EQ((*DecodeCheckpoint(bytes))->journal_sequence, 5u);
  StoreLittle<uint32_t>(bytes.data() + 8, 2);
  StoreLittle<uint32_t>(bytes.data() + bytes.size() - 4, Crc32c(ByteView(bytes).first(bytes.size() - 4)));
  disk_.CreateDurableDirectories("data");
  ASSERT_TRUE(io::ReplaceFile(disk_, "data/checkpoint", bytes).ok());
  SimEngine sim(disk_);
  const arrow::Status refused = sim.Open();
  EXPECT_EQ(CodeOf(refused), ErrorCode::kStorage);
  EXPECT_THAT(refused.message(), HasSubstr("newer Thalweg"));
}

TEST_F(EngineRecoveryTest, ACheckpointComesBackAsItWas) {
  Checkpoint checkpoint;
  checkpoint.journal_sequence = 77;
  checkpoint.buckets.emplace_back(TestBucket(3, 9), log::RecoveryPoint{.start = LogOffset(1),
                                                                       .end = LogOffset(20),
                                                                       .segment = LogOffset(10),
                                                                       .position = 1234,
                                                                       .max_timestamp_ms = 99,
                                                                       .writers = "state"});
  const Bytes encoded = EncodeCheckpoint(checkpoint);
  const auto decoded = *DecodeCheckpoint(encoded.view());
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->journal_sequence, 77u);
  ASSERT_THAT(decoded->buckets, SizeIs(1));
  EXPECT_EQ(decoded->buckets[0].first, TestBucket(3, 9));
  EXPECT_EQ(decoded->buckets[0].second.position, 1234u);
  EXPECT_EQ(decoded->buckets[0].second.writers, "state");
  for (size_t bytes = 0; bytes < encoded.size(); ++bytes) {
    EXPECT_FALSE(DecodeCheckpoint(encoded.view().first(bytes))->has_value()) << bytes;
  }
}

TEST_F(EngineRecoveryTest, KilledRestartedAndThenWithoutPower) {
  // What a killed process left in the page cache is no more durable because another process has read it.
  for (int64_t ms = 200; ms < 4000; ms += 450) {
    MemoryFileSystem disk;
    std::unique_ptr<MemoryFileSystem> killed;
    {
      SimEngine sim(disk, static_cast<uint64_t>(ms));
      ASSERT_TRUE(sim.Open().ok());
      Fill(sim, 0, 8, 150);
      killed = disk.PowerCut(PowerLoss::kKeepAll);
    }
    SimEngine second(*killed);
    ASSERT_TRUE(second.Open().ok());
    second.RunFor(ms);
    Fill(second, 8, 1);
    const auto cut = killed->PowerCut(PowerLoss::kDropUnsynced);
    SimEngine third(*cut);
    ASSERT_TRUE(third.Open().ok());
    ExpectAll(third, 9);
  }
}

}  // namespace
}  // namespace thalweg::tablet
