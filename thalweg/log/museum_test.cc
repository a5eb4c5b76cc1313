// What users of Apache Fluss hit in the log of one bucket, each by the number of its issue (tests/museum/README.md lists
// them all). Written from the reports alone; the log here shares no code with theirs.

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/log/bucket_log.h"
#include "thalweg/log/test_batches_internal.h"
#include "thalweg/testing/memory_file_system.h"

namespace thalweg::log {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr LogOffset kNoLimit{INT64_MAX};
constexpr const char* kFirst = "log/00000000000000000000";

class BugMuseum : public ::testing::Test {
 protected:
  BugMuseum() { disk_.CreateDurableDirectories("log"); }

  arrow::Status Open(const RecoveryPoint* known = nullptr) {
    log_.reset();
    report_ = {};
    files_ = std::make_unique<OpenFiles>(disk_);
    indexes_ = std::make_unique<IndexCache>();
    ARROW_ASSIGN_OR_RAISE(log_, BucketLog::Open(disk_, *files_, *indexes_, "log", options_, known, &report_));
    return arrow::Status::OK();
  }
  arrow::Status Append(BatchRecipe recipe) {
    const LogBatch batch = MakeBatch(log_->end(), recipe);
    return log_->Append({&batch, 1});
  }
  /// Batches of one record and 100 bytes each, seven to a segment.
  void Fill(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(Append({.body_bytes = 52, .timestamp_ms = 1000 + log_->end().value}).ok());
    }
  }
  void CutTo(const std::string& path, uint64_t size) {
    ASSERT_TRUE((*disk_.Open(path, {.mode = io::OpenOptions::Mode::kReadWrite}))->Truncate(size).ok());
  }
  void Put(const std::string& path, const std::string& content) {
    auto file = *disk_.Open(path, {.mode = io::OpenOptions::Mode::kTruncate});
    const ByteView piece = AsBytes(content);
    ASSERT_TRUE(file->WriteAt(0, {&piece, 1}).ok());
  }
  void ExpectReadable(int64_t count) {
    ASSERT_EQ(log_->end().value, count);
    for (LogOffset at = log_->start(); at < log_->end(); at = at + 1) {
      const auto range = log_->Locate(at, kNoLimit, 1, ReadMode::kMayBlock);
      ASSERT_TRUE(range.ok()) << range.status();
      EXPECT_EQ((*range)->first, at);
      EXPECT_EQ(**log_->OffsetForTimestamp(1000 + at.value, kNoLimit), at);
    }
  }

  testing::MemoryFileSystem disk_;
  std::unique_ptr<OpenFiles> files_;
  std::unique_ptr<IndexCache> indexes_;
  LogOptions options_{.segment_bytes_max = 700, .index_interval_bytes = 200};
  RecoveryReport report_;
  std::unique_ptr<BucketLog> log_;
};

/// A kill in the middle of a write left half a batch behind sound indexes; whoever read the segment's last time ran into
/// it, and the server would not start any more.
TEST_F(BugMuseum, Fluss2941HalfABatchBehindSoundIndexesIsCutOff) {
  ASSERT_TRUE(Open().ok());
  Fill(5);
  const RecoveryPoint point = *log_->Sync();
  Fill(2);
  CutTo(std::string(kFirst) + ".log", 655);
  ASSERT_TRUE(Open(&point).ok());
  EXPECT_EQ(report_.bytes_cut, 55u);
  ExpectReadable(6);
  Fill(3);
  ExpectReadable(9);
}

/// After an unclean stop a segment held less than one batch header; asking it for its last batch threw, and the server
/// would not start.
TEST_F(BugMuseum, Fluss3009ASegmentOfHalfAHeaderIsAnEmptyOne) {
  ASSERT_TRUE(Open().ok());
  Fill(7);
  const RecoveryPoint point = *log_->Sync();
  Fill(1);  // the first of the next segment
  for (const uint64_t bytes : {0, 1, 11, 12, 47, 48, 99}) {
    CutTo("log/00000000000000000007.log", bytes);
    ASSERT_TRUE(Open(&point).ok()) << bytes;
    ExpectReadable(7);
    Fill(1);
    ExpectReadable(8);
    ASSERT_TRUE(Open(&point).ok());
    ExpectReadable(8);
  }
}

/// A time index whose last entries are zeros, as a preallocated file that was never cut looks, stopped the start of the
/// whole server; and later (1716) any fetch that came by it.
TEST_F(BugMuseum, Fluss561And1716ATimeIndexOfZerosIsMadeAnew) {
  ASSERT_TRUE(Open().ok());
  Fill(20);
  const RecoveryPoint point = *log_->Sync();
  const std::string path = std::string(kFirst) + ".timeindex";
  const std::string sound = *io::ReadFile(disk_, path);
  for (const std::string& content : {std::string(), std::string(480, '\0'), sound + std::string(120, '\0')}) {
    Put(path, content);
    ASSERT_TRUE(Open(&point).ok());
    ExpectReadable(20);
  }
}

/// Truncating a log to an offset far away left its old last segment on disk; the next start took it for data, found a gap
/// in the writers' sequences, and would not come up.
TEST_F(BugMuseum, Fluss4012ASegmentOfAnEarlierLifeIsNotTakenForData) {
  ASSERT_TRUE(Open().ok());
  const WriterId writer(34);
  for (int32_t i = 0; i < 3; ++i) ASSERT_TRUE(Append({.writer = writer, .sequence = i, .timestamp_ms = 1}).ok());
  const RecoveryPoint point = *log_->Sync();
  // What an abandoned generation would have left: it begins beyond, with sequences that do not follow.
  Put("log/00000000000000000828.log",
      std::string(
          AsText(MakeBatch(LogOffset(828), {.writer = writer, .sequence = 1110, .timestamp_ms = 1}).batch.view())));
  ASSERT_TRUE(Open(&point).ok());
  EXPECT_EQ(log_->end(), LogOffset(3));
  EXPECT_THAT(report_.findings, ElementsAre(HasSubstr("00000000000000000828.log.suspect")));
  EXPECT_TRUE(log_->writers().Check(writer, 3).ok());
  ASSERT_TRUE(Append({.writer = writer, .sequence = 3, .timestamp_ms = 1}).ok());
  const RecoveryPoint next = *log_->Sync();
  ASSERT_TRUE(Open(&next).ok());
  EXPECT_EQ(log_->end(), LogOffset(4));
  EXPECT_THAT(report_.findings, IsEmpty());
}

/// A writer had been forgotten for its silence, and then gone on; the log that it wrote could not be recovered, since its
/// sequence seemed to begin in the middle.
TEST_F(BugMuseum, Fluss1383ALogWrittenAfterItsWriterWasForgottenIsRecovered) {
  options_.writers.expire_after_ms = 10'000'000;
  ASSERT_TRUE(Open().ok());
  const WriterId writer(34055), other(2);
  ASSERT_TRUE(Append({.writer = writer, .sequence = 0, .timestamp_ms = 1}).ok());
  for (int32_t i = 0; i < 9; ++i)
    ASSERT_TRUE(Append({.writer = other, .sequence = i, .timestamp_ms = 14'000'000}).ok());
  ASSERT_TRUE(log_->writers().Check(writer, 17'871).ok()) << "forgotten, it may go on anywhere";
  ASSERT_TRUE(Append({.writer = writer, .sequence = 17'871, .timestamp_ms = 14'000'000}).ok());
  ASSERT_TRUE(Open().ok()) << "scanned from the very start";
  EXPECT_EQ(log_->end(), LogOffset(11));
  EXPECT_TRUE(log_->writers().Check(writer, 17'871)->duplicate);
  EXPECT_FALSE(log_->writers().Check(writer, 17'872)->duplicate);
}

/// Whether a writer was forgotten depended on each server's own clock and timer, so leader and follower disagreed about the
/// same batches, for ever (1624, 1639). Here it follows from the batches alone.
TEST_F(BugMuseum, Fluss1624WhoIsForgottenFollowsFromTheBatchesNotFromTheClock) {
  options_.writers.expire_after_ms = 10'000'000;
  ASSERT_TRUE(Open().ok());
  const WriterId writer(2'313'797), other(2);
  ASSERT_TRUE(Append({.writer = writer, .sequence = 0, .timestamp_ms = 1}).ok());
  ASSERT_TRUE(Append({.writer = other, .sequence = 0, .timestamp_ms = 9'000'000}).ok());
  const auto verdicts = [&] {
    return std::pair(log_->writers().Check(writer, 1).ok(), log_->writers().Check(writer, 5).ok());
  };
  const auto before = verdicts();
  EXPECT_EQ(before, std::pair(true, false));
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(verdicts(), before) << "a restart, whenever it comes, knows what the run before knew";
  ASSERT_TRUE(Append({.writer = other, .sequence = 1, .timestamp_ms = 14'000'000}).ok());
  const auto later = verdicts();
  EXPECT_EQ(later, std::pair(true, true)) << "forgotten";
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(verdicts(), later);
}

}  // namespace
}  // namespace thalweg::log
