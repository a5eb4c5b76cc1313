#include "thalweg/log/bucket_log.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/log/segment.h"
#include "thalweg/log/test_batches_internal.h"
#include "thalweg/testing/memory_file_system.h"

namespace thalweg::log {
namespace {

using testing::MemoryFileSystem;

constexpr const char* kDir = "log/7/0";
constexpr LogOffset kNoLimit{INT64_MAX};

class BucketLogTest : public ::testing::Test {
 protected:
  BucketLogTest() { disk_.CreateDurableDirectories("log"); }

  arrow::Status Open(const RecoveryPoint* known = nullptr) {
    report_ = {};
    ARROW_ASSIGN_OR_RAISE(log_, BucketLog::Open(disk_, files_, indexes_, kDir, options_, known, &report_));
    return arrow::Status::OK();
  }

  /// Appends one batch by the recipe at the end.
  arrow::Status Append(const BatchRecipe& recipe = {}) {
    LogBatch batch = MakeBatch(log_->end(), recipe);
    ARROW_RETURN_NOT_OK(log_->Append({&batch, 1}));
    const LogOffset base = format::ParseHeader(batch.batch.view()).ValueOrDie().base_offset;
    written_.resize(std::min<size_t>(written_.size(), CountBelow(base)));
    written_.push_back(std::move(batch));
    return arrow::Status::OK();
  }
  size_t CountBelow(LogOffset offset) const {
    size_t count = 0;
    while (count < written_.size() && NextOf(written_[count]) <= offset) ++count;
    return count;
  }
  void AppendMany(int count, BatchRecipe recipe = {}) {
    for (int i = 0; i < count; ++i) {
      recipe.timestamp_ms = 1000 + 10 * log_->end().value;
      ASSERT_TRUE(Append(recipe).ok());
    }
  }

  static std::string BytesOf(const LogRange& range) {
    std::string bytes(range.bytes, '\0');
    EXPECT_EQ(range.file->ReadAt(range.position, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}).ValueOrDie(),
              bytes.size());
    return bytes;
  }

  /// Every offset leads to its batch, and reading from the start gives exactly what was written.
  void CheckAll() {
    for (const LogBatch& batch : written_) {
      const auto header = format::ParseHeader(batch.batch.view()).ValueOrDie();
      if (header.base_offset < log_->start()) continue;
      for (LogOffset at : {header.last_offset(), header.base_offset}) {
        auto range = log_->Locate(at, kNoLimit, 1, ReadMode::kMayBlock);
        ASSERT_TRUE(range.ok()) << range.status();
        ASSERT_EQ((*range)->first, header.base_offset);
        ASSERT_EQ((*range)->next, header.next_offset());
        ASSERT_EQ(BytesOf(**range), AsText(batch.batch.view()));
      }
    }
    for (uint64_t bytes_max : {uint64_t{1}, uint64_t{500}, uint64_t{100'000}}) CheckScan(bytes_max);
  }
  void CheckScan(uint64_t bytes_max) {
    std::string all;
    LogOffset at = log_->start();
    while (at < log_->end()) {
      auto range = log_->Locate(at, kNoLimit, bytes_max, ReadMode::kMayBlock);
      ASSERT_TRUE(range.ok()) << range.status();
      ASSERT_EQ((*range)->first, at);
      ASSERT_GT((*range)->bytes, 0u);
      all += BytesOf(**range);
      at = (*range)->next;
    }
    std::string expected;
    for (const LogBatch& batch : written_) {
      if (NextOf(batch) > log_->start()) expected += AsText(batch.batch.view());
    }
    ASSERT_EQ(all, expected);
  }

  MemoryFileSystem disk_;
  OpenFiles files_{disk_, 8};
  IndexCache indexes_{2};
  LogOptions options_{.segment_bytes_max = 2000, .index_interval_bytes = 400};
  RecoveryReport report_;
  std::unique_ptr<BucketLog> log_;
  std::vector<LogBatch> written_;
};

TEST_F(BucketLogTest, AnEmptyLogTouchesNothing) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(log_->start(), LogOffset(0));
  EXPECT_EQ(log_->end(), LogOffset(0));
  EXPECT_EQ(log_->max_timestamp_ms(), -1);
  EXPECT_EQ(disk_.operations(), 0u);
  EXPECT_EQ((*log_->Locate(LogOffset(0), kNoLimit, 1, ReadMode::kNoWait))->bytes, 0u);
  EXPECT_EQ(CodeOf(log_->Locate(LogOffset(1), kNoLimit, 1, ReadMode::kNoWait).status()),
            ErrorCode::kLogOffsetOutOfRange);
  EXPECT_EQ(log_->Sync()->end, LogOffset(0));
}

TEST_F(BucketLogTest, EveryOffsetLeadsToItsBatch) {
  ASSERT_TRUE(Open().ok());
  AppendMany(20, {.records = 3});
  AppendMany(5, {.records = 0});
  AppendMany(1, {.records = 9, .body_bytes = 5000});
  AppendMany(20, {.records = 2, .body_bytes = 330});
  EXPECT_GT(log_->bytes(), 4 * options_.segment_bytes_max);
  CheckAll();
  EXPECT_LE(indexes_.size(), 2u);
  EXPECT_LE(files_.size(), 8u);
}

TEST_F(BucketLogTest, ABatchThatDoesNotFitTheEndIsRefused) {
  ASSERT_TRUE(Open().ok());
  AppendMany(1, {.records = 3});
  LogBatch gap = MakeBatch(LogOffset(4), {});
  EXPECT_EQ(CodeOf(log_->Append({&gap, 1})), ErrorCode::kLogStorage);
  LogBatch cut{.batch = MakeBatch(LogOffset(3), {}).batch.Slice(0, 60)};
  EXPECT_FALSE(log_->Append({&cut, 1}).ok());
  AppendMany(1);
  CheckAll();
}

TEST_F(BucketLogTest, RestartsWithoutAPointByScanning) {
  ASSERT_TRUE(Open().ok());
  AppendMany(40, {.records = 2});
  const int64_t max_timestamp = log_->max_timestamp_ms();
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(log_->end(), LogOffset(80));
  EXPECT_EQ(log_->max_timestamp_ms(), max_timestamp);
  EXPECT_EQ(report_.batches_scanned, 40u);
  EXPECT_TRUE(report_.findings.empty());
  CheckAll();
  AppendMany(10);
  CheckAll();
}

TEST_F(BucketLogTest, AnIdleBucketOpensNoFile) {
  ASSERT_TRUE(Open().ok());
  AppendMany(40, {.records = 2});
  const RecoveryPoint point = *log_->Sync();
  OpenFiles untouched(disk_);
  auto again = *BucketLog::Open(disk_, untouched, indexes_, kDir, options_, &point, &report_);
  EXPECT_EQ(untouched.size(), 0u);
  EXPECT_EQ(report_.batches_scanned, 0u);
  EXPECT_EQ(again->end(), LogOffset(80));
  EXPECT_EQ(again->bytes(), log_->bytes());
  ASSERT_TRUE(Open(&point).ok());
  AppendMany(10);  // before anybody reads what was there
  CheckAll();
}

TEST_F(BucketLogTest, ARangeEndsAtTheLimitAndTheBytesAskedFor) {
  options_.segment_bytes_max = 1 << 20;
  ASSERT_TRUE(Open().ok());
  AppendMany(50, {.records = 2, .body_bytes = 52});  // 100 bytes each
  for (int64_t limit = 0; limit <= 100; ++limit) {
    for (uint64_t bytes_max : {1, 100, 199, 200, 1234, 5000, 9999}) {
      const auto range = **log_->Locate(LogOffset(21), LogOffset(limit), bytes_max, ReadMode::kMayBlock);
      const int64_t batches_below_limit = limit / 2 - 10;
      const int64_t batches_asked = std::max<int64_t>(1, static_cast<int64_t>(bytes_max) / 100);
      const int64_t expected = std::max<int64_t>(0, std::min(batches_below_limit, batches_asked));
      ASSERT_EQ(range.bytes, static_cast<uint64_t>(100 * expected)) << limit << ", " << bytes_max;
      if (expected == 0) continue;
      ASSERT_EQ(range.first, LogOffset(20));
      ASSERT_EQ(range.position, 1000u);
      ASSERT_EQ(range.next, LogOffset(20 + 2 * expected));
    }
  }
}

TEST_F(BucketLogTest, NoWaitGivesUpWhereItWouldWait) {
  options_.segment_bytes_max = 1 << 20;
  ASSERT_TRUE(Open().ok());
  AppendMany(50);
  ASSERT_TRUE(log_->Sync().ok());
  EXPECT_TRUE(log_->Locate(LogOffset(7), LogOffset(9), 1000, ReadMode::kNoWait)->has_value());
  disk_.SetCold(true);
  EXPECT_FALSE(log_->Locate(LogOffset(7), LogOffset(9), 1000, ReadMode::kNoWait)->has_value());
  EXPECT_TRUE(log_->Locate(LogOffset(7), LogOffset(9), 1000, ReadMode::kMayBlock)->has_value());
  disk_.SetCold(false);
  ASSERT_TRUE(Open(&log_->last_point()).ok());  // no file is open, no index loaded
  files_.Forget(std::string(kDir) + "/00000000000000000000.log");
  EXPECT_FALSE(log_->Locate(LogOffset(7), LogOffset(9), 1000, ReadMode::kNoWait)->has_value());
  EXPECT_TRUE(log_->Locate(LogOffset(7), LogOffset(9), 1000, ReadMode::kMayBlock)->has_value());
  EXPECT_TRUE(log_->Locate(LogOffset(7), LogOffset(9), 1000, ReadMode::kNoWait)->has_value());
}

TEST_F(BucketLogTest, AScanGoesOnWithoutReadingHeaders) {
  options_.segment_bytes_max = 1 << 20;
  ASSERT_TRUE(Open().ok());
  AppendMany(50);
  const auto first = **log_->Locate(LogOffset(0), kNoLimit, 3000, ReadMode::kMayBlock);
  disk_.SetCold(true);  // whatever would read must give up
  const auto rest = *log_->Locate(first.next, kNoLimit, 1 << 20, ReadMode::kNoWait);
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->next, log_->end());
}

TEST_F(BucketLogTest, TheFirstBatchAtOrAfterATime) {
  ASSERT_TRUE(Open().ok());
  for (int64_t i = 0; i < 60; ++i) ASSERT_TRUE(Append({.records = 2, .timestamp_ms = 1000 + i / 3}).ok());
  for (int64_t at = 990; at < 1030; ++at) {
    const auto found = *log_->OffsetForTimestamp(at, kNoLimit);
    if (at > 1019) {
      EXPECT_FALSE(found.has_value()) << at;
    } else {
      EXPECT_EQ(found->value, 6 * std::max<int64_t>(0, at - 1000)) << at;
    }
  }
  EXPECT_FALSE(log_->OffsetForTimestamp(1019, LogOffset(100))->has_value());
  EXPECT_EQ(log_->max_timestamp_ms(), 1019);
}

TEST_F(BucketLogTest, DroppedSegmentsStayReadableForWhoHoldsThem) {
  ASSERT_TRUE(Open().ok());
  AppendMany(40);
  ASSERT_TRUE(log_->DropBefore(LogOffset(30)).ok());
  EXPECT_EQ(log_->start(), LogOffset(0)) << "nothing is synced yet";
  ASSERT_TRUE(log_->Sync().ok());
  const auto held = **log_->Locate(LogOffset(2), kNoLimit, 1, ReadMode::kMayBlock);
  const uint64_t bytes = log_->bytes();
  ASSERT_TRUE(log_->DropBefore(LogOffset(30)).ok());
  EXPECT_GT(log_->start(), LogOffset(2));
  EXPECT_LE(log_->start(), LogOffset(30));
  EXPECT_LT(log_->bytes(), bytes);
  EXPECT_EQ(BytesOf(held), AsText(written_[2].batch.view()));
  EXPECT_EQ(CodeOf(log_->Locate(LogOffset(2), kNoLimit, 1, ReadMode::kMayBlock).status()),
            ErrorCode::kLogOffsetOutOfRange);
  CheckAll();
  ASSERT_TRUE(log_->DropBefore(kNoLimit).ok());
  EXPECT_LT(log_->start(), log_->end()) << "the last segment stays";
  CheckAll();
  const RecoveryPoint point = *log_->Sync();
  EXPECT_EQ(point.start, log_->start());
  ASSERT_TRUE(Open(&point).ok());
  CheckAll();
}

TEST_F(BucketLogTest, RemoveTakesTheFolder) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(log_->Remove().ok()) << "where there is none yet";
  ASSERT_TRUE(Open().ok());
  AppendMany(40);
  ASSERT_TRUE(log_->Remove().ok());
  EXPECT_FALSE(*disk_.Exists(kDir));
  EXPECT_FALSE(Append().ok());
}

TEST_F(BucketLogTest, NothingIsAppendedBetweenAFailureAndRewind) {
  ASSERT_TRUE(Open().ok());
  AppendMany(5);
  ASSERT_TRUE(log_->Sync().ok());
  AppendMany(2);
  disk_.FailNext(testing::Operation::kWrite, ".log", testing::Fault::kShortWrite);
  EXPECT_EQ(CodeOf(Append()), ErrorCode::kDiskWriteLocked);
  EXPECT_EQ(CodeOf(Append()), ErrorCode::kLogStorage);
  EXPECT_EQ(CodeOf(log_->Sync().status()), ErrorCode::kLogStorage);
  EXPECT_TRUE(log_->Locate(LogOffset(3), LogOffset(5), 1, ReadMode::kMayBlock).ok());
  ASSERT_TRUE(log_->Rewind(log_->last_point()).ok());
  EXPECT_EQ(log_->end(), LogOffset(5));
  EXPECT_EQ(log_->max_timestamp_ms(), 1040);
  EXPECT_EQ((*log_->Locate(LogOffset(5), kNoLimit, 1, ReadMode::kMayBlock))->bytes, 0u);
  EXPECT_EQ(CodeOf(log_->Locate(LogOffset(6), kNoLimit, 1, ReadMode::kMayBlock).status()), ErrorCode::kLogStorage);
  EXPECT_EQ(CodeOf(log_->Locate(LogOffset(8), kNoLimit, 1, ReadMode::kMayBlock).status()),
            ErrorCode::kLogOffsetOutOfRange);
  AppendMany(7);
  CheckAll();
  ASSERT_TRUE(log_->Sync().ok());
  ASSERT_TRUE(Open(&log_->last_point()).ok());
  CheckAll();
  ASSERT_TRUE(Open().ok());
  CheckAll();
}

TEST_F(BucketLogTest, WriteBackTakesWhatIsUnsyncedPieceByPiece) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(log_->WriteBack(100).ValueOrDie(), 0u);
  AppendMany(5);
  const uint64_t bytes = log_->bytes();
  ASSERT_GT(bytes, 200u);
  EXPECT_EQ(log_->WriteBack(100).ValueOrDie(), bytes - 100);
  EXPECT_EQ(log_->WriteBack(bytes).ValueOrDie(), 0u);
  ASSERT_TRUE(log_->Sync().ok());
  AppendMany(1);
  const uint64_t more = log_->bytes() - bytes;
  EXPECT_EQ(log_->WriteBack(1).ValueOrDie(), more - 1) << "what is synced does not count";
  ASSERT_TRUE(Open().ok());
  AppendMany(1);
  EXPECT_EQ(log_->WriteBack(1).ValueOrDie(), log_->bytes() - bytes - more - 1) << "nor what a start has found";
}

TEST_F(BucketLogTest, AfterAFailedWriteBackASyncWouldProveNothing) {
  ASSERT_TRUE(Open().ok());
  AppendMany(5);
  ASSERT_TRUE(log_->Sync().ok());
  AppendMany(5);
  disk_.FailNext(testing::Operation::kWriteBack, ".log", testing::Fault::kLoseUnsynced);
  ASSERT_FALSE(log_->WriteBack(1000).ok());
  EXPECT_EQ(CodeOf(log_->Sync().status()), ErrorCode::kLogStorage);
  ASSERT_TRUE(log_->Rewind(log_->last_point()).ok());
  EXPECT_EQ(log_->end(), log_->last_point().end);
}

TEST_F(BucketLogTest, ARewindThatFailsMayBeTriedAgain) {
  ASSERT_TRUE(Open().ok());
  AppendMany(5);
  ASSERT_TRUE(log_->Sync().ok());
  AppendMany(30);
  disk_.FailNext(testing::Operation::kSync, ".log", testing::Fault::kLoseUnsynced);
  ASSERT_FALSE(log_->Sync().ok());
  for (auto operation : {testing::Operation::kRename, testing::Operation::kSyncDirectory, testing::Operation::kCreate,
                         testing::Operation::kSync}) {
    disk_.FailNext(operation, "", testing::Fault::kIoError);
    EXPECT_FALSE(log_->Rewind(log_->last_point()).ok());
  }
  ASSERT_TRUE(log_->Rewind(log_->last_point()).ok());
  AppendMany(30);
  CheckAll();
  ASSERT_TRUE(log_->Sync().ok());
  auto after = disk_.PowerCut(testing::PowerLoss::kDropUnsynced);
  OpenFiles files(*after);
  auto again = BucketLog::Open(*after, files, indexes_, kDir, options_, &log_->last_point(), nullptr);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->end(), log_->end());
}

}  // namespace
}  // namespace thalweg::log
