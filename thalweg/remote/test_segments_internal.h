#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/io/directory_store.h"
#include "thalweg/log/bucket_log.h"
#include "thalweg/remote/remote_log.h"
#include "thalweg/testing/memory_file_system.h"

namespace thalweg::remote {

/// Numbers that come again.
class CountingRandom final : public runtime::Random {
 public:
  uint64_t Next() override { return next_ += 0x9E3779B97F4A7C15ull; }

 private:
  uint64_t next_ = 0;
};

/// A batch of `records` records at `base`, `body_bytes` of body, every third with statistics.
inline log::LogBatch MakeBatch(int64_t base, int32_t records, size_t body_bytes, int64_t timestamp_ms) {
  auto bytes = std::make_shared<Buffer>(format::kHeaderBytesV0 + body_bytes);
  for (size_t i = 0; i < body_bytes; ++i) {
    bytes->data()[format::kHeaderBytesV0 + i] = static_cast<uint8_t>(base * 31 + static_cast<int64_t>(i));
  }
  format::WriteHeaderV0({.base_offset = LogOffset(base),
                         .commit_timestamp_ms = timestamp_ms,
                         .schema_id = SchemaId(1),
                         .attributes = format::kAppendOnlyAttribute,
                         .record_count = records},
                        bytes->view());
  format::StoreCrc(bytes->view());
  log::LogBatch batch{.batch = Bytes(std::shared_ptr<const Buffer>(std::move(bytes))), .statistics = {}};
  if (base % 3 == 0) batch.statistics = Bytes::Copy(AsBytes(fmt::format("statistics of {}", base)));
  return batch;
}

/// A log on a disk in memory and, on the same disk, a store.
class LogAndStore {
 public:
  LogAndStore() {
    disk.CreateDurableDirectories(".");
    store = io::DirectoryStore::Open(disk, "remote", "").ValueOrDie();
    log::LogOptions options;
    options.segment_bytes_max = 20'000;
    options.index_interval_bytes = 1'000;
    log = log::BucketLog::Open(disk, files, indexes, "bucket", options, nullptr, nullptr).ValueOrDie();
    remote = RemoteLog::Open(disk, *store, "bucket/remote.manifest").ValueOrDie();
  }

  /// Batches of two records, ten milliseconds apart, of about 300 bytes.
  void Append(int count) {
    for (int i = 0; i < count; ++i, next += 2) {
      batches.push_back(MakeBatch(next, 2, 200 + static_cast<size_t>(next % 200), 1000 + 5 * next));
      EXPECT_TRUE(log->Append({&batches.back(), 1}).ok());
    }
    EXPECT_TRUE(log->Sync().ok());
  }
  log::ClosedSegment Closed(int64_t from) {
    auto found = log->FindClosed(LogOffset(from), log->last_point().segment);
    EXPECT_TRUE(found.ok() && *found) << found.status();
    return std::move(**found);
  }
  RemoteSegment Upload(int64_t from) {
    EXPECT_TRUE(remote->Establish(kNames, kBucket).ok());
    auto uploaded = remote->Upload(Closed(from), random, [] { return true; });
    EXPECT_TRUE(uploaded.ok()) << uploaded.status();
    return *uploaded;
  }

  static inline const TableNames kNames{.database = "db", .table = "t", .partition = {}};
  static inline const TableBucket kBucket{TableId(1), kNoPartition, BucketId(0)};
  static constexpr const char* kFolder = "log/db/t-1/0";

  testing::MemoryFileSystem disk;
  log::OpenFiles files{disk};
  log::IndexCache indexes;
  CountingRandom random;
  std::unique_ptr<io::DirectoryStore> store;
  std::unique_ptr<log::BucketLog> log;
  std::unique_ptr<RemoteLog> remote;
  std::vector<log::LogBatch> batches;
  int64_t next = 0;
};

}  // namespace thalweg::remote
