#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/log/bucket_log.h"
#include "thalweg/log/test_batches_internal.h"
#include "thalweg/testing/memory_file_system.h"

// Readers at the same time as the writer; of use under the thread sanitizer above all.

namespace thalweg::log {
namespace {

constexpr LogOffset kNoLimit{INT64_MAX};

/// Reads from the oldest offset to the end again and again; counts what does not fit.
void ReadUntil(BucketLog& log, const std::atomic<bool>& stop, uint64_t bytes_max, std::atomic<int>& wrong) {
  while (!stop.load()) {
    LogOffset at = log.start();
    while (at < log.end() && !stop.load()) {
      auto range = log.Locate(at, kNoLimit, bytes_max, ReadMode::kNoWait);
      if (range.ok() && !*range) range = log.Locate(at, kNoLimit, bytes_max, ReadMode::kMayBlock);
      if (!range.ok()) {
        if (CodeOf(range.status()) != ErrorCode::kLogOffsetOutOfRange || at >= log.start()) ++wrong;
        break;
      }
      std::vector<uint8_t> bytes((*range)->bytes);
      if (!(*range)->file->ReadAt((*range)->position, bytes).ok()) ++wrong;
      LogOffset next = (*range)->first;
      for (format::BatchIterator it(bytes); !it.AtEnd();) {
        auto batch = it.Next();
        if (!batch.ok() || batch->header.base_offset != next || !format::VerifyCrc(*batch).ok()) {
          ++wrong;
          break;
        }
        next = batch->header.next_offset();
      }
      if (next != (*range)->next || (*range)->first > at) ++wrong;
      if (next == at) break;
      at = next;
    }
    const auto by_time = log.OffsetForTimestamp(log.max_timestamp_ms() - 100, kNoLimit);
    if (!by_time.ok() && CodeOf(by_time.status()) != ErrorCode::kLogOffsetOutOfRange) ++wrong;
    if (!log.StatisticsOf(log.end() + -4).ok()) ++wrong;
  }
}

TEST(LogThreadsTest, ReadersSeeWholeBatchesWhileTheWriterRolls) {
  testing::MemoryFileSystem disk;
  OpenFiles files(disk, 3);
  IndexCache indexes(2);
  const LogOptions options{.segment_bytes_max = 5000, .index_interval_bytes = 300};
  auto log = *BucketLog::Open(disk, files, indexes, "log/0", options, nullptr, nullptr);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (uint64_t bytes_max : {1ull, 700ull, 1ull << 30}) {
    readers.emplace_back([&, bytes_max] { ReadUntil(*log, stop, bytes_max, wrong); });
  }
  for (int i = 0; i < 400; ++i) {
    std::vector<LogBatch> batches;
    LogOffset next = log->end();
    for (int j = 0; j < 3; ++j) {
      batches.push_back(MakeBatch(next, {.records = 1 + j, .timestamp_ms = 1000 + i, .statistics = j == 1}));
      next = NextOf(batches.back());
    }
    ASSERT_TRUE(log->Append(batches).ok());
    if (i % 5 == 0) ASSERT_TRUE(log->Sync().ok());
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(log->end(), LogOffset(2400));
}

}  // namespace
}  // namespace thalweg::log
