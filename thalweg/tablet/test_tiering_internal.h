#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "thalweg/io/directory_store.h"
#include "thalweg/runtime/random.h"
#include "thalweg/tablet/test_engine_internal.h"

namespace thalweg::tablet {

/// Numbers that a seed gives again.
class SeededRandom final : public runtime::Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t Next() override {
    state_ += 0x9E3779B97F4A7C15ull;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

/// An engine whose closed segments go to the folder "remote" of the same disk, every second. Four batches of kBodyBytes fill
/// a segment.
class TieredSim {
 public:
  static constexpr size_t kBodyBytes = 1000;
  static constexpr uint64_t kSegmentBytes = 4400;
  static constexpr const char* kFolder = "remote/log/db/t-1/0";

  explicit TieredSim(testing::MemoryFileSystem& disk, uint64_t seed = 1, bool public_root = true)
      : random(seed), sim(disk, seed) {
    auto opened = io::DirectoryStore::Open(disk, "remote", public_root ? "file://remote" : "");
    if (opened.ok()) store = std::move(opened).ValueUnsafe();
    sim.options.log.segment_bytes_max = kSegmentBytes;
    sim.options.tiering = {.store = store.get(),
                           .random = &random,
                           .policy_of = [this](const TableBucket&) { return policy; },
                           .interval_ns = 1'000'000'000,
                           .grace_ms = 3'000};
  }
  ~TieredSim() { sim.Stop(0); }

  bool Open() { return store && sim.Open().ok(); }

  /// One batch each 100 ms; then time for files, checkpoints and copies.
  void Append(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(sim.Append(TestBucket(0), {Numbered(next++)})->ok());
      written_ms.push_back(sim.clock.WallMs());
      sim.RunFor(100);
    }
    sim.RunFor(10'000);
  }
  static TestBatch Numbered(int64_t i) { return {.name = fmt::format("n{}", i), .bytes = kBodyBytes}; }

  /// Base offsets of what lies on the server's own disk.
  std::vector<std::string> LocalSegments() {
    std::vector<std::string> names;
    const auto entries = sim.disk.List("data/log/t1/b0");
    if (!entries.ok()) return names;
    for (const auto& entry : *entries) {
      if (entry.name.ends_with(".log")) names.push_back(entry.name);
    }
    return names;
  }
  /// Folders of segments in remote storage, named by a manifest or not.
  std::vector<std::string> RemoteFolders() {
    std::vector<std::string> names;
    const auto entries = sim.disk.List(kFolder);
    if (!entries.ok()) return names;
    for (const auto& entry : *entries) {
      if (entry.name != "metadata") names.push_back(entry.name);
    }
    return names;
  }
  ReadResult ReadRemote(int64_t from) {
    return sim.Read({.bucket = TestBucket(0),
                     .from = LogOffset(from),
                     .bytes_max = 3000,
                     .at_least_one = true,
                     .takes_remote = true});
  }
  void ExpectAll(int64_t from, int64_t to) {
    const auto all = sim.ReadAll(TestBucket(0));
    ASSERT_EQ(static_cast<int64_t>(all.size()), to - from);
    for (int64_t i = from; i < to; ++i) {
      EXPECT_EQ(all[static_cast<size_t>(i - from)], (SeenBatch{i, 1, fmt::format("n{}", i)}));
    }
  }

  SeededRandom random;
  std::unique_ptr<io::ObjectStore> store;
  std::optional<TieringPolicy> policy =
      TieringPolicy{.names = {.database = "db", .table = "t", .partition = {}}, .local_segments = 2};
  int64_t next = 0;
  std::vector<int64_t> written_ms;
  SimEngine sim;
};

}  // namespace thalweg::tablet
