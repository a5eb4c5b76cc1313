#include "thalweg/kv/dirty_overlay.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/kv/memory_state_store.h"

namespace thalweg::kv {
namespace {

constexpr TableBucket kBucket{TableId(1), kNoPartition, BucketId(0)};
constexpr int64_t kMiB = 1 << 20;

using Row = std::optional<std::string>;
using Rows = std::map<std::string, std::string>;

std::optional<std::string> Look(const DirtyOverlay& overlay, StateStore& store, std::string_view key) {
  RowBatch rows;
  rows.Reset(1);
  const ByteView bytes = AsBytes(key);
  overlay.Lookup({&bytes, 1}, &rows);
  EXPECT_TRUE(store.MultiGet({&bytes, 1}, &rows).ok());
  const auto row = rows.At(0);
  return row ? std::optional(std::string(AsText(*row))) : std::nullopt;
}

Rows Scan(const StateSnapshot& snapshot, std::string_view prefix = "") {
  Rows rows;
  std::string last;
  const auto cursor = snapshot.Scan(AsBytes(prefix));
  for (; cursor->Valid(); cursor->Next()) {
    EXPECT_TRUE(rows.empty() || last < AsText(cursor->key()));
    last = AsText(cursor->key());
    rows[last] = AsText(cursor->value());
  }
  EXPECT_TRUE(cursor->status().ok());
  return rows;
}

StateMeta Counted(int64_t applied, int64_t rows) { return {LogOffset(applied), rows}; }

struct Fixture {
  explicit Fixture(int64_t limit = 64 * kMiB) : budget(limit, 42), overlay(budget, kBucket, Counted(0, 0)) {}

  void Write(std::string_view key, const Row& row) {
    overlay.Begin(LogOffset(end));
    Add(key, row);
    overlay.Commit(LogOffset(end), row ? 1 : -1);
  }
  void Add(std::string_view key, const Row& row) {
    if (row) {
      overlay.Put(AsBytes(key), AsBytes(*row), LogOffset(end++));
    } else {
      overlay.Remove(AsBytes(key), LogOffset(end++));
    }
  }

  DirtyBudget budget;
  MemoryStateStore store;
  DirtyOverlay overlay;
  int64_t end = 0;
};

TEST(DirtyOverlayTest, ReadersSeeRowsOnceTheyArePublished) {
  Fixture f;
  f.Write("a", "1");
  f.Write("a", "2");
  EXPECT_EQ(Look(f.overlay, f.store, "a"), std::nullopt);
  f.overlay.Publish(LogOffset(1));
  EXPECT_EQ(Look(f.overlay, f.store, "a"), "1");
  f.overlay.Publish(LogOffset(2));
  EXPECT_EQ(Look(f.overlay, f.store, "a"), "2");
}

TEST(DirtyOverlayTest, TheWriterSeesWhatIsInFlight) {
  Fixture f;
  f.Write("a", "1");
  f.overlay.Begin(LogOffset(f.end));
  EXPECT_EQ(AsText(*f.overlay.Newest(AsBytes("a"))->row), "1");
  EXPECT_EQ(f.overlay.Newest(AsBytes("b")), std::nullopt);
  f.Add("a", std::nullopt);
  EXPECT_EQ(f.overlay.Newest(AsBytes("a"))->row, std::nullopt);
  EXPECT_EQ(f.overlay.Newest(AsBytes("a"))->offset, LogOffset(1));
  f.overlay.Commit(LogOffset(f.end), -1);
}

TEST(DirtyOverlayTest, AnAbortedBatchHasNeverBeen) {
  Fixture f;
  f.Write("a", "1");
  f.overlay.Begin(LogOffset(f.end));
  f.overlay.Put(AsBytes("a"), AsBytes("no"), LogOffset(1));
  f.overlay.Put(AsBytes("a"), AsBytes("nor this"), LogOffset(2));
  f.overlay.Put(AsBytes("b"), AsBytes("no"), LogOffset(3));
  f.overlay.Abort();
  f.overlay.Begin(LogOffset(1));
  EXPECT_EQ(AsText(*f.overlay.Newest(AsBytes("a"))->row), "1");
  EXPECT_EQ(f.overlay.Newest(AsBytes("b")), std::nullopt);
  f.Add("c", "3");
  f.overlay.Commit(LogOffset(f.end), 1);
  f.overlay.Publish(LogOffset(f.end));
  f.overlay.Seal();
  ASSERT_EQ(f.overlay.FlushTo(f.store).ValueOrDie(), 2u);
  EXPECT_EQ(Scan(**f.store.TakeSnapshot()), (Rows{{"a", "1"}, {"c", "3"}}));
  EXPECT_EQ(f.store.meta(), Counted(2, 2));
}

TEST(DirtyOverlayTest, NothingInFlightReachesTheStore) {
  Fixture f;
  f.Write("a", "1");
  f.overlay.Publish(LogOffset(1));
  f.Write("b", "2");
  f.overlay.Seal();
  EXPECT_EQ(f.overlay.FlushTo(f.store).ValueOrDie(), 0u) << "b is not durable, and in the same generation";
  f.Write("c", "3");
  f.overlay.Publish(LogOffset(2));
  EXPECT_EQ(f.overlay.FlushTo(f.store).ValueOrDie(), 2u);
  EXPECT_EQ(f.store.meta(), Counted(2, 2));
  EXPECT_EQ(f.overlay.stored(), LogOffset(2));
  f.overlay.Publish(LogOffset(3));
  EXPECT_EQ(Look(f.overlay, f.store, "c"), "3");
}

TEST(DirtyOverlayTest, ASealDuringABatchWaitsForItsEnd) {
  Fixture f;
  f.overlay.Begin(LogOffset(0));
  f.Add("a", "1");
  f.overlay.Seal();
  f.Add("b", "2");
  f.overlay.Commit(LogOffset(2), 2);
  f.Write("c", "3");
  f.overlay.Publish(LogOffset(3));
  EXPECT_EQ(f.overlay.FlushTo(f.store).ValueOrDie(), 2u);
  EXPECT_EQ(f.store.meta(), Counted(2, 2));
}

TEST(DirtyOverlayTest, AFailedFlushKeepsTheRows) {
  class Failing final : public StateStore {
   public:
    explicit Failing(StateStore& store) : store_(store) {}
    arrow::Status MultiGet(std::span<const ByteView> keys, RowBatch* rows) override {
      return store_.MultiGet(keys, rows);
    }
    arrow::Status Apply(std::span<const RowChange> changes, const StateMeta& meta) override {
      return store_.Apply(changes, meta);
    }
    StateMeta meta() const override { return store_.meta(); }
    arrow::Result<std::unique_ptr<StateSnapshot>> TakeSnapshot() override { return store_.TakeSnapshot(); }
    arrow::Status Flush() override { return arrow::Status::IOError("no"); }
    arrow::Result<std::unique_ptr<StateFiles>> HoldFiles() override { return store_.HoldFiles(); }

   private:
    StateStore& store_;
  };
  Fixture f;
  f.Write("a", "1");
  f.overlay.Publish(LogOffset(1));
  f.overlay.Seal();
  Failing failing(f.store);
  EXPECT_FALSE(f.overlay.FlushTo(failing).ok());
  f.store.DropUnflushed();
  EXPECT_EQ(f.overlay.stored(), LogOffset(0));
  EXPECT_EQ(Look(f.overlay, f.store, "a"), "1");
  EXPECT_EQ(f.overlay.FlushTo(f.store).ValueOrDie(), 1u);
  EXPECT_EQ(Get(f.store, AsBytes("a")).ValueOrDie(), "1");
}

TEST(DirtyOverlayTest, ASnapshotStaysWhatItWas) {
  Fixture f;
  for (const char* key : {"b", "d", "f"}) f.Write(key, std::string("old ") + key);
  f.overlay.Publish(LogOffset(3));
  f.overlay.Seal();
  ASSERT_TRUE(f.overlay.FlushTo(f.store).ok());
  f.Write("a", "new");
  f.Write("d", std::nullopt);
  f.Write("f", "new f");
  f.overlay.Publish(LogOffset(6));
  f.Write("b", "in flight");
  const auto snapshot = *f.overlay.TakeSnapshot(f.store);
  const Rows expected{{"a", "new"}, {"b", "old b"}, {"f", "new f"}};
  EXPECT_EQ(Scan(*snapshot), expected);
  f.Write("a", "later");
  f.Write("c", "later");
  f.overlay.Publish(LogOffset(f.end));
  f.overlay.Seal();
  ASSERT_TRUE(f.overlay.FlushTo(f.store).ok());
  EXPECT_EQ(Scan(*snapshot), expected);
  EXPECT_EQ(snapshot->meta(), Counted(6, 4));
  EXPECT_EQ(Scan(**f.overlay.TakeSnapshot(f.store)).size(), 4u);
}

TEST(DirtyBudgetTest, CountsAndNamesTheLargest) {
  DirtyBudget budget(kMiB);
  DirtyOverlay small(budget, kBucket, Counted(0, 0));
  TableBucket other = kBucket;
  other.bucket = BucketId(1);
  DirtyOverlay large(budget, other, Counted(0, 0));
  const std::string value(1000, 'x');
  const auto fill = [&](DirtyOverlay& overlay, int rows) {
    overlay.Begin(LogOffset(0));
    for (int i = 0; i < rows; ++i) overlay.Put(AsBytes(std::to_string(i)), AsBytes(value), LogOffset(i));
    overlay.Commit(LogOffset(rows), rows);
    overlay.Publish(LogOffset(rows));
  };
  fill(small, 100);
  EXPECT_TRUE(budget.Victims().empty());
  fill(large, 600);
  EXPECT_GT(budget.used(), 700'000);
  EXPECT_LT(budget.used(), 1'000'000) << "memory beside the rows";
  EXPECT_TRUE(budget.IsOver());
  EXPECT_EQ(budget.Victims(), std::vector<TableBucket>{other});
  EXPECT_EQ(budget.used(), small.bytes() + large.bytes());

  MemoryStateStore store;
  large.Seal();
  auto snapshot = *large.TakeSnapshot(store);
  ASSERT_TRUE(large.FlushTo(store).ok());
  EXPECT_TRUE(budget.IsOver()) << "the snapshot still has the rows";
  snapshot.reset();
  EXPECT_EQ(large.bytes(), 0);
  EXPECT_FALSE(budget.IsOver());
}

TEST(DirtyBudgetTest, AnIdleBucketCostsNothing) {
  Fixture f;
  EXPECT_EQ(f.overlay.bytes(), 0);
  f.Write("a", "1");
  EXPECT_LT(f.overlay.bytes(), 8 << 10);
}

// Everything that can happen, against a map: what readers see, snapshots kept for long, flushes, and crashes that take the overlay
// and what the store has not flushed, after which the published changelog is applied again.
TEST(DirtyOverlayTest, AgreesWithAMap) {
  struct Change {
    std::string key;
    Row row;
  };
  struct Batch {
    int64_t end;
    std::vector<Change> changes;
    int64_t added;
  };
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto below = [&](uint32_t bound) { return std::uniform_int_distribution<uint32_t>(0, bound - 1)(random); };
    DirtyBudget budget(64 * kMiB, seed);
    MemoryStateStore store;
    auto overlay = std::make_unique<DirtyOverlay>(budget, kBucket, Counted(0, 0));
    std::vector<Batch> changelog;
    size_t published = 0;  // batches
    Rows newest;
    Rows visible;
    std::vector<std::pair<std::unique_ptr<StateSnapshot>, Rows>> kept;
    int64_t end = 0;
    const auto apply = [](Rows* rows, const Change& change) {
      if (change.row) {
        (*rows)[change.key] = *change.row;
      } else {
        rows->erase(change.key);
      }
    };
    const auto write = [&](const Batch& batch, int64_t begin) {
      overlay->Begin(LogOffset(begin));
      for (const Change& change : batch.changes) {
        if (change.row) {
          overlay->Put(AsBytes(change.key), AsBytes(*change.row), LogOffset(begin++));
        } else {
          overlay->Remove(AsBytes(change.key), LogOffset(begin++));
        }
      }
    };
    for (int step = 0; step < 300; ++step) {
      const uint32_t dice = below(100);
      if (dice < 40) {
        Batch batch{end + 1, {}, 0};
        Rows after = newest;
        for (uint32_t i = below(30); i > 0; --i) {
          Change change{std::string(1 + below(2), static_cast<char>('a' + below(8))), std::nullopt};
          if (below(4) != 0) change.row = std::to_string(random());
          apply(&after, change);
          batch.changes.push_back(std::move(change));
        }
        batch.end += static_cast<int64_t>(batch.changes.size());
        batch.added = static_cast<int64_t>(after.size()) - static_cast<int64_t>(newest.size());
        write(batch, end);
        if (below(8) == 0) {
          overlay->Abort();
        } else {
          overlay->Commit(LogOffset(batch.end), batch.added);
          end = batch.end;
          newest = std::move(after);
          changelog.push_back(std::move(batch));
        }
      } else if (dice < 60 && published < changelog.size()) {
        for (size_t count = 1 + below(static_cast<uint32_t>(changelog.size() - published)); count > 0; --count) {
          for (const Change& change : changelog[published++].changes) apply(&visible, change);
        }
        overlay->Publish(LogOffset(changelog[published - 1].end));
      } else if (dice < 68) {
        overlay->Seal();
      } else if (dice < 76) {
        ASSERT_TRUE(overlay->FlushTo(store).ok());
      } else if (dice < 80) {
        if (kept.size() > 3) kept.erase(kept.begin());
        kept.emplace_back(*overlay->TakeSnapshot(store), visible);
      } else if (dice < 83) {
        kept.clear();
        overlay.reset();
        store.DropUnflushed();
        ASSERT_EQ(budget.used(), 0);
        StateMeta stored = store.meta();
        if (stored.applied == LogOffset(0)) stored.row_count = 0;
        overlay = std::make_unique<DirtyOverlay>(budget, kBucket, stored);
        changelog.resize(published);
        newest = visible;
        end = 0;
        for (const Batch& batch : changelog) {
          if (batch.end > stored.applied.value) {
            write(batch, end);
            overlay->Commit(LogOffset(batch.end), batch.added);
            overlay->Publish(LogOffset(batch.end));
          }
          end = batch.end;
        }
      } else {
        for (char c = 'a'; c <= 'h'; ++c) {
          const std::string key(1, c);
          const auto expected = visible.find(key);
          ASSERT_EQ(Look(*overlay, store, key), expected == visible.end() ? Row() : Row(expected->second));
        }
        const auto snapshot = *overlay->TakeSnapshot(store);
        ASSERT_EQ(Scan(*snapshot), visible);
        const std::string prefix(1, static_cast<char>('a' + below(8)));
        Rows expected;
        for (const auto& [key, row] : visible) {
          if (key.starts_with(prefix)) expected[key] = row;
        }
        ASSERT_EQ(Scan(*snapshot, prefix), expected);
        ASSERT_EQ(overlay->meta().row_count, static_cast<int64_t>(visible.size()));
      }
      for (const auto& [snapshot, rows] : kept) ASSERT_EQ(Scan(*snapshot), rows);
    }
  }
}

}  // namespace
}  // namespace thalweg::kv
