#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/journal/journal.h"
#include "thalweg/testing/memory_file_system.h"
#include "thalweg/testing/sim_clock.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::journal {

inline const TableBucket kBucketA{TableId(1), kNoPartition, BucketId(0)};
inline const TableBucket kBucketB{TableId(1), PartitionId(7), BucketId(3)};

/// Bytes that differ from entry to entry. For tests.
inline std::string TestPayload(const TableBucket& bucket, int64_t first, size_t bytes) {
  std::string text = fmt::format("{}/{}:", bucket, first);
  text.resize(bytes, static_cast<char>('a' + first % 26));
  return text;
}

inline Entry TestEntry(const TableBucket& bucket, int64_t first, uint32_t count, size_t bytes,
                       std::string statistics = "") {
  return {.bucket = bucket,
          .first = LogOffset(first),
          .count = count,
          .batches = Bytes::Copy(AsBytes(TestPayload(bucket, first, bytes))),
          .statistics = Bytes::Copy(AsBytes(statistics))};
}

/// What a record or an entry says, so that the two compare.
struct Said {
  TableBucket bucket;
  int64_t first = 0;
  uint32_t count = 0;
  bool direct = false;
  std::string batches;
  std::string statistics;
  uint64_t sequence = 0;

  bool operator==(const Said& other) const {
    return bucket == other.bucket && first == other.first && count == other.count && direct == other.direct &&
           (direct || (batches == other.batches && statistics == other.statistics));
  }
};

inline Said SaidBy(const Entry& entry) {
  return {entry.bucket,
          entry.first.value,
          entry.count,
          entry.direct,
          std::string(AsText(entry.batches.view())),
          std::string(AsText(entry.statistics.view())),
          entry.sequence};
}

inline Said SaidBy(const RecordHeader& header, ByteView payload) {
  const std::string all(AsText(payload));
  const size_t batches = all.size() - header.statistics_bytes;
  return {header.bucket,          header.first.value,  header.count,   header.kind == RecordKind::kDescriptor,
          all.substr(0, batches), all.substr(batches), header.sequence};
}

inline void PrintTo(const Said& said, std::ostream* out) {
  *out << fmt::format("{} [{}, +{}) {} bytes, sequence {}{}", said.bucket, said.first, said.count, said.batches.size(),
                      said.sequence, said.direct ? ", direct" : "");
}

/// Keeps what the journal tells. Direct writes wait in `direct` until the test answers them, or are answered at once
/// with `direct_answer`.
class RecordingSink final : public CommitSink {
 public:
  using Done = std::move_only_function<void(std::vector<Entry>, arrow::Status)>;

  void Committed(std::vector<Entry> group) override {
    group_sizes.push_back(group.size());
    for (const auto& entry : group) committed.push_back(SaidBy(entry));
  }
  void Failed(std::vector<Entry> group, const arrow::Status& status) override {
    for (const auto& entry : group) failed.push_back(SaidBy(entry));
    why = status;
  }
  void WriteDirect(std::vector<Entry> entries, Done done) override {
    for (const auto& entry : entries) asked_direct.push_back(SaidBy(entry));
    if (direct_answer) {
      done(std::move(entries), *direct_answer);
    } else {
      direct.emplace_back(std::move(entries), std::move(done));
    }
  }
  void AnswerDirect(const arrow::Status& status) {
    auto answered = std::exchange(direct, {});
    for (auto& [entries, done] : answered) done(std::move(entries), status);
  }

  std::vector<Said> committed;
  std::vector<size_t> group_sizes;
  std::vector<Said> failed;
  arrow::Status why;
  std::vector<Said> asked_direct;
  std::vector<std::pair<std::vector<Entry>, Done>> direct;
  std::optional<arrow::Status> direct_answer;
};

/// A record as it is to lie in a file.
struct Layout {
  uint64_t epoch = 3;
  uint64_t sequence = 0;
  bool first = true;
  bool last = true;
  size_t payload = 0;
  RecordKind kind = RecordKind::kBatches;
};

inline std::string RecordOf(const Layout& layout) {
  std::vector<uint8_t> bytes(RecordBytes(layout.payload), 'p');
  SealRecord({.length = static_cast<uint32_t>(layout.payload),
              .epoch = layout.epoch,
              .sequence = layout.sequence,
              .bucket = kBucketA,
              .kind = layout.kind,
              .first_of_group = layout.first,
              .last_of_group = layout.last,
              .first = LogOffset(static_cast<int64_t>(layout.sequence)),
              .count = 1,
              .statistics_bytes = layout.payload > 10 ? 10u : 0u},
             bytes.data());
  return std::string(AsText(bytes));
}

/// One journal in `d/journal` of a disk in memory, under a simulated scheduler.
class SimJournal {
 public:
  explicit SimJournal(testing::MemoryFileSystem& disk, uint64_t seed = 1)
      : disk(disk),
        scheduler(seed),
        clock(scheduler),
        thread(scheduler.MakeThread("journal")),
        pool(scheduler.MakePool("pool")) {
    disk.CreateDurableDirectories("d");
    options.ring = {
        .directory = "d/journal", .bytes_max = 128 << 10, .file_bytes = 32 << 10, .first_file_bytes = 16 << 10};
    options.group_bytes_max = 16 << 10;
    options.direct_bytes_min = 8 << 10;
    options.report = [this](std::string text) { reports.push_back(std::move(text)); };
  }
  ~SimJournal() { Close(); }

  arrow::Status Open(uint64_t from_sequence = 0) {
    replayed.clear();
    auto opened = Journal::Open(disk, clock, thread, pool, options, from_sequence, sink,
                                [this](const RecordHeader& header, ByteView payload) {
                                  replayed.push_back(SaidBy(header, payload));
                                  return arrow::Status::OK();
                                });
    if (opened.ok()) journal = std::move(opened).ValueUnsafe();
    return opened.status();
  }

  void Append(const TableBucket& bucket, int64_t first, uint32_t count, size_t bytes, std::string statistics = "") {
    Entry entry = TestEntry(bucket, first, count, bytes, std::move(statistics));
    appended.push_back(SaidBy(entry));
    journal->Append(std::move(entry));
  }

  /// Runs everything but a held group.
  void Run() { scheduler.RunFor(std::chrono::seconds(1)); }

  void Close() {
    if (!journal) return;
    journal->BeginClose();
    Run();
    while (!sink.direct.empty()) {
      sink.AnswerDirect(arrow::Status::OK());
      Run();
    }
    journal->Close();
    journal.reset();
  }

  testing::MemoryFileSystem& disk;
  testing::SimScheduler scheduler;
  testing::SimClock clock;
  testing::SimExecutor& thread;
  testing::SimExecutor& pool;
  JournalOptions options;
  RecordingSink sink;
  std::vector<std::string> reports;
  std::unique_ptr<Journal> journal;
  std::vector<Said> replayed;
  std::vector<Said> appended;
};

}  // namespace thalweg::journal
