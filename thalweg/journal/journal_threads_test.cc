// The journal with real threads: for thread sanitizers, and for what a simulation cannot show.

#include <atomic>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/journal/test_journal_internal.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/runtime/threads.h"

namespace thalweg::journal {
namespace {

/// Checks order; releases what it is told; answers direct writes on the pool.
class ThreadedSink final : public CommitSink {
 public:
  explicit ThreadedSink(runtime::Executor& pool) : pool_(pool) {}

  void Committed(std::vector<Entry> group) override {
    for (const auto& entry : group) {
      int64_t& next = next_[entry.bucket];
      if (entry.first.value != next) ++out_of_order;
      next = entry.first.value + entry.count;
    }
    last_sequence = group.back().sequence;
    committed += group.size();
    if (Journal* j = journal.load(); j && committed % 16 == 0) {
      pool_.Post([j, sequence = last_sequence.load()] { j->Release(sequence); });
    }
  }
  void Failed(std::vector<Entry> group, const arrow::Status&) override { failed += group.size(); }
  void WriteDirect(std::vector<Entry> entries,
                   std::move_only_function<void(std::vector<Entry>, arrow::Status)> done) override {
    pool_.Post([this, entries = std::move(entries), done = std::move(done)]() mutable {
      const bool refuse = ++direct_ % 5 == 0;
      done(std::move(entries), refuse ? Error(ErrorCode::kStorage, "no") : arrow::Status::OK());
    });
  }

  std::atomic<Journal*> journal = nullptr;
  std::atomic<uint64_t> committed = 0;
  std::atomic<uint64_t> failed = 0;
  std::atomic<uint64_t> out_of_order = 0;
  std::atomic<uint64_t> last_sequence = 0;

 private:
  runtime::Executor& pool_;
  std::atomic<uint64_t> direct_ = 0;
  std::unordered_map<TableBucket, int64_t> next_;
};

TEST(JournalThreadsTest, ManyWritersOneOrderPerBucket) {
  constexpr int kWriters = 4;
  constexpr int64_t kEntries = 400;
  testing::MemoryFileSystem disk;
  disk.CreateDurableDirectories("d");
  runtime::ThreadExecutor thread("journal");
  runtime::BlockingPool pool(4);
  ThreadedSink sink(pool);
  JournalOptions options;
  options.ring = {
      .directory = "d/journal", .bytes_max = 1 << 20, .file_bytes = 128 << 10, .first_file_bytes = 32 << 10};
  options.group_bytes_max = 32 << 10;
  options.direct_bytes_min = 16 << 10;
  auto journal =
      Journal::Open(disk, runtime::SystemClock(), thread, pool, options, 0, sink, [](const RecordHeader&, ByteView) {
        return arrow::Status::OK();
      }).ValueOrDie();
  sink.journal = journal.get();
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      const TableBucket bucket{TableId(1), kNoPartition, BucketId(w)};
      for (int64_t i = 0; i < kEntries; ++i) {
        journal->Append(TestEntry(bucket, i, 1, i % 50 == 7 ? 20'000 : 100 + i));
        if (i % 100 == 0) (void)journal->stats();
        (void)journal->pressure();
      }
    });
  }
  for (auto& writer : writers) writer.join();
  journal->Close();
  EXPECT_EQ(sink.committed + sink.failed, kWriters * kEntries);
  EXPECT_EQ(sink.out_of_order, 0u);
  pool.Stop();
  thread.Stop();
}

TEST(JournalThreadsTest, CloseUnderLoadLosesNoAnswer) {
  testing::MemoryFileSystem disk;
  disk.CreateDurableDirectories("d");
  for (int round = 0; round < 20; ++round) {
    runtime::ThreadExecutor thread("journal");
    runtime::BlockingPool pool(2);
    ThreadedSink sink(pool);
    JournalOptions options;
    options.ring = {
        .directory = "d/journal", .bytes_max = 1 << 20, .file_bytes = 64 << 10, .first_file_bytes = 32 << 10};
    options.direct_bytes_min = 8 << 10;
    auto journal = Journal::Open(disk, runtime::SystemClock(), thread, pool, options, 1'000'000 * round, sink,
                                 [](const RecordHeader&, ByteView) { return arrow::Status::OK(); })
                       .ValueOrDie();
    sink.journal = journal.get();
    std::thread writer([&] {
      for (int64_t i = 0; i < 100; ++i) journal->Append(TestEntry(kBucketA, i, 1, i % 10 == 3 ? 9'000 : 200));
    });
    if (round % 2 == 0) writer.join();
    journal->Close();
    if (round % 2 == 1) writer.join();
    EXPECT_EQ(sink.committed + sink.failed, 100u);
    EXPECT_EQ(sink.out_of_order, 0u);
    pool.Stop();
    thread.Stop();
  }
}

}  // namespace
}  // namespace thalweg::journal
