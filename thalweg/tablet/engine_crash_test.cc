// The whole engine, cut off after every persistence operation of a few short workloads, in every state that a crash may
// leave; and long random ones from a seed.

#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/tablet/test_engine_internal.h"
#include "thalweg/testing/crash_points.h"

namespace thalweg::tablet {
namespace {

using testing::CrashState;
using testing::MemoryFileSystem;
using testing::PowerLoss;

/// One append of one batch, as the writer remembers it. Each bucket has one writer, of the same number.
struct Sent {
  TestBatch batch;
  std::shared_ptr<Answer> answer;
};

/// What all clients know, over all starts of the server.
class Clients {
 public:
  void Send(SimEngine& sim, int bucket, int32_t records, size_t bytes) {
    auto& sent = sent_[bucket];
    const auto sequence = static_cast<int32_t>(sent.size());
    const TestBatch batch{.name = fmt::format("b{}-{}", bucket, sequence),
                          .records = records,
                          .bytes = bytes,
                          .writer = WriterId(bucket),
                          .sequence = sequence};
    sent.push_back({batch, sim.StartAppend(TestBucket(bucket), {batch})});
  }

  /// P1 to P3: each bucket holds a prefix of what was sent to it, once and in order, not less than was acknowledged, at
  /// the offsets that were told, nor less than was seen before.
  void Check(SimEngine& sim, const std::string& where) {
    for (auto& [bucket, sent] : sent_) {
      const auto all = sim.ReadAll(TestBucket(bucket));
      size_t acknowledged = 0;
      for (size_t i = 0; i < sent.size(); ++i) {
        if (sent[i].answer->ok()) acknowledged = i + 1;
      }
      ASSERT_GE(all.size(), acknowledged) << where << ": acknowledged batches of bucket " << bucket << " are lost";
      ASSERT_GE(all.size(), seen_[bucket]) << where << ": what readers saw of bucket " << bucket << " is gone";
      ASSERT_LE(all.size(), sent.size()) << where;
      for (size_t i = 0; i < all.size(); ++i) {
        ASSERT_EQ(all[i].name, sent[i].batch.name) << where;
        if (sent[i].answer->ok()) ASSERT_EQ(all[i].base, sent[i].answer->base()) << where;
      }
    }
  }

  /// As a client does whose server came back: what is not known to be there is sent again.
  void Retry(SimEngine& sim, const std::string& where) {
    for (auto& [bucket, sent] : sent_) {
      const auto before = sim.ReadAll(TestBucket(bucket));
      for (size_t i = 0; i < sent.size(); ++i) {
        if (sent[i].answer->ok() && i + 1 < sent.size()) continue;  // the last one is always asked for again
        // A writer has at most so many in flight as the server remembers; older ones it need not ask for.
        if (i + log::WriterState::kBatchesKept < before.size()) continue;
        const auto again = sim.Append(TestBucket(bucket), {sent[i].batch});
        ASSERT_TRUE(again->ok()) << where << ", " << sent[i].batch.name << ": " << again->result->status();
        if (i < before.size()) ASSERT_EQ(again->base(), before[i].base) << where << ": a repetition got new offsets";
        sent[i].answer = again;
      }
      seen_[bucket] = sent.size();
    }
    Check(sim, where + ", after retries");
  }

  /// Nobody has seen anything yet, on another disk.
  void ForgetSeen() { seen_.clear(); }
  bool all_answered() const {
    for (const auto& [bucket, sent] : sent_) {
      for (const auto& one : sent) {
        if (!one.answer->done()) return false;
      }
    }
    return true;
  }

 private:
  std::map<int, std::vector<Sent>> sent_;
  std::map<int, size_t> seen_;
};

using Workload = void (*)(SimEngine&, Clients&);

/// Small appends to two buckets, several in flight, files and checkpoints in between.
void SmallAppends(SimEngine& sim, Clients& clients) {
  for (int i = 0; i < 12; ++i) {
    clients.Send(sim, i % 2, 1 + i % 3, 200);
    clients.Send(sim, 0, 1, 100);
    if (i % 3 == 2) sim.RunFor(i % 2 == 0 ? 400 : 1200);
  }
  sim.RunFor(3000);
}

/// Large ones that go straight to the segment, among small ones; segments roll.
void LargeAppends(SimEngine& sim, Clients& clients) {
  for (int i = 0; i < 8; ++i) {
    clients.Send(sim, 0, 2, i % 2 == 0 ? 20'000 : 300);
    if (i % 4 == 1) clients.Send(sim, 1, 1, 9'000);
    if (i % 3 == 2) sim.RunFor(i == 5 ? 1500 : 300);
  }
  sim.RunFor(2500);
}

/// A ring of the smallest size that goes round.
void SmallRing(SimEngine& sim, Clients& clients) {
  for (int i = 0; i < 30; ++i) {
    clients.Send(sim, i % 3, 1, 7000);
    if (i % 4 == 3) sim.RunFor(700);
  }
  sim.RunFor(4000);
}

struct Case {
  const char* name;
  Workload workload;
  uint64_t ring_bytes;
};
constexpr Case kCases[] = {
    {"small", SmallAppends, 512 << 10}, {"large", LargeAppends, 512 << 10}, {"ring", SmallRing, 0}};

void Configure(SimEngine& sim, const Case& a_case) { sim.options.journal.ring.bytes_max = a_case.ring_bytes; }

class EngineCrashTest : public ::testing::TestWithParam<Case> {};

TEST_P(EngineCrashTest, EveryCrashPointKeepsWhatWasAcknowledged) {
  const Case& a_case = GetParam();
  std::unique_ptr<Clients> clients;
  const uint64_t states = testing::ForEachCrashState(
      {.seeds = 2},
      [&](MemoryFileSystem& disk) {
        clients = std::make_unique<Clients>();
        SimEngine sim(disk);
        Configure(sim, a_case);
        if (!sim.Open().ok()) return;
        a_case.workload(sim, *clients);
        sim.Stop(0);
      },
      [&](MemoryFileSystem& disk, const CrashState& state) {
        if (::testing::Test::HasFatalFailure()) return;
        const std::string where = std::string(a_case.name) + ", " + state.ToString();
        Clients copy = *clients;
        SimEngine sim(disk, state.seed + 1, 1 + state.seed % 3);
        Configure(sim, a_case);
        ASSERT_TRUE(sim.Open().ok()) << where;
        copy.Check(sim, where);
        copy.Retry(sim, where);
        EXPECT_THAT(sim.reports, ::testing::Not(::testing::Contains(::testing::HasSubstr("stays closed")))) << where;
        sim.Stop(0);
      });
  RecordProperty("states", static_cast<int>(states));
  EXPECT_GT(states, 400u);
}

TEST_P(EngineCrashTest, ASecondCrashWhileRecoveringLosesNothingEither) {
  const Case& a_case = GetParam();
  std::unique_ptr<Clients> clients;
  uint64_t states = 0;
  testing::ForEachCrashState(
      {.step = 11, .seeds = 1},
      [&](MemoryFileSystem& disk) {
        clients = std::make_unique<Clients>();
        SimEngine sim(disk);
        Configure(sim, a_case);
        if (!sim.Open().ok()) return;
        a_case.workload(sim, *clients);
        sim.Stop(0);
      },
      [&](MemoryFileSystem& disk, const CrashState& first) {
        if (::testing::Test::HasFatalFailure()) return;
        for (uint64_t after = 0;; after += 1 + after / 3) {
          const auto again = disk.PowerCut(PowerLoss::kKeepAll);
          again->CrashAfter(after);
          Clients copy = *clients;
          const std::string where = fmt::format("{}, {}, then after {}", a_case.name, first.ToString(), after);
          {
            SimEngine sim(*again, first.seed + 1);
            Configure(sim, a_case);
            if (sim.Open().ok()) {
              if (!again->crashed()) copy.Send(sim, 0, 1, 100);
              sim.RunFor(4000);
            }
            sim.Stop(0);
          }
          const auto left = again->PowerCut(testing::kPowerLosses[after % 5], first.seed + after);
          SimEngine sim(*left, after + 1);
          Configure(sim, a_case);
          ASSERT_TRUE(sim.Open().ok()) << where;
          copy.Check(sim, where);
          copy.Retry(sim, where);
          sim.Stop(0);
          ++states;
          if (!again->crashed()) break;
        }
      });
  RecordProperty("states", static_cast<int>(states));
  EXPECT_GT(states, 200u);
}

INSTANTIATE_TEST_SUITE_P(Workloads, EngineCrashTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

/// Random appends, waits, device errors, kills and power cuts; a seed that fails is printed and does the same again.
void RandomLife(uint64_t seed) {
  testing::SimScheduler dice(seed);
  auto disk = std::make_unique<MemoryFileSystem>();
  Clients clients;
  for (int start = 0; start < 6; ++start) {
    const std::string where = fmt::format("seed {}, start {}", seed, start);
    std::unique_ptr<MemoryFileSystem> left;
    {
      SimEngine sim(*disk, dice.Draw(1'000'000), 1 + dice.Draw(4));
      sim.options.journal.ring.bytes_max = dice.Draw(2) == 0 ? 0 : 256 << 10;
      ASSERT_TRUE(sim.Open().ok()) << where;
      clients.Check(sim, where);
      clients.Retry(sim, where);
      if (::testing::Test::HasFatalFailure()) return;
      if (dice.Draw(4) != 0) disk->CrashAfter(disk->operations() + dice.Draw(120));
      if (dice.Draw(3) == 0) {
        const auto kind = dice.Draw(2) == 0 ? testing::Operation::kSync : testing::Operation::kWrite;
        disk->FailNext(kind, "data/log", static_cast<testing::Fault>(dice.Draw(4)), 1 + static_cast<int>(dice.Draw(3)));
      }
      const uint64_t steps = 5 + dice.Draw(40);
      for (uint64_t i = 0; i < steps; ++i) {
        const size_t bytes = dice.Draw(8) == 0 ? 17'000 + dice.Draw(9'000) : 20 + dice.Draw(3'000);
        clients.Send(sim, static_cast<int>(dice.Draw(4)), 1 + static_cast<int32_t>(dice.Draw(3)), bytes);
        if (dice.Draw(3) == 0) sim.RunFor(static_cast<int64_t>(dice.Draw(700)));
      }
      const auto loss =
          disk->crashed() || dice.Draw(2) == 0 ? testing::kPowerLosses[dice.Draw(5)] : PowerLoss::kKeepAll;
      left = disk->PowerCut(loss, dice.Draw(1'000'000));
      // Answers that come after the cut were never given.
      disk->CrashAfter(disk->operations());
      sim.Stop(0);
    }
    disk = std::move(left);
  }
}

TEST(EngineLifeTest, RandomLivesLoseNothing) {
  // THALWEG_LIFE_SEED=17 does one again, THALWEG_LIVES=5000 does more of them.
  const char* seed = std::getenv("THALWEG_LIFE_SEED");
  const char* lives = std::getenv("THALWEG_LIVES");
  const uint64_t first = seed ? std::stoull(seed) : 1;
  const uint64_t last = seed ? first : lives ? std::stoull(lives) : 60;
  for (uint64_t i = first; i <= last && !::testing::Test::HasFatalFailure(); ++i) RandomLife(i);
}

TEST(EngineLifeTest, SeedsThatOnceFailed) {
  for (const uint64_t seed : {136}) RandomLife(seed);
}

}  // namespace
}  // namespace thalweg::tablet
