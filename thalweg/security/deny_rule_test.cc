#include "thalweg/security/deny_rule.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::security {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Principal kBob{"User", "bob"};

DenyRule Rule(const char* text) { return DenyRule::Parse(text).ValueOrDie(); }
bool Denies(const char* rule, const Principal& who, Operation operation, const Resource& what, const char* from = "h") {
  return Rule(rule).Denies(who, false, from, operation, what);
}

TEST(DenyRuleTest, ReadsARule) {
  const auto rule = Rule("User:bob READ,write , Drop on table sales.orders from 10.0.0.7");
  EXPECT_EQ(rule.principal, kBob);
  EXPECT_THAT(rule.operations, ElementsAre(Operation::kRead, Operation::kWrite, Operation::kDrop));
  EXPECT_EQ(rule.resource, Resource::Table("sales", "orders"));
  EXPECT_EQ(rule.host, "10.0.0.7");
}

TEST(DenyRuleTest, RefusesWhatIsNoRuleAndQuotesIt) {
  for (const char* text : {"bob READ on cluster", "User:bob on cluster", "User:bob READ cluster", "User:bob READ",
                           "User:bob READS on cluster", "User:bob READ on", "User:bob READ on table orders",
                           "User:bob READ on table a.b.c", "User:bob READ on table .b", "User:bob READ on database a.b",
                           "User:bob READ on database", "User:bob READ on moon", "User:bob READ on cluster now",
                           "User:bob READ on cluster from", "User: READ on cluster", ":bob READ on cluster"}) {
    const auto rule = DenyRule::Parse(text);
    EXPECT_EQ(CodeOf(rule.status()), ErrorCode::kInvalidConfig) << text;
    EXPECT_THAT(rule.status().message(), HasSubstr(text));
  }
}

TEST(DenyRuleTest, ReadsSeveral) {
  EXPECT_EQ(ParseDenyRules("* DROP on cluster; User:bob ALL on database a\n\n  * ALTER on table *\n")->size(), 3u);
  EXPECT_EQ(ParseDenyRules("")->size(), 0u);
  EXPECT_FALSE(ParseDenyRules("* DROP on cluster; nonsense").ok());
}

TEST(DenyRuleTest, MeansPrincipals) {
  const auto cluster = Resource::Cluster();
  EXPECT_TRUE(Denies("* DROP on cluster", kBob, Operation::kDrop, cluster));
  EXPECT_TRUE(Denies("User:* DROP on cluster", kBob, Operation::kDrop, cluster));
  EXPECT_FALSE(Denies("Group:* DROP on cluster", kBob, Operation::kDrop, cluster));
  EXPECT_TRUE(Denies("User:bob DROP on cluster", kBob, Operation::kDrop, cluster));
  EXPECT_FALSE(Denies("User:Bob DROP on cluster", kBob, Operation::kDrop, cluster));
  EXPECT_TRUE(Rule("User:Bob DROP on cluster").Denies(kBob, true, "h", Operation::kDrop, cluster));
}

TEST(DenyRuleTest, MeansOperationsExactly) {
  const auto table = Resource::Table("a", "t");
  EXPECT_FALSE(Denies("* READ on table a.t", kBob, Operation::kDescribe, table));
  EXPECT_TRUE(Denies("* ALL on table a.t", kBob, Operation::kDescribe, table));
  EXPECT_FALSE(Denies("* DESCRIBE on table a.t", kBob, Operation::kRead, table));
}

TEST(DenyRuleTest, MeansHosts) {
  EXPECT_TRUE(Denies("* ALL on cluster from 1.2.3.4", kBob, Operation::kRead, Resource::Cluster(), "1.2.3.4"));
  EXPECT_FALSE(Denies("* ALL on cluster from 1.2.3.4", kBob, Operation::kRead, Resource::Cluster(), "1.2.3.5"));
}

TEST(DenyRuleTest, CoversWhatIsInTheResource) {
  const auto cluster = Resource::Cluster(), database = Resource::Database("a"), table = Resource::Table("a", "t");
  for (const auto& [text, on_cluster, on_database, on_table] : {std::tuple{"* ALL on cluster", true, true, true},
                                                                {"* ALL on database a", false, true, true},
                                                                {"* ALL on database *", false, true, true},
                                                                {"* ALL on database aa", false, false, false},
                                                                {"* ALL on table a.t", false, false, true},
                                                                {"* ALL on table a.*", false, false, true},
                                                                {"* ALL on table *", false, false, true},
                                                                {"* ALL on table a.tt", false, false, false},
                                                                {"* ALL on table aa.*", false, false, false}}) {
    EXPECT_EQ(Rule(text).Covers(cluster), on_cluster) << text;
    EXPECT_EQ(Rule(text).Covers(database), on_database) << text;
    EXPECT_EQ(Rule(text).Covers(table), on_table) << text;
  }
}

}  // namespace
}  // namespace thalweg::security
