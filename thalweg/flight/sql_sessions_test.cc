#include "thalweg/flight/sql_sessions.h"

#include <gtest/gtest.h>

#include <optional>

#include "thalweg/base/error.h"
#include "thalweg/runtime/clock.h"
#include "thalweg/sql/engine.h"

namespace thalweg::flight {
namespace {

/// Sessions that do nothing, of which there may be `max`.
class FakeEngine final : public sql::Engine {
 public:
  class FakeSession final : public sql::Session {
   public:
    explicit FakeSession(int& open) : open_(open) { ++open_; }
    ~FakeSession() override { --open_; }
    arrow::Result<sql::Answer> Execute(std::string_view) override { return arrow::Status::NotImplemented(""); }
    arrow::Result<std::shared_ptr<sql::Statement>> Prepare(std::string_view) override {
      return arrow::Status::NotImplemented("");
    }
    void Cancel() override {}
    std::string database() const override { return "fluss"; }
    arrow::Status UseDatabase(const std::string&) override { return arrow::Status::OK(); }

   private:
    int& open_;
  };

  arrow::Result<std::unique_ptr<sql::Session>> OpenSession(sql::SessionOptions) override {
    if (open >= max) return Error(ErrorCode::kStorageBackpressure, "too many");
    ++opened;
    return std::make_unique<FakeSession>(open);
  }

  int max = 3;
  int open = 0;
  int opened = 0;
};

class HandClock final : public runtime::Clock {
 public:
  int64_t WallMs() const override { return 0; }
  int64_t MonotonicNs() const override { return now_ns; }
  int64_t now_ns = 0;
};

const security::Asker kAlice{{"User", "alice"}, "10.0.0.1"};
const security::Asker kBob{{"User", "bob"}, "10.0.0.1"};

class SqlSessionsTest : public ::testing::Test {
 protected:
  sql::Session* TakeAndReturn(const std::string& connection, const security::Asker& asker, bool claim = false) {
    auto lease = sessions.Take(connection, asker).ValueOrDie();
    if (claim) lease.Claim();
    return &*lease;
  }

  FakeEngine engine;
  HandClock clock;
  SqlSessions sessions{engine, clock, {.idle_max = 2, .idle_ns_max = 100}};
};

TEST_F(SqlSessionsTest, AConnectionComesBackToItsSession) {
  auto* first = TakeAndReturn("a", kAlice, /*claim=*/true);
  EXPECT_EQ(TakeAndReturn("a", kAlice), first);
  EXPECT_NE(TakeAndReturn("b", kAlice), first) << "what one has set another does not see";
  EXPECT_EQ(TakeAndReturn("a", kAlice), first);
}

TEST_F(SqlSessionsTest, AnUntouchedSessionServesItsUsersOtherConnections) {
  auto* first = TakeAndReturn("a", kAlice);
  EXPECT_EQ(TakeAndReturn("b", kAlice), first);
  EXPECT_NE(TakeAndReturn("b", kBob), first) << "but nobody else's";
}

TEST_F(SqlSessionsTest, StatementsAtTheSameTimeHaveSessionsOfTheirOwn) {
  std::optional<SqlSessions::Lease> one = sessions.Take("a", kAlice).ValueOrDie();
  std::optional<SqlSessions::Lease> two = sessions.Take("a", kAlice).ValueOrDie();
  EXPECT_NE(&**one, &**two);
  one.reset();
  two.reset();
  EXPECT_EQ(sessions.idle(), 2);
}

TEST_F(SqlSessionsTest, WhoWaitsMakesRoomForWhoWorks) {
  TakeAndReturn("a", kAlice);
  std::optional<SqlSessions::Lease> one = sessions.Take("b", kBob).ValueOrDie();
  std::optional<SqlSessions::Lease> two = sessions.Take("b", kBob).ValueOrDie();
  std::optional<SqlSessions::Lease> three = sessions.Take("b", kBob).ValueOrDie();
  EXPECT_EQ(sessions.idle(), 0);
  EXPECT_EQ(CodeOf(sessions.Take("b", kBob).status()), ErrorCode::kStorageBackpressure);
}

TEST_F(SqlSessionsTest, IdleOnesEndInTimeAndWhenTheirConnectionSaysSo) {
  TakeAndReturn("a", kAlice, /*claim=*/true);
  sessions.Close("other");
  EXPECT_EQ(engine.open, 1);
  sessions.Close("a");
  EXPECT_EQ(engine.open, 0);
  TakeAndReturn("a", kAlice, /*claim=*/true);
  clock.now_ns += 101;
  TakeAndReturn("b", kBob);
  EXPECT_EQ(engine.open, 1);
}

TEST_F(SqlSessionsTest, ADiscardedSessionIsNotUsedAgain) {
  {
    auto lease = sessions.Take("a", kAlice).ValueOrDie();
    lease.Discard();
  }
  EXPECT_EQ(engine.open, 0);
}

}  // namespace
}  // namespace thalweg::flight
