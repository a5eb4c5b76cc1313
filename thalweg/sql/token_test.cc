#include "thalweg/sql/token.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/sql/statement_text_internal.h"

namespace thalweg::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Texts(std::string_view sql) {
  std::vector<std::string> texts;
  for (const auto& token : Tokenize(sql).ValueOrDie()) {
    const char* kinds[] = {"w:", "q:", "t:", "n:", "s:", "end"};
    texts.push_back(kinds[static_cast<int>(token.kind)] + token.text);
  }
  return texts;
}

TEST(TokenTest, KindsAndWhatIsInside) {
  EXPECT_THAT(Texts("a$b \"c\"\"d\" `e``f` 'g''h' E'i\\n\\'' 1.5e-3 .5 <="),
              ElementsAre("w:a$b", "q:c\"d", "q:e`f", "t:g'h", "t:i\n'", "n:1.5e-3", "n:.5", "s:<", "s:=", "end"));
  EXPECT_THAT(Texts("$1 $$a;b$$ $x$'$$'$x$ é"), ElementsAre("s:$", "n:1", "t:a;b", "t:'$$'", "w:é", "end"));
  EXPECT_THAT(Texts("a--b\n/* c /* d */ e */f"), ElementsAre("w:a", "w:f", "end"));
  EXPECT_THAT(Texts(""), ElementsAre("end"));
}

TEST(TokenTest, WhatHasNoEndIsRefusedWithItsPlace) {
  for (const auto* sql : {"select\n 'a", "select\n \"a", "select\n `a", "select\n /* /* */", "select\n $q$ $$"}) {
    EXPECT_THAT(Tokenize(sql).status().message(), HasSubstr("line 2, column 2")) << sql;
  }
}

TEST(TokenTest, StatementsOfAScript) {
  EXPECT_THAT(SplitStatements("select ';' ; -- ;\n;insert into \"a;b\" values ($$;$$);").ValueOrDie(),
              ElementsAre("select ';'", "insert into \"a;b\" values ($$;$$)"));
  EXPECT_THAT(SplitStatements(" ; /* ; */ ").ValueOrDie(), ElementsAre());
}

TEST(StatementTextTest, SystemTimeBecomesAt) {
  const auto rewritten = [](std::string_view sql) { return ForDuckDb(sql, "d").ValueOrDie(); };
  EXPECT_EQ(rewritten("SELECT * FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-01' WHERE a = 1"),
            "SELECT * FROM t AT (TIMESTAMP => TIMESTAMP '2026-01-01') WHERE a = 1");
  EXPECT_EQ(rewritten("select * from t for system_time as of now() - interval '1' hour as x join u on true"),
            "select * from t as x AT (TIMESTAMP => now() - interval '1' hour) join u on true");
  EXPECT_EQ(rewritten("select * from (select 1 from t for system_time as of $1 x), u"),
            "select * from (select 1 from t x AT (TIMESTAMP => $1)), u");
  EXPECT_EQ(rewritten("select 'FOR SYSTEM_TIME AS OF x' from t"), "select 'FOR SYSTEM_TIME AS OF x' from t");
  EXPECT_FALSE(ForDuckDb("select * from t for system_time as of where a", "d").ok());
}

TEST(StatementTextTest, ShowReadsSystemTables) {
  EXPECT_THAT(ForDuckDb("SHOW PARTITIONS t", "it's").ValueOrDie(),
              HasSubstr("database_name = 'it''s' AND table_name = 't'"));
  EXPECT_THAT(ForDuckDb("show partitions a.\"T\"", "d").ValueOrDie(),
              HasSubstr("database_name = 'a' AND table_name = 'T'"));
  EXPECT_THAT(ForDuckDb("show databases", "d").ValueOrDie(), HasSubstr("thalweg.databases"));
  EXPECT_EQ(ForDuckDb("show tables", "d").ValueOrDie(), "show tables");
}

TEST(StatementTextTest, UseAndTimeZone) {
  EXPECT_EQ(DatabaseOfUse("use a").ValueOrDie(), "a");
  EXPECT_EQ(DatabaseOfUse("USE cluster.\"B c\";").ValueOrDie(), "B c");
  EXPECT_EQ(DatabaseOfUse("select 1").ValueOrDie(), std::nullopt);
  EXPECT_FALSE(DatabaseOfUse("use a b").ok());
  EXPECT_EQ(TimeZoneOfSet("set timezone = 'UTC'").ValueOrDie(), "UTC");
  EXPECT_EQ(TimeZoneOfSet("SET SESSION TIME ZONE 'Europe/Berlin'").ValueOrDie(), "Europe/Berlin");
  EXPECT_EQ(TimeZoneOfSet("set threads = 4").ValueOrDie(), std::nullopt);
}

}  // namespace
}  // namespace thalweg::sql
