#include "thalweg/sql/statement_token.h"

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/sql/test_database_internal.h"

namespace thalweg::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StatementTokenTest : public ::testing::Test {
 protected:
  void Must(std::string_view sql) {
    for (const auto& row : db_.Run(sql)) ASSERT_THAT(row, ::testing::Not(HasSubstr("error: "))) << sql;
  }
  /// Reads all rows, and gives the token.
  query::Token TokenAfter(std::string_view sql) {
    const auto answer = db_.session().Execute(sql).ValueOrDie();
    if (answer.rows) (void)TestDatabase::Text(*answer.rows).ValueOrDie();
    return answer.token->Get();
  }
  std::string Text(const query::Token& token) { return token.ToString(); }
  /// All buckets of the tables, as they are now.
  query::Token EndsOf(const std::vector<std::string>& tables) {
    query::Token token;
    for (const auto& name : tables) {
      const auto table = db_.catalog().view()->FindTable({"fluss", name});
      for (int32_t i = 0; i < table->bucket_count(); ++i) {
        const auto end = db_.One("SELECT end_offset FROM thalweg.buckets WHERE table_name = '" + name +
                                 "' AND bucket = " + std::to_string(i));
        token.Add({table->id, kNoPartition, BucketId(i)}, LogOffset(std::stoll(end)));
      }
    }
    return token;
  }

  TestDatabase db_;
};

TEST_F(StatementTokenTest, AJoinReflectsAllBucketsOfBothTables) {
  Must("CREATE TABLE log (id INT, v STRING) WITH ('bucket.num' = '2')");
  Must("CREATE TABLE keyed (id INT PRIMARY KEY, name STRING) WITH ('bucket.num' = '3')");
  Must("INSERT INTO log SELECT i % 50, 'v' || i FROM range(100000) r(i)");
  Must("INSERT INTO keyed SELECT i, 'n' || i FROM range(50) r(i)");
  Must("DELETE FROM keyed WHERE id = 7");
  const auto all = EndsOf({"log", "keyed"});
  ASSERT_EQ(all.ends.size(), 5u);
  const char* join = "SELECT name, count(*) FROM log JOIN keyed USING (id) GROUP BY name";
  EXPECT_EQ(Text(TokenAfter(join)), Text(all));
  EXPECT_EQ(Text(TokenAfter("SELECT count(*) FROM keyed")), Text(EndsOf({"keyed"})));
  EXPECT_TRUE(TokenAfter("SELECT 1").empty());
  EXPECT_TRUE(TokenAfter("SELECT * FROM thalweg.tables").empty());
}

TEST_F(StatementTokenTest, ALookUpReflectsItsBucketAlone) {
  Must("CREATE TABLE keyed (id INT PRIMARY KEY, name STRING) WITH ('bucket.num' = '3')");
  Must("INSERT INTO keyed SELECT i, 'n' || i FROM range(50) r(i)");
  const auto all = EndsOf({"keyed"});
  const auto token = TokenAfter("SELECT name FROM keyed WHERE id = 7");
  ASSERT_EQ(token.ends.size(), 1u);
  const auto& [bucket, end] = *token.ends.begin();
  EXPECT_EQ(all.ends.at(bucket), end);
}

TEST_F(StatementTokenTest, WhatWasNotReadIsNotReflected) {
  Must("CREATE TABLE log (id INT)");
  for (int i = 0; i < 3; ++i) Must("INSERT INTO log SELECT * FROM range(10)");
  const auto bucket = EndsOf({"log"}).ends.begin()->first;
  EXPECT_EQ(TokenAfter("SELECT id FROM log LIMIT 12").ends.at(bucket), LogOffset(12));
  const auto answer = db_.session().Execute("SELECT id FROM log").ValueOrDie();
  EXPECT_LT(answer.token->Get().ends[bucket], LogOffset(31));
  (void)TestDatabase::Text(*answer.rows).ValueOrDie();
  EXPECT_EQ(answer.token->Get().ends[bucket], LogOffset(30));
  Must("INSERT INTO log VALUES (1)");
  Must("SELECT * FROM log");
  EXPECT_EQ(answer.token->Get().ends[bucket], LogOffset(30)) << "what comes later is that of other statements";
}

TEST_F(StatementTokenTest, AChangeGivesWhatItHasWritten) {
  Must("CREATE TABLE log (id INT)");
  Must("CREATE TABLE keyed (id INT PRIMARY KEY, n INT)");
  EXPECT_EQ(Text(TokenAfter("INSERT INTO log SELECT * FROM range(200000)")), Text(EndsOf({"log"})));
  EXPECT_EQ(Text(TokenAfter("INSERT INTO keyed SELECT id, 1 FROM log WHERE id < 10")), Text(EndsOf({"log", "keyed"})));
  EXPECT_EQ(Text(TokenAfter("UPDATE keyed SET n = 2 WHERE id = 3")), Text(EndsOf({"keyed"})));
  EXPECT_EQ(Text(TokenAfter("DELETE FROM keyed WHERE id > 3")), Text(EndsOf({"keyed"})));
  EXPECT_EQ(Text(TokenAfter("CREATE TABLE made AS SELECT n FROM keyed")), Text(EndsOf({"keyed", "made"})));
  EXPECT_EQ(db_.session().Execute("CREATE TABLE other (id INT)").ValueOrDie().token, nullptr);
}

TEST_F(StatementTokenTest, AStatementWaitsForAToken) {
  Must("CREATE TABLE log (id INT)");
  const auto written = TokenAfter("INSERT INTO log VALUES (1)");
  Must("SET thalweg_at_least = '" + Text(written) + "'");
  Must("SET SESSION thalweg_at_least TO '';");
  query::Token later;
  later.Add(written.ends.begin()->first, LogOffset(2));
  const auto waits = db_.Open();
  auto waiting = std::async(std::launch::async, [&] {
    const auto set = TestDatabase::Run(*waits, "SET thalweg_at_least = '" + Text(later) + "'");
    return set == std::vector<std::string>{"ok"} ? TestDatabase::Run(*waits, "SELECT count(*) FROM log") : set;
  });
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  Must("INSERT INTO log VALUES (2)");
  EXPECT_THAT(waiting.get(), ElementsAre("2"));
}

TEST_F(StatementTokenTest, ATokenThatCannotComeIsAnError) {
  Must("CREATE TABLE log (id INT)");
  const auto bucket = Text(TokenAfter("INSERT INTO log VALUES (1)"));
  const auto table = bucket.substr(0, bucket.find('/'));
  EXPECT_THAT(db_.Run("SET thalweg_at_least = 'no token'"), ElementsAre(HasSubstr("is no token")));
  EXPECT_THAT(db_.Run("SET thalweg_at_least = 7"), ElementsAre(HasSubstr("a token in single quotes")));
  EXPECT_THAT(db_.Run("SET thalweg_at_least = '" + table + "/9:1'"), ElementsAre(HasSubstr("error: ")));
  EXPECT_THAT(db_.Run("SET thalweg_at_least = '4711/0:1'"), ElementsAre(HasSubstr("error: ")));
  const auto hurried = db_.Open({.time_ms_max = 50});
  EXPECT_THAT(TestDatabase::Run(*hurried, "SET thalweg_at_least = '" + table + "/0:1000'"),
              ElementsAre(HasSubstr("longer than the 50 ms")));
}

TEST(StatementTokenBoundTest, ATokenOfTooManyBucketsIsLeftOut) {
  StatementToken token;
  for (size_t i = 0; i < query::kTokenBucketsMax; ++i) {
    token.Add({TableId(1), kNoPartition, BucketId(static_cast<int32_t>(i))}, LogOffset(1));
  }
  EXPECT_EQ(token.Get().ends.size(), query::kTokenBucketsMax);
  query::Token more;
  more.Add({TableId(2), kNoPartition, BucketId(0)}, LogOffset(1));
  token.Merge(more);
  EXPECT_TRUE(token.Get().empty());
  token.Merge(more);
  EXPECT_TRUE(token.Get().empty()) << "a part of it would tell less than was read";
}

}  // namespace
}  // namespace thalweg::sql
