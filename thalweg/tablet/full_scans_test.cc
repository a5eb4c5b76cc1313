#include "thalweg/tablet/full_scans.h"

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/format/value_batch.h"
#include "thalweg/kv/memory_state_store.h"
#include "thalweg/testing/sim_clock.h"
#include "thalweg/testing/sim_executor.h"

namespace thalweg::tablet {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TableBucket BucketOf(int32_t number) { return {TableId(1), kNoPartition, BucketId(number)}; }

class CountingRandom final : public runtime::Random {
 public:
  uint64_t Next() override { return next_++; }

 private:
  uint64_t next_ = 1;
};

/// Tells when it goes.
class WatchedSnapshot final : public kv::StateSnapshot {
 public:
  WatchedSnapshot(std::unique_ptr<kv::StateSnapshot> below, int64_t held_bytes, int& alive)
      : below_(std::move(below)), held_bytes_(held_bytes), alive_(alive) {
    ++alive_;
  }
  ~WatchedSnapshot() override { --alive_; }
  const kv::StateMeta& meta() const override { return below_->meta(); }
  std::unique_ptr<kv::RowCursor> Scan(ByteView prefix) const override { return below_->Scan(prefix); }
  int64_t held_bytes() const override { return held_bytes_; }

 private:
  const std::unique_ptr<kv::StateSnapshot> below_;
  const int64_t held_bytes_;
  int& alive_;
};

class FullScansTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 10; ++i) rows_["k" + std::to_string(i)] = "value" + std::to_string(i);
    std::vector<kv::RowChange> changes;
    for (const auto& [key, value] : rows_) changes.push_back({AsBytes(key), AsBytes(value)});
    ASSERT_TRUE(store_.Apply(changes, {.applied = LogOffset(10)}).ok());
  }

  arrow::Result<std::shared_ptr<FullScan>> Open(const TableBucket& bucket, int64_t limit = INT64_MAX,
                                                int64_t held_bytes = 0) {
    ARROW_ASSIGN_OR_RAISE(auto scan, scans_.Open(bucket));
    ARROW_ASSIGN_OR_RAISE(auto snapshot, store_.TakeSnapshot());
    scan->Start(std::make_unique<WatchedSnapshot>(std::move(snapshot), held_bytes, alive_), limit);
    return scan;
  }
  /// Opened and returned.
  std::string Opened(const TableBucket& bucket, int64_t held_bytes = 0) {
    auto scan = Open(bucket, INT64_MAX, held_bytes).ValueOrDie();
    const std::string id = scan->id();
    scans_.Return(std::move(scan), false);
    return id;
  }
  ErrorCode Refused(const std::string& id, int32_t sequence = 1) {
    const auto taken = scans_.Take(id, sequence);
    EXPECT_FALSE(taken.ok());
    return CodeOf(taken.status());
  }
  static std::vector<std::string> ValuesIn(const ScannedBatch& batch) {
    std::vector<std::string> values;
    if (batch.values.empty()) return values;
    for (const ByteView value : format::ParseValueBatch(batch.values.view()).ValueOrDie()) {
      values.emplace_back(AsText(value));
    }
    return values;
  }

  testing::SimScheduler sim_{1};
  testing::SimClock clock_{sim_};
  testing::SimExecutor& pool_ = sim_.MakePool("pool");
  CountingRandom random_;
  kv::MemoryStateStore store_;
  std::map<std::string, std::string> rows_;
  int alive_ = 0;
  const FullScanLimits limits_{.open_max = 4, .per_bucket_max = 2};
  FullScans scans_{clock_, random_, pool_, limits_};
};

TEST_F(FullScansTest, ReadsEveryRowOnceInBatchesOfAtLeastOneRow) {
  for (const uint64_t bytes_max : {uint64_t{1}, uint64_t{30}, uint64_t{100}, uint64_t{10'000}}) {
    auto scan = Open(BucketOf(0)).ValueOrDie();
    const std::string id = scan->id();
    std::vector<std::string> found;
    for (int32_t sequence = 1;; ++sequence) {
      const auto batch = scan->Read(bytes_max).ValueOrDie();
      EXPECT_EQ(static_cast<int64_t>(ValuesIn(batch).size()), batch.rows);
      if (batch.rows > 1) EXPECT_LE(batch.values.size(), bytes_max);
      for (auto& value : ValuesIn(batch)) found.push_back(std::move(value));
      scans_.Return(std::move(scan), !batch.more);
      if (!batch.more) break;
      EXPECT_GT(batch.rows, 0);
      scan = scans_.Take(id, sequence).ValueOrDie();
    }
    std::vector<std::string> expected;
    for (const auto& [key, value] : rows_) expected.push_back(value);
    EXPECT_EQ(found, expected) << bytes_max;
    EXPECT_EQ(Refused(id), ErrorCode::kUnknownScannerId);
  }
  EXPECT_EQ(alive_, 0);
}

TEST_F(FullScansTest, StopsAtTheLimit) {
  auto scan = Open(BucketOf(0), 3).ValueOrDie();
  const auto first = scan->Read(1).ValueOrDie();
  EXPECT_EQ(ValuesIn(first), std::vector<std::string>{"value0"});
  EXPECT_TRUE(first.more);
  const auto rest = scan->Read(10'000).ValueOrDie();
  EXPECT_EQ(ValuesIn(rest), (std::vector<std::string>{"value1", "value2"}));
  EXPECT_FALSE(rest.more);
  scans_.Return(std::move(scan), true);
}

TEST_F(FullScansTest, ACallOutOfTurnEndsTheScan) {
  for (const int32_t sequence : {0, 2, -1}) {
    const std::string id = Opened(BucketOf(0));
    EXPECT_EQ(Refused(id, sequence), ErrorCode::kInvalidScanRequest) << sequence;
    EXPECT_EQ(alive_, 0);
    EXPECT_EQ(Refused(id, 1), ErrorCode::kUnknownScannerId);
  }
  // The same number again, as from a client that repeats what it got an answer to.
  const std::string id = Opened(BucketOf(0));
  scans_.Return(scans_.Take(id, 1).ValueOrDie(), false);
  EXPECT_EQ(Refused(id, 1), ErrorCode::kInvalidScanRequest);
  EXPECT_EQ(scans_.open_count(), 0u);
}

TEST_F(FullScansTest, TwoAtOnceAreRefusedAndTheFirstGoesOn) {
  const std::string id = Opened(BucketOf(0));
  auto taken = scans_.Take(id, 1).ValueOrDie();
  EXPECT_EQ(Refused(id, 2), ErrorCode::kInvalidScanRequest);
  EXPECT_EQ(taken->Read(1).ValueOrDie().rows, 1);
  scans_.Return(std::move(taken), false);
  EXPECT_TRUE(scans_.Take(id, 2).ok());
}

TEST_F(FullScansTest, NoMoreAreOpenThanMayBe) {
  const std::string first = Opened(BucketOf(0));
  Opened(BucketOf(0));
  EXPECT_EQ(CodeOf(Open(BucketOf(0)).status()), ErrorCode::kTooManyScanners);
  Opened(BucketOf(1));
  Opened(BucketOf(1));
  EXPECT_EQ(CodeOf(Open(BucketOf(2)).status()), ErrorCode::kTooManyScanners);
  scans_.End(first);
  EXPECT_EQ(alive_, 3);
  EXPECT_TRUE(Open(BucketOf(2)).ok());
}

TEST_F(FullScansTest, WhoAsksForNothingForTooLongLosesTheScan) {
  const std::string idle = Opened(BucketOf(0));
  const std::string busy = Opened(BucketOf(1));
  for (int32_t sequence = 1; sequence <= 4; ++sequence) {
    sim_.RunFor(minutes(4));
    scans_.Return(scans_.Take(busy, sequence).ValueOrDie(), false);
  }
  EXPECT_EQ(alive_, 1);
  EXPECT_EQ(Refused(idle), ErrorCode::kScannerExpired);
  EXPECT_NE(scans_.Take(idle, 1).status().message().find("nothing was asked"), std::string::npos);
  EXPECT_EQ(scans_.expired(), 1u);
  // Nobody has to ask for it to go.
  sim_.RunFor(minutes(9));
  EXPECT_EQ(alive_, 1);
  sim_.RunFor(minutes(2));
  EXPECT_EQ(alive_, 0);
  EXPECT_EQ(Refused(busy, 5), ErrorCode::kScannerExpired);
}

TEST_F(FullScansTest, OneThatIsReadFromAllTheTimeEndsAfterADay) {
  const std::string id = Opened(BucketOf(0));
  int32_t sequence = 1;
  for (; sequence < 400; ++sequence) {
    sim_.RunFor(minutes(5));
    auto taken = scans_.Take(id, sequence);
    if (!taken.ok()) break;
    scans_.Return(std::move(*taken), false);
  }
  EXPECT_EQ(sequence, 288);
  EXPECT_EQ(Refused(id, sequence), ErrorCode::kScannerExpired);
  const std::string why = scans_.Take(id, sequence).status().message();
  EXPECT_NE(why.find("within 24 h"), std::string::npos) << why;
  EXPECT_EQ(alive_, 0);
}

TEST_F(FullScansTest, OneWhoseClientHasGoneEndsSoonerUnlessItComesBack) {
  const std::string gone = Opened(BucketOf(0));
  const std::string back = Opened(BucketOf(1));
  scans_.NoteLeft({gone, back, "nothing"});
  sim_.RunFor(seconds(50));
  scans_.Return(scans_.Take(back, 1).ValueOrDie(), false);
  sim_.RunFor(seconds(20));
  EXPECT_EQ(Refused(gone), ErrorCode::kScannerExpired);
  sim_.RunFor(minutes(5));
  EXPECT_TRUE(scans_.Take(back, 2).ok());
}

TEST_F(FullScansTest, RoomForWritersComesFromWhatHoldsMuchAndIsNotRead) {
  const std::string large = Opened(BucketOf(0), 1000);
  const std::string small = Opened(BucketOf(0), 10);
  const std::string read = Opened(BucketOf(1), 1000);
  sim_.RunFor(milliseconds(1500));
  scans_.Return(scans_.Take(read, 1).ValueOrDie(), false);
  scans_.MakeRoom(100);
  sim_.RunFor(milliseconds(1));
  EXPECT_EQ(alive_, 2);
  EXPECT_EQ(Refused(large), ErrorCode::kScannerExpired);
  EXPECT_TRUE(scans_.Take(small, 1).ok());
  EXPECT_TRUE(scans_.Take(read, 2).ok());
}

TEST_F(FullScansTest, EndingThoseOfABucketLetsGoOfWhatTheyHoldOnceTheyAreNotRead) {
  const std::string one = Opened(BucketOf(0));
  const std::string other = Opened(BucketOf(1));
  const std::string taken_id = Opened(BucketOf(0));
  auto taken = scans_.Take(taken_id, 1).ValueOrDie();
  scans_.EndAll(BucketOf(0), "its table was dropped");
  EXPECT_EQ(alive_, 2);
  EXPECT_EQ(taken->Read(1).ValueOrDie().rows, 1);
  scans_.Return(std::move(taken), false);
  EXPECT_EQ(alive_, 1);
  const auto refused = scans_.Take(one, 1).status();
  EXPECT_EQ(CodeOf(refused), ErrorCode::kScannerExpired);
  EXPECT_NE(refused.message().find("its table was dropped"), std::string::npos) << refused;
  EXPECT_EQ(Refused(taken_id, 2), ErrorCode::kScannerExpired);
  EXPECT_TRUE(scans_.Take(other, 1).ok());
}

TEST_F(FullScansTest, NothingIsLeftOrBegunAfterStop) {
  const std::string id = Opened(BucketOf(0));
  auto taken = scans_.Take(id, 1).ValueOrDie();
  Opened(BucketOf(1));
  scans_.Stop();
  EXPECT_EQ(alive_, 1);
  scans_.Return(std::move(taken), false);
  EXPECT_EQ(alive_, 0);
  EXPECT_EQ(CodeOf(scans_.Open(BucketOf(0)).status()), ErrorCode::kNotLeaderOrFollower);
}

TEST_F(FullScansTest, OnlyTheLatestAreRemembered) {
  const std::string first = Opened(BucketOf(0));
  scans_.EndAll(BucketOf(0), "gone");
  EXPECT_EQ(Refused(first), ErrorCode::kScannerExpired);
  for (int i = 0; i < 1000; ++i) {
    Opened(BucketOf(0));
    scans_.EndAll(BucketOf(0), "gone");
  }
  EXPECT_EQ(Refused(first), ErrorCode::kUnknownScannerId);
}

}  // namespace
}  // namespace thalweg::tablet
