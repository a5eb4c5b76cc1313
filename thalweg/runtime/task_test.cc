#include "thalweg/runtime/task.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "thalweg/runtime/completion.h"
#include "thalweg/runtime/executor.h"
#include "thalweg/runtime/gate.h"

namespace thalweg::runtime {
namespace {

/// Runs what was posted when told to; delays are ignored.
class ManualExecutor : public Executor {
 public:
  void Post(Work work) override { queue_.push_back(std::move(work)); }
  void PostAfter(Nanos, Work work) override { Post(std::move(work)); }
  bool RunsHere() const override { return runs_here; }
  void Drain() {
    while (!queue_.empty()) {
      Work work = std::move(queue_.front());
      queue_.pop_front();
      work();
    }
  }

  bool runs_here = true;

 private:
  std::deque<Work> queue_;
};

Task<int> Deep(int n) {
  if (n == 0) co_return 0;
  co_return 1 + co_await Deep(n - 1);
}

TEST(Task, LongChainsUseNoStack) {
  int result = -1;
  Spawn([](int& out) -> Task<> { out = co_await Deep(100'000); }(result));
  EXPECT_EQ(result, 100'000);
}

TEST(Task, DoesNotRunUnlessAwaited) {
  bool ran = false;
  {
    auto task = [](bool& flag) -> Task<> {
      flag = true;
      co_return;
    }(ran);
  }
  EXPECT_FALSE(ran);
}

Task<arrow::Result<int>> Fails() { co_return arrow::Status::Invalid("no"); }

TEST(Task, AssignOrReturnPassesTheFailureOn) {
  arrow::Status seen;
  Spawn([](arrow::Status& out) -> Task<> {
    auto inner = []() -> Task<arrow::Status> {
      TW_CO_ASSIGN_OR_RETURN(int value, co_await Fails());
      co_return value == 0 ? arrow::Status::OK() : arrow::Status::OK();
    };
    out = co_await inner();
  }(seen));
  EXPECT_EQ(seen.message(), "no");
}

TEST(Completion, HandsOverInEitherOrder) {
  for (const bool set_first : {true, false}) {
    ManualExecutor executor;
    Completion<std::string> completion;
    std::string seen;
    if (set_first) completion.Set("x");
    Spawn([](Completion<std::string>& c, Executor& e, std::string& out) -> Task<> { out = co_await c.Wait(e); }(
                                                                            completion, executor, seen));
    if (!set_first) {
      EXPECT_EQ(seen, "");
      completion.Set("x");
      executor.Drain();
    }
    EXPECT_EQ(seen, "x");
  }
}

TEST(Gate, CloseWaitsForThoseInsideAndTurnsOthersAway) {
  ManualExecutor executor;
  Gate gate;
  ASSERT_TRUE(gate.Enter());
  bool closed = false;
  Spawn([](Gate& g, Executor& e, bool& flag) -> Task<> {
    co_await g.Close(e);
    flag = true;
  }(gate, executor, closed));
  EXPECT_FALSE(closed);
  EXPECT_FALSE(gate.Enter());
  gate.Leave();
  executor.Drain();
  EXPECT_TRUE(closed);
}

TEST(Executor, EnsureOnSwitchesOnlyWhereItMust) {
  ManualExecutor executor;
  for (const bool is_there : {true, false}) {
    executor.runs_here = is_there;
    bool went_on = false;
    Spawn([](Executor& e, bool& flag) -> Task<> {
      co_await EnsureOn(e);
      flag = true;
    }(executor, went_on));
    EXPECT_EQ(went_on, is_there);
    executor.Drain();
    EXPECT_TRUE(went_on);
  }
}

TEST(Executor, RunOnComesBackHome) {
  ManualExecutor pool;
  ManualExecutor home;
  int got = 0;
  Spawn([](Executor& p, Executor& h, int& out) -> Task<> { out = co_await RunOn(p, h, [] { return 7; }); }(pool, home,
                                                                                                           got));
  pool.Drain();
  EXPECT_EQ(got, 0);
  home.Drain();
  EXPECT_EQ(got, 7);
}

}  // namespace
}  // namespace thalweg::runtime
