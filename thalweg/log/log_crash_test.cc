#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/log/bucket_log.h"
#include "thalweg/log/test_batches_internal.h"
#include "thalweg/testing/crash_points.h"
#include "thalweg/testing/memory_file_system.h"

// Scripts of appends, syncs, rolls, drops and rewinds, cut off at every operation; what is found afterwards must be what
// was promised.

namespace thalweg::log {
namespace {

using testing::CrashState;
using testing::Fault;
using testing::ForEachCrashState;
using testing::MemoryFileSystem;
using testing::Operation;
using testing::PowerLoss;

constexpr const char* kDir = "log/7/0";
constexpr LogOffset kNoLimit{INT64_MAX};

/// What the log was told, beside the log. `generation` makes batches at the same offset differ.
struct Model {
  std::vector<LogBatch> batches;
  std::vector<BatchRecipe> recipes;
  std::optional<RecoveryPoint> acknowledged;
  LogOffset dropped;  ///< DropBefore may have gone so far
  int generation = 0;

  LogOffset end() const { return batches.empty() ? LogOffset(0) : NextOf(batches.back()); }
  LogBatch Next() {
    const int64_t base = end().value;
    const auto index = static_cast<int64_t>(batches.size());
    BatchRecipe recipe{.records = static_cast<int32_t>(index % 4),
                       .body_bytes = static_cast<size_t>(40 + 97 * (index % 5) + 13 * generation),
                       .writer = WriterId(index % 3),
                       .sequence = static_cast<int32_t>(index / 3),
                       .timestamp_ms = 1000 + base,
                       .statistics = (index + generation) % 2 == 0};
    recipes.push_back(recipe);
    batches.push_back(MakeBatch(LogOffset(base), recipe));
    return batches.back();
  }
  void CutTo(LogOffset offset) {
    while (end() > offset) {
      batches.pop_back();
      recipes.pop_back();
    }
  }
};

/// A log and its model on one disk. Every step returns false once the disk fails.
class Session {
 public:
  Session(MemoryFileSystem& disk, Model& model) : model_(model), files_(disk, 4), disk_(disk) {}

  bool Open() {
    auto log = BucketLog::Open(disk_, files_, indexes_, kDir, Options(),
                               model_.acknowledged ? &*model_.acknowledged : nullptr, &report);
    error = log.status();
    if (!log.ok()) return false;
    log_ = std::move(*log);
    return true;
  }
  bool Append(int count) {
    std::vector<LogBatch> batches;
    for (int i = 0; i < count; ++i) batches.push_back(model_.Next());
    return log_->Append(batches).ok();
  }
  bool Sync() {
    auto point = log_->Sync();
    if (!point.ok()) return false;
    model_.acknowledged = *point;
    return true;
  }
  bool DropBefore(LogOffset offset) {
    model_.dropped = std::max(model_.dropped, offset);
    return log_->DropBefore(offset).ok();
  }
  bool Rewind() {
    const RecoveryPoint point = log_->last_point();
    if (!log_->Rewind(point).ok()) return false;
    model_.CutTo(point.end);
    ++model_.generation;
    return true;
  }

  static LogOptions Options() { return {.segment_bytes_max = 900, .index_interval_bytes = 200}; }
  BucketLog& log() { return *log_; }
  MemoryFileSystem& disk() { return disk_; }

  RecoveryReport report;
  arrow::Status error;

 private:
  Model& model_;
  OpenFiles files_;
  IndexCache indexes_{2};
  MemoryFileSystem& disk_;
  std::unique_ptr<BucketLog> log_;
};

/// A prefix of the model with at least what was acknowledged, each batch found under each of its offsets.
void CheckContent(Session& run, const Model& model) {
  BucketLog& log = run.log();
  if (model.acknowledged) {
    ASSERT_GE(log.end().value, model.acknowledged->end.value);
    ASSERT_LE(log.start(), std::max(model.acknowledged->start, model.dropped));
  } else {
    ASSERT_EQ(log.start(), LogOffset(0));
  }
  ASSERT_LE(log.end().value, model.end().value);
  WriterState writers;
  std::string found;
  std::string expected;
  for (size_t i = 0; i < model.batches.size(); ++i) {
    const LogBatch& batch = model.batches[i];
    const auto header = format::ParseHeader(batch.batch.view()).ValueOrDie();
    if (header.base_offset >= log.end()) break;
    ASSERT_LE(header.next_offset(), log.end()) << "half a batch";
    writers.Append(header.writer_id, header.batch_sequence, header.base_offset, header.last_offset(),
                   header.commit_timestamp_ms);
    if (header.base_offset < log.start()) continue;
    for (LogOffset at : {header.base_offset, header.last_offset()}) {
      auto range = log.Locate(at, kNoLimit, 1, ReadMode::kMayBlock);
      ASSERT_TRUE(range.ok()) << range.status();
      ASSERT_EQ((*range)->first, header.base_offset);
      ASSERT_EQ((*range)->next, header.next_offset());
      std::string bytes((*range)->bytes, '\0');
      ASSERT_TRUE(
          (*range)->file->ReadAt((*range)->position, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}).ok());
      ASSERT_TRUE(bytes == AsText(batch.batch.view())) << "at offset " << at.value;
    }
    auto statistics = log.StatisticsOf(header.base_offset);
    ASSERT_TRUE(statistics.ok()) << statistics.status();
    const bool may_be_lost = !model.acknowledged || header.base_offset >= model.acknowledged->end;
    if (!(may_be_lost && statistics->empty())) {
      ASSERT_EQ(AsText(statistics->view()), AsText(batch.statistics.view()))
          << "at offset " << header.base_offset.value;
    }
    auto by_time = log.OffsetForTimestamp(header.commit_timestamp_ms, kNoLimit);
    ASSERT_TRUE(by_time.ok()) << by_time.status();
    ASSERT_EQ(**by_time, header.base_offset);
  }
  for (int64_t writer = 0; writer < 3; ++writer) {
    for (int32_t sequence = 0; sequence < 12; ++sequence) {
      auto want = writers.Check(WriterId(writer), sequence);
      auto got = log.writers().Check(WriterId(writer), sequence);
      ASSERT_EQ(got.ok(), want.ok()) << "writer " << writer << ", sequence " << sequence;
      if (want.ok()) ASSERT_EQ(got->base_offset, want->base_offset);
    }
  }
}

/// Opens what a crash left and checks it; then goes on with other batches, loses power again, and checks once more.
void CheckState(MemoryFileSystem& disk, const CrashState& state, Model model) {
  Session run(disk, model);
  ASSERT_TRUE(run.Open()) << run.error;
  CheckContent(run, model);
  if (::testing::Test::HasFatalFailure()) return;
  model.CutTo(run.log().end());
  for (LogBatch& batch : model.batches) {  // statistics that an unacknowledged batch lost do not come back
    const LogOffset base = format::ParseHeader(batch.batch.view()).ValueOrDie().base_offset;
    if (base >= run.log().start() && run.log().StatisticsOf(base)->empty()) batch.statistics = {};
  }
  model.generation += 10;
  if (state.seed % 2 == 0) {  // what was found counts as durable once it was synced, appended to or not
    ASSERT_TRUE(run.Sync());
    auto synced_disk = disk.PowerCut(PowerLoss::kDropUnsynced);
    Session synced(*synced_disk, model);
    ASSERT_TRUE(synced.Open()) << synced.error;
    CheckContent(synced, model);
    if (::testing::Test::HasFatalFailure()) return;
  }
  ASSERT_TRUE(run.Append(2));
  constexpr std::array kLosses = {PowerLoss::kTorn, PowerLoss::kDropUnsynced, PowerLoss::kKeepAll};
  auto unsynced_disk = disk.PowerCut(kLosses[state.after % kLosses.size()], state.seed);
  Session unsynced(*unsynced_disk, model);
  ASSERT_TRUE(unsynced.Open()) << unsynced.error;
  CheckContent(unsynced, model);
  if (::testing::Test::HasFatalFailure()) return;
  ASSERT_TRUE(run.Sync() && run.Append(1));
  auto later_disk = disk.PowerCut(PowerLoss::kDropUnsynced);
  Session later(*later_disk, model);
  ASSERT_TRUE(later.Open()) << later.error;
  CheckContent(later, model);
}

uint64_t CheckScript(const std::function<void(Session&)>& script) {
  Model model;
  uint64_t failures = 0;
  return ForEachCrashState(
      {.seeds = 2},
      [&](MemoryFileSystem& disk) {
        model = {};
        disk.CreateDurableDirectories("log");
        Session run(disk, model);
        if (run.Open()) script(run);
      },
      [&](MemoryFileSystem& disk, const CrashState& state) {
        if (failures > 0) return;  // one is enough to read
        SCOPED_TRACE(state.ToString());
        CheckState(disk, state, model);
        if (::testing::Test::HasFatalFailure()) ++failures;
      });
}

TEST(LogCrashTest, AppendAndSync) {
  const uint64_t states = CheckScript([](Session& run) {
    run.Append(1) && run.Sync() && run.Append(2) && run.Append(1) && run.Sync() && run.Append(1);
  });
  EXPECT_GT(states, 60u);
}

TEST(LogCrashTest, SegmentsThatRoll) {
  CheckScript([](Session& run) {
    run.Append(4) && run.Append(5) && run.Sync() && run.Append(1) && run.Append(6) && run.Sync() && run.Append(3);
  });
}

TEST(LogCrashTest, SegmentsThatRollBeforeTheFirstSync) {
  CheckScript([](Session& run) { run.Append(9) && run.Append(9); });
}

TEST(LogCrashTest, OldSegmentsThatAreDropped) {
  CheckScript([](Session& run) {
    run.Append(12) && run.Sync() && run.DropBefore(LogOffset(9)) && run.Append(4) && run.Sync() && run.Append(2) &&
        run.DropBefore(kNoLimit) && run.Append(2);
  });
}

TEST(LogCrashTest, RewindAfterAFailedSync) {
  for (Fault fault : {Fault::kIoError, Fault::kLoseUnsynced}) {
    CheckScript([fault](Session& run) {
      if (!(run.Append(3) && run.Sync() && run.Append(2))) return;
      run.disk().FailNext(Operation::kSync, ".log", fault);
      if (run.Sync()) return;
      run.Rewind() && run.Append(3) && run.Sync() && run.Append(1);
    });
  }
}

TEST(LogCrashTest, RewindAfterAFailedWriteBehindARoll) {
  CheckScript([](Session& run) {
    if (!(run.Append(3) && run.Sync() && run.Append(7))) return;
    run.disk().FailNext(Operation::kWrite, ".log", Fault::kShortWrite);
    if (run.Append(2)) return;
    run.Rewind() && run.Append(7) && run.Sync() && run.Append(1);
  });
}

TEST(LogCrashTest, RewindWhereTheOldFileCannotBeCut) {
  CheckScript([](Session& run) {
    if (!(run.Append(3) && run.Sync() && run.Append(2))) return;
    run.disk().FailNext(Operation::kSync, ".log", Fault::kIoError);
    if (run.Sync()) return;
    run.disk().FailNext(Operation::kTruncate, ".log", Fault::kIoError);
    run.Rewind() && run.Append(3) && run.Sync() && run.Append(4) && run.Sync();
  });
}

TEST(LogCrashTest, RewindToTheVeryStart) {
  CheckScript([](Session& run) {
    if (!run.Append(3)) return;
    run.disk().FailNext(Operation::kSync, ".stats", Fault::kIoError);
    if (run.Sync()) return;
    run.Rewind() && run.Append(2) && run.Sync();
  });
}

}  // namespace
}  // namespace thalweg::log
