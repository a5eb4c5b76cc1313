#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/log/bucket_log.h"
#include "thalweg/log/segment_index.h"
#include "thalweg/log/test_batches_internal.h"
#include "thalweg/testing/memory_file_system.h"

// What bytes on disk may turn into, and what the log makes of it.

namespace thalweg::log {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MemoryFileSystem;

constexpr LogOffset kNoLimit{INT64_MAX};
constexpr const char* kFirst = "log/00000000000000000000";

class LogDamageTest : public ::testing::Test {
 protected:
  LogDamageTest() { disk_.CreateDurableDirectories("log"); }

  arrow::Status Open(const RecoveryPoint* known) {
    log_.reset();
    report_ = {};
    files_ = std::make_unique<OpenFiles>(disk_);
    ARROW_ASSIGN_OR_RAISE(log_, BucketLog::Open(disk_, *files_, indexes_, "log", options_, known, &report_));
    return arrow::Status::OK();
  }
  /// Batches of one record and 100 bytes each, in segments of seven.
  void Append(int count) {
    for (int i = 0; i < count; ++i) {
      const LogBatch batch =
          MakeBatch(log_->end(), {.body_bytes = 52, .timestamp_ms = 1000 + log_->end().value, .statistics = true});
      ASSERT_TRUE(log_->Append({&batch, 1}).ok());
    }
  }
  void Write(const std::string& path, uint64_t offset, const std::string& content) {
    auto file = *disk_.Open(path, {.mode = io::OpenOptions::Mode::kCreate});
    const ByteView piece = AsBytes(content);
    ASSERT_TRUE(file->WriteAt(offset, {&piece, 1}).ok());
  }
  void Truncate(const std::string& path, uint64_t size) {
    ASSERT_TRUE((*disk_.Open(path, {.mode = io::OpenOptions::Mode::kReadWrite}))->Truncate(size).ok());
  }
  std::string Folder() {
    std::string all;
    for (const io::Entry& entry : *disk_.List("log")) all += entry.name + " " + std::to_string(entry.size) + "\n";
    return all;
  }
  void CheckEveryOffset() {
    for (LogOffset at = log_->start(); at < log_->end(); at = at + 1) {
      auto range = log_->Locate(at, kNoLimit, 1, ReadMode::kMayBlock);
      ASSERT_TRUE(range.ok()) << range.status();
      ASSERT_EQ((*range)->first, at);
      ASSERT_EQ((*range)->bytes, 100u);
      auto by_time = log_->OffsetForTimestamp(1000 + at.value, kNoLimit);
      ASSERT_TRUE(by_time.ok()) << by_time.status();
      ASSERT_EQ(**by_time, at);
    }
  }

  MemoryFileSystem disk_;
  std::unique_ptr<OpenFiles> files_;
  IndexCache indexes_;
  LogOptions options_{.segment_bytes_max = 700, .index_interval_bytes = 200};
  RecoveryReport report_;
  std::unique_ptr<BucketLog> log_;
};

TEST_F(LogDamageTest, EveryTornLengthIsCutToWholeBatches) {
  for (uint64_t size = 0; size <= 300; ++size) {
    SCOPED_TRACE(size);
    ASSERT_TRUE(disk_.RemoveTree("log").ok());
    ASSERT_TRUE(Open(nullptr).ok());
    Append(3);
    Truncate(std::string(kFirst) + ".log", size);
    ASSERT_TRUE(Open(nullptr).ok());
    EXPECT_EQ(log_->end().value, static_cast<int64_t>(size / 100));
    EXPECT_EQ(report_.bytes_cut, size % 100);
    EXPECT_EQ(report_.findings.empty(), size % 100 == 0);
    Append(2);
    CheckEveryOffset();
  }
}

TEST_F(LogDamageTest, AnyFlippedBitBehindThePointEndsTheLogThere) {
  // Base offset, length, magic, CRC, record count and body. The commit timestamp is outside of the CRC.
  for (uint64_t at : {0, 7, 8, 11, 12, 21, 25, 28, 44, 60, 99}) {
    SCOPED_TRACE(at);
    ASSERT_TRUE(disk_.RemoveTree("log").ok());
    ASSERT_TRUE(Open(nullptr).ok());
    Append(2);
    const RecoveryPoint point = *log_->Sync();
    Append(3);
    disk_.FlipBits(std::string(kFirst) + ".log", 300 + at, 0x40);
    ASSERT_TRUE(Open(&point).ok());
    EXPECT_EQ(log_->end(), LogOffset(3));
    EXPECT_EQ(report_.bytes_cut, 200u);
    EXPECT_THAT(report_.findings, ElementsAre(HasSubstr("behind offset 3")));
    Append(4);
    CheckEveryOffset();
  }
}

TEST_F(LogDamageTest, AFileShorterThanThePointIsNoTornTail) {
  ASSERT_TRUE(Open(nullptr).ok());
  Append(3);
  const RecoveryPoint point = *log_->Sync();
  Truncate(std::string(kFirst) + ".log", 299);
  const std::string before = Folder();
  const arrow::Status opened = Open(&point);
  EXPECT_EQ(CodeOf(opened), ErrorCode::kLogStorage);
  EXPECT_THAT(opened.message(), HasSubstr("299 bytes instead of 300"));
  EXPECT_EQ(Folder(), before);
  ASSERT_TRUE(disk_.Remove(std::string(kFirst) + ".log").ok());
  EXPECT_EQ(CodeOf(Open(&point)), ErrorCode::kLogStorage);
}

TEST_F(LogDamageTest, DamageBeforeTheLastSegmentIsNoTornTail) {
  ASSERT_TRUE(Open(nullptr).ok());
  Append(3);
  const RecoveryPoint point = *log_->Sync();
  Append(10);
  disk_.FlipBits(std::string(kFirst) + ".log", 550, 1);
  const std::string before = Folder();
  for (const RecoveryPoint* known : {&point, static_cast<const RecoveryPoint*>(nullptr)}) {
    const arrow::Status opened = Open(known);
    EXPECT_EQ(CodeOf(opened), ErrorCode::kLogStorage);
    EXPECT_THAT(opened.message(), HasSubstr("damaged at byte 500 (offset 5)"));
    EXPECT_EQ(Folder(), before);
  }
}

TEST_F(LogDamageTest, DamageBelowThePointIsReportedByWhoReadsIt) {
  ASSERT_TRUE(Open(nullptr).ok());
  Append(20);
  const RecoveryPoint point = *log_->Sync();
  disk_.FlipBits(std::string(kFirst) + ".log", 508, 0x40);  // a length
  ASSERT_TRUE(Open(&point).ok());
  EXPECT_EQ(CodeOf(log_->Locate(LogOffset(5), kNoLimit, 1, ReadMode::kMayBlock).status()), ErrorCode::kLogStorage);
  EXPECT_TRUE(log_->Locate(LogOffset(15), kNoLimit, 1, ReadMode::kMayBlock).ok());
}

TEST_F(LogDamageTest, SegmentsThatDoNotAdjoinAreSetAside) {
  ASSERT_TRUE(Open(nullptr).ok());
  Append(3);
  const RecoveryPoint point = *log_->Sync();
  const std::string stale(AsText(MakeBatch(LogOffset(40), {}).batch.view()));
  Write("log/00000000000000000040.log", 0, stale);
  Write("log/00000000000000000040.index", 0, "nonsense");
  ASSERT_TRUE(Open(&point).ok());
  EXPECT_EQ(log_->end(), LogOffset(3));
  EXPECT_THAT(report_.findings, ElementsAre(HasSubstr("00000000000000000040.log.suspect")));
  EXPECT_TRUE(*disk_.Exists("log/00000000000000000040.log.suspect"));
  EXPECT_FALSE(*disk_.Exists("log/00000000000000000040.index"));
  Append(50);
  CheckEveryOffset();
  log_->Sync().ValueOrDie();
  const LogOffset end = log_->end();
  ASSERT_TRUE(Open(nullptr).ok());
  EXPECT_EQ(log_->end(), end);
}

TEST_F(LogDamageTest, WithoutAPointAGapIsAnError) {
  ASSERT_TRUE(Open(nullptr).ok());
  Append(20);
  ASSERT_TRUE(disk_.Remove("log/00000000000000000007.log").ok());
  EXPECT_EQ(CodeOf(Open(nullptr)), ErrorCode::kLogStorage);
}

TEST_F(LogDamageTest, NoIndexFileCanMisleadAReader) {
  ASSERT_TRUE(Open(nullptr).ok());
  Append(20);
  const RecoveryPoint point = *log_->Sync();
  for (const char* ending : {".index", ".timeindex"}) {
    const std::string path = kFirst + std::string(ending);
    const std::string sound = *io::ReadFile(disk_, path);
    ASSERT_GE(sound.size(), 16u);
    std::vector<std::string> contents = {"", "x", std::string(4096, '\0'), std::string(4096, '\xff')};
    for (size_t at = 0; at < sound.size(); ++at) {
      for (int mask : {1, 4, 0x80}) {
        contents.push_back(sound);
        contents.back()[at] = static_cast<char>(contents.back()[at] ^ mask);
      }
    }
    for (size_t size = 1; size < sound.size(); ++size) contents.push_back(sound.substr(0, size));
    for (const std::string& content : contents) {
      Truncate(path, 0);
      Write(path, 0, content);
      ASSERT_TRUE(Open(&point).ok());
      indexes_.~IndexCache();
      new (&indexes_) IndexCache();
      CheckEveryOffset();
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(LogDamageTest, IndexesOfOtherBatchesAreFoundOut) {
  ASSERT_TRUE(Open(nullptr).ok());
  for (int i = 0; i < 30; ++i) {
    const LogBatch batch = MakeBatch(log_->end(), {.records = 2, .body_bytes = 20, .timestamp_ms = 500});
    ASSERT_TRUE(log_->Append({&batch, 1}).ok());
  }
  const std::string index = *io::ReadFile(disk_, kFirst + std::string(".index"));
  const std::string times = *io::ReadFile(disk_, kFirst + std::string(".timeindex"));
  ASSERT_TRUE(disk_.RemoveTree("log").ok());
  ASSERT_TRUE(Open(nullptr).ok());
  Append(20);
  const RecoveryPoint point = *log_->Sync();
  Write(kFirst + std::string(".index"), 0, index);
  Write(kFirst + std::string(".timeindex"), 0, times);
  ASSERT_TRUE(Open(&point).ok());
  CheckEveryOffset();
}

/// Found by fuzzing: the bucket could not be read as long as that index file was there.
TEST_F(LogDamageTest, AnIndexThatABatchsOwnBytesSeemToConfirmIsMadeAnew) {
  ASSERT_TRUE(Open(nullptr).ok());
  Append(1);
  const LogBatch inner = MakeBatch(LogOffset(2), {.body_bytes = 52});
  auto outer = std::make_shared<Buffer>(format::kHeaderBytesV0 + inner.batch.size());
  std::ranges::copy(inner.batch.view(), outer->data() + format::kHeaderBytesV0);
  format::WriteHeaderV0({.base_offset = LogOffset(1),
                         .commit_timestamp_ms = 1001,
                         .schema_id = SchemaId(1),
                         .attributes = format::kAppendOnlyAttribute,
                         .record_count = 1},
                        outer->view());
  format::StoreCrc(outer->view());
  const LogBatch batch{.batch = Bytes(std::shared_ptr<const Buffer>(std::move(outer)))};
  ASSERT_TRUE(log_->Append({&batch, 1}).ok());
  Append(3);
  const RecoveryPoint point = *log_->Sync();
  // One entry, of an earlier life: offset 2 where the body of the batch at offset 1 begins.
  SegmentIndex stale({}, 1);
  stale.Add({.offset_delta = 2, .position = 100 + format::kHeaderBytesV0, .timestamp_ms = 5000});
  Write(std::string(kFirst) + ".index", 0, stale.EncodeOffsets());
  Write(std::string(kFirst) + ".timeindex", 0, stale.EncodeTimes());
  ASSERT_TRUE(Open(&point).ok());
  indexes_.~IndexCache();
  new (&indexes_) IndexCache();
  for (LogOffset at(0); at < log_->end(); at = at + 1) {
    const auto range = log_->Locate(at, kNoLimit, 1, ReadMode::kMayBlock);
    ASSERT_TRUE(range.ok()) << range.status();
    EXPECT_EQ((*range)->first, at);
    EXPECT_EQ((*range)->bytes, at.value == 1 ? 100u + format::kHeaderBytesV0 : 100u);
  }
}

TEST_F(LogDamageTest, DamagedStatisticsAreNotServed) {
  ASSERT_TRUE(Open(nullptr).ok());
  Append(4);
  const RecoveryPoint point = *log_->Sync();
  const std::string path = kFirst + std::string(".stats");
  const std::string sound = *io::ReadFile(disk_, path);
  for (size_t at = 0; at < sound.size(); ++at) {
    disk_.FlipBits(path, at, 0x10);
    ASSERT_TRUE(Open(&point).ok());
    for (int64_t base = 0; base < 4; ++base) {
      const Bytes block = *log_->StatisticsOf(LogOffset(base));
      if (!block.empty()) EXPECT_EQ(AsText(block.view()), "statistics of " + std::to_string(base));
      if (base < static_cast<int64_t>(at / (sound.size() / 4))) EXPECT_FALSE(block.empty());
    }
    disk_.FlipBits(path, at, 0x10);
  }
}

TEST_F(LogDamageTest, StatisticsOfALostBatchAreNotServedForAnother) {
  ASSERT_TRUE(Open(nullptr).ok());
  Append(4);
  Truncate(std::string(kFirst) + ".log", 200);
  ASSERT_TRUE(Open(nullptr).ok());
  const LogBatch without = MakeBatch(LogOffset(2), {.body_bytes = 52});
  ASSERT_TRUE(log_->Append({&without, 1}).ok());
  EXPECT_FALSE(log_->StatisticsOf(LogOffset(1))->empty());
  EXPECT_TRUE(log_->StatisticsOf(LogOffset(2))->empty());
  ASSERT_TRUE(Open(nullptr).ok());
  EXPECT_TRUE(log_->StatisticsOf(LogOffset(2))->empty());
  EXPECT_TRUE(log_->StatisticsOf(LogOffset(3))->empty());
}

TEST_F(LogDamageTest, ADamagedWriterStateIsRefused) {
  ASSERT_TRUE(Open(nullptr).ok());
  Append(4);
  RecoveryPoint point = *log_->Sync();
  point.writers[8] ^= 1;
  EXPECT_EQ(CodeOf(Open(&point)), ErrorCode::kLogStorage);
}

TEST_F(LogDamageTest, SideFilesWithoutASegmentAreRemoved) {
  Write("log/00000000000000000003.index", 0, "x");
  Write("log/00000000000000000003.stats", 0, "x");
  Write("log/notes.txt", 0, "x");
  ASSERT_TRUE(Open(nullptr).ok());
  EXPECT_EQ(Folder(), "notes.txt 1\n");
  EXPECT_THAT(report_.findings, IsEmpty());
}

}  // namespace
}  // namespace thalweg::log
