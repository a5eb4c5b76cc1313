#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "thalweg/kv/dirty_overlay.h"
#include "thalweg/kv/memory_state_store.h"

// Readers and a flusher at the same time as the writer; of use under the thread sanitizer above all.

namespace thalweg::kv {
namespace {

constexpr int kKeys = 20;
constexpr int kBatches = 5000;

std::string KeyOf(int number) { return "key" + std::to_string(number); }

TEST(DirtyOverlayThreadsTest, NobodySeesAnOldOrAHalfBatch) {
  DirtyBudget budget(64 << 20);
  DirtyOverlay overlay(budget, {TableId(1), kNoPartition, BucketId(0)}, {LogOffset(0), 0});
  MemoryStateStore store;
  std::vector<std::string> names;
  for (int i = 0; i < kKeys; ++i) names.push_back(KeyOf(i));
  std::vector<ByteView> keys;
  for (const std::string& name : names) keys.push_back(AsBytes(name));

  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  // Batch n puts n under every key, at offsets n * kKeys on.
  std::thread writer([&] {
    for (int64_t batch = 0; batch < kBatches; ++batch) {
      overlay.Begin(LogOffset(batch * kKeys));
      for (int i = 0; i < kKeys; ++i) {
        const auto newest = overlay.Newest(keys[static_cast<size_t>(i)]);
        if (newest && AsText(*newest->row) != std::to_string(batch - 1)) ++wrong;
        overlay.Put(keys[static_cast<size_t>(i)], AsBytes(std::to_string(batch)), LogOffset(batch * kKeys + i));
      }
      overlay.Commit(LogOffset((batch + 1) * kKeys), batch == 0 ? kKeys : 0);
      if (batch % 3 == 0) overlay.Publish(LogOffset((batch + 1) * kKeys));
    }
    overlay.Publish(LogOffset(int64_t{kBatches} * kKeys));
    stop = true;
  });
  std::thread flusher([&] {
    while (!stop) {
      overlay.Seal();
      if (!overlay.FlushTo(store).ok()) ++wrong;
    }
  });
  std::thread reader([&] {
    RowBatch rows;
    while (!stop) {
      const int64_t batches = overlay.published().value / kKeys;
      rows.Reset(keys.size());
      overlay.Lookup(keys, &rows);
      if (!store.MultiGet(keys, &rows).ok()) ++wrong;
      for (size_t i = 0; i < keys.size(); ++i) {
        if (batches == 0) continue;
        if (!rows.At(i) || std::stoll(std::string(AsText(*rows.At(i)))) < batches - 1) ++wrong;
      }
    }
  });
  std::thread scanner([&] {
    while (!stop) {
      const auto snapshot = *overlay.TakeSnapshot(store);
      const int64_t batches = snapshot->meta().applied.value / kKeys;
      int count = 0;
      const auto cursor = snapshot->Scan({});
      for (; cursor->Valid(); cursor->Next(), ++count) {
        if (AsText(cursor->value()) != std::to_string(batches - 1)) ++wrong;
      }
      if (count != (batches == 0 ? 0 : kKeys)) ++wrong;
    }
  });
  writer.join();
  flusher.join();
  reader.join();
  scanner.join();
  EXPECT_EQ(wrong, 0);
  overlay.Seal();
  ASSERT_TRUE(overlay.FlushTo(store).ok());
  EXPECT_EQ(store.meta(), (StateMeta{LogOffset(int64_t{kBatches} * kKeys), kKeys}));
}

}  // namespace
}  // namespace thalweg::kv
