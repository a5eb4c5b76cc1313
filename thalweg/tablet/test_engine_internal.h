#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/format/log_batch.h"
#include "thalweg/tablet/engine.h"
#include "thalweg/testing/memory_file_system.h"
#include "thalweg/testing/sim_clock.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::tablet {

inline TableBucket TestBucket(int32_t bucket, int64_t table = 1) {
  return {TableId(table), kNoPartition, BucketId(bucket)};
}

/// A batch as a test thinks of it: `name` is its body, so that it is known again wherever it turns up.
struct TestBatch {
  std::string name;
  int32_t records = 1;
  size_t bytes = 100;  ///< of the body
  WriterId writer = kNoWriter;
  int32_t sequence = -1;
};

inline std::string BodyOf(const TestBatch& batch) {
  std::string body = batch.name + ";";
  body.resize(std::max(body.size(), batch.bytes), '.');
  return body;
}

inline AppendRequest MakeRequest(const std::vector<TestBatch>& batches) {
  size_t bytes = 0;
  for (const auto& batch : batches) bytes += format::kHeaderBytesV0 + BodyOf(batch).size();
  auto owner = std::make_shared<Buffer>(bytes);
  size_t at = 0;
  for (const auto& batch : batches) {
    const std::string body = BodyOf(batch);
    const auto view = owner->view().subspan(at, format::kHeaderBytesV0 + body.size());
    std::ranges::copy(body, view.begin() + format::kHeaderBytesV0);
    format::WriteHeaderV0({.schema_id = SchemaId(1),
                           .attributes = format::kAppendOnlyAttribute,
                           .writer_id = batch.writer,
                           .batch_sequence = batch.sequence,
                           .record_count = batch.records},
                          view);
    format::StoreCrc(view);
    at += view.size();
  }
  const auto view = owner->view();
  auto request = AppendRequest::Make(std::move(owner), view, 64 << 20);
  EXPECT_TRUE(request.ok()) << request.status();
  return std::move(request).ValueOrDie();
}

/// A batch as a reader gets it.
struct SeenBatch {
  int64_t base = 0;
  int32_t records = 0;
  std::string name;
  bool operator==(const SeenBatch&) const = default;
};

inline void PrintTo(const SeenBatch& seen, std::ostream* out) {
  *out << fmt::format("{}@{}+{}", seen.name, seen.base, seen.records);
}

/// The answer to one append, once there is one.
struct Answer {
  std::optional<arrow::Result<Engine::Appended>> result;
  bool done() const { return result.has_value(); }
  bool ok() const { return result && result->ok(); }
  int64_t base() const { return (*result)->base.value; }
  ErrorCode code() const { return result ? CodeOf(result->status()) : ErrorCode::kNone; }
};

/// One engine in `data` of a disk in memory, under a simulated scheduler.
class SimEngine {
 public:
  explicit SimEngine(testing::MemoryFileSystem& disk, uint64_t seed = 1, size_t shard_count = 2)
      : disk(disk),
        scheduler(seed),
        clock(scheduler),
        journal_thread(scheduler.MakeThread("journal")),
        pool(scheduler.MakePool("pool")) {
    for (size_t i = 0; i < shard_count; ++i) shards.push_back(&scheduler.MakeThread(fmt::format("shard-{}", i)));
    options.directory = "data";
    options.journal.ring = {.bytes_max = 512 << 10, .file_bytes = 64 << 10, .first_file_bytes = 32 << 10};
    options.journal.group_bytes_max = 32 << 10;
    options.journal.direct_bytes_min = 16 << 10;
    options.direct_backlog_max = 64 << 10;
    options.log.segment_bytes_max = 64 << 10;
    options.log.index_interval_bytes = 512;
    options.flusher.write_back_bytes = 1000;
    options.report = [this](const std::string& text) { reports.push_back(text); };
  }
  ~SimEngine() { Stop(); }

  arrow::Status Open() {
    auto opened =
        Engine::Open({.fs = disk, .clock = clock, .shards = shards, .journal_thread = journal_thread, .pool = pool},
                     options, [this](const TableBucket& bucket) { return !gone(bucket); });
    if (opened.ok()) engine = std::move(opened).ValueUnsafe();
    return opened.status();
  }

  /// Starts an append; the answer fills in as the simulation runs.
  std::shared_ptr<Answer> StartAppend(const TableBucket& bucket, const std::vector<TestBatch>& batches,
                                      bool durable = true, int64_t timeout_ms = 30'000) {
    auto answer = std::make_shared<Answer>();
    const auto run = [](SimEngine& sim, TableBucket id, AppendRequest request, bool wait, int64_t timeout,
                        std::shared_ptr<Answer> into) -> runtime::Task<void> {
      runtime::Executor& shard = sim.engine->ShardOf(id);
      into->result.emplace(co_await sim.engine->Append(id, std::move(request), wait, timeout, shard));
    };
    runtime::Spawn(run(*this, bucket, MakeRequest(batches), durable, timeout_ms, answer));
    return answer;
  }
  std::shared_ptr<Answer> Append(const TableBucket& bucket, const std::vector<TestBatch>& batches) {
    auto answer = StartAppend(bucket, batches);
    scheduler.RunUntil([&] { return answer->done(); }, std::chrono::minutes(2));
    return answer;
  }

  ReadResult Read(ReadRequest request) {
    const auto run = [](SimEngine& sim, ReadRequest wanted) -> runtime::Task<ReadResult> {
      runtime::Executor& shard = sim.engine->ShardOf(wanted.bucket);
      co_return co_await sim.engine->Read(std::move(wanted), shard);
    };
    return scheduler.Await(run(*this, std::move(request)));
  }

  static std::vector<SeenBatch> Parse(const ReadResult& result) {
    std::string bytes;
    if (const auto* memory = std::get_if<MemoryRange>(&result.data)) {
      for (const auto& run : memory->runs) bytes += AsText(run.batches.view());
    } else if (const auto* range = std::get_if<log::LogRange>(&result.data)) {
      bytes.resize(range->bytes);
      const auto got = range->file->ReadAt(range->position, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
      EXPECT_TRUE(got.ok() && *got == bytes.size());
    }
    EXPECT_EQ(bytes.size(), result.bytes);
    std::vector<SeenBatch> seen;
    for (format::BatchIterator it(AsBytes(bytes)); !it.AtEnd();) {
      const auto batch = it.Next();
      EXPECT_TRUE(batch.ok() && format::VerifyCrc(*batch).ok());
      if (!batch.ok()) break;
      const std::string body(AsText(batch->body()));
      seen.push_back({batch->header.base_offset.value, batch->header.record_count, body.substr(0, body.find(';'))});
    }
    return seen;
  }

  /// All batches of a bucket from its start to its high watermark, in pieces of `bytes_max`. Checks that offsets are
  /// dense.
  std::vector<SeenBatch> ReadAll(const TableBucket& bucket, uint64_t bytes_max = 3000) {
    std::vector<SeenBatch> all;
    LogOffset from = kEarliest;
    std::optional<LogOffset> next;
    while (true) {
      const ReadResult result = Read({.bucket = bucket, .from = from, .bytes_max = bytes_max, .at_least_one = true});
      EXPECT_TRUE(result.status.ok()) << result.status;
      if (!result.status.ok() || result.bytes == 0) break;
      for (const auto& seen : Parse(result)) {
        if (!next) next = result.start;
        EXPECT_EQ(seen.base, next->value) << bucket.bucket.value;
        next = LogOffset(seen.base + std::max(seen.records, 1));
        all.push_back(seen);
      }
      EXPECT_EQ(*next, result.next);
      EXPECT_LE(result.next, result.high_watermark);
      from = result.next;
    }
    return all;
  }

  std::optional<Engine::Bounds> BoundsOf(const TableBucket& bucket) {
    const auto run = [](SimEngine& sim, TableBucket id) -> runtime::Task<arrow::Result<Engine::Bounds>> {
      runtime::Executor& shard = sim.engine->ShardOf(id);
      co_return co_await sim.engine->BoundsOf(id, shard);
    };
    auto bounds = scheduler.Await(run(*this, bucket));
    return bounds.ok() ? std::optional(*bounds) : std::nullopt;
  }

  arrow::Status Drop(std::vector<TableBucket> buckets) {
    const auto run = [](SimEngine& sim, std::vector<TableBucket> ids) -> runtime::Task<arrow::Status> {
      co_return co_await sim.engine->Drop(std::move(ids), *sim.shards[0]);
    };
    return scheduler.Await(run(*this, std::move(buckets)));
  }

  arrow::Status DropExpired(const TableBucket& bucket, int64_t cutoff_ms) {
    const auto run = [](SimEngine& sim, TableBucket id, int64_t cutoff) -> runtime::Task<arrow::Status> {
      co_return co_await sim.engine->DropExpired(id, cutoff, *sim.shards[0]);
    };
    return scheduler.Await(run(*this, bucket, cutoff_ms));
  }

  void RunFor(int64_t ms) { scheduler.RunFor(std::chrono::milliseconds(ms)); }

  /// A clean stop with all the time it needs (or none), then the engine is gone.
  void Stop(int64_t budget_ms = 10'000) {
    if (!engine) return;
    engine->BeginStop();
    RunFor(5'000);
    engine->Stop(budget_ms);
    scheduler.RunReady();
    engine.reset();
  }

  testing::MemoryFileSystem& disk;
  testing::SimScheduler scheduler;
  testing::SimClock clock;
  testing::SimExecutor& journal_thread;
  testing::SimExecutor& pool;
  std::vector<runtime::Executor*> shards;
  EngineOptions options;
  std::function<bool(const TableBucket&)> gone = [](const TableBucket&) { return false; };
  std::vector<std::string> reports;
  std::unique_ptr<Engine> engine;
};

}  // namespace thalweg::tablet
