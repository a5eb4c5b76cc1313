#include "thalweg/security/access_policy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"

namespace thalweg::security {
namespace {

using enum Operation;

const Principal kBob{"User", "bob"};
const Resource kCluster = Resource::Cluster(), kSales = Resource::Database("sales"),
               kOrders = Resource::Table("sales", "orders");

/// Whether bob, from 10.0.0.1, may do `wanted` on `resource` where all that is granted is `granted` on `where`.
bool MayBob(Operation granted, const Resource& where, Operation wanted, const Resource& resource,
            const Principal& grantee = kBob, const std::string& host = kWildcard, const AccessPolicy& policy = {}) {
  const AclMap acls{{where, {AclEntry{grantee, host, granted, Permission::kAllow}}}};
  return policy.Allows(acls, {kBob, "10.0.0.1"}, wanted, resource);
}

TEST(AccessPolicyTest, NobodyMayDoAnythingUnasked) {
  for (const auto& resource : {kCluster, kSales, kOrders}) {
    EXPECT_FALSE(AccessPolicy().Allows({}, {kBob, "h"}, kDescribe, resource));
  }
}

TEST(AccessPolicyTest, AGrantHoldsForItsOperationAndAllForEvery) {
  for (const Operation wanted : {kRead, kWrite, kCreate, kDrop, kAlter, kDescribe}) {
    for (const Operation granted : {kRead, kWrite, kCreate, kDrop, kAlter, kDescribe}) {
      EXPECT_EQ(MayBob(granted, kOrders, wanted, kOrders), granted == wanted || wanted == kDescribe)
          << OperationName(granted) << " " << OperationName(wanted);
    }
    EXPECT_TRUE(MayBob(kAll, kOrders, wanted, kOrders));
  }
}

TEST(AccessPolicyTest, AGrantHoldsForWhatIsInItsResource) {
  for (const auto& [where, on_cluster, on_database, on_table] :
       {std::tuple{kCluster, true, true, true},
        {kSales, false, true, true},
        {kOrders, false, false, true},
        {Resource{ResourceType::kCluster, "*"}, true, false, false},
        {Resource::Database("*"), false, true, false},
        {Resource{ResourceType::kTable, "*"}, false, false, true},
        {Resource::Database("sale"), false, false, false},
        {Resource::Table("sales", "order"), false, false, false}}) {
    EXPECT_EQ(MayBob(kAlter, where, kAlter, kCluster), on_cluster) << where.ToString();
    EXPECT_EQ(MayBob(kAlter, where, kAlter, kSales), on_database) << where.ToString();
    EXPECT_EQ(MayBob(kAlter, where, kAlter, kOrders), on_table) << where.ToString();
  }
}

TEST(AccessPolicyTest, AGrantHoldsForItsPrincipalAndHost) {
  EXPECT_TRUE(MayBob(kRead, kOrders, kRead, kOrders, kEverybody));
  EXPECT_FALSE(MayBob(kRead, kOrders, kRead, kOrders, {"User", "alice"}));
  EXPECT_FALSE(MayBob(kRead, kOrders, kRead, kOrders, {"Group", "bob"}));
  EXPECT_FALSE(MayBob(kRead, kOrders, kRead, kOrders, {"User", "*"}));
  EXPECT_TRUE(MayBob(kRead, kOrders, kRead, kOrders, kBob, "10.0.0.1"));
  EXPECT_FALSE(MayBob(kRead, kOrders, kRead, kOrders, kBob, "10.0.0.2"));
}

TEST(AccessPolicyTest, CaseOfPrincipalsCanBeIgnored) {
  EXPECT_FALSE(MayBob(kRead, kOrders, kRead, kOrders, {"user", "BOB"}));
  EXPECT_TRUE(MayBob(kRead, kOrders, kRead, kOrders, {"user", "BOB"}, kWildcard, {.ignore_case = true}));
}

TEST(AccessPolicyTest, SuperUsersMayDoEverything) {
  const AccessPolicy policy{.super_users = ParsePrincipals("User:admin; User:bob").ValueOrDie()};
  EXPECT_TRUE(policy.Allows({}, {kBob, "h"}, kDrop, kCluster));
  EXPECT_FALSE(policy.Allows({}, {{"User", "carol"}, "h"}, kDescribe, kOrders));
}

TEST(AccessPolicyTest, DenyRulesWinOverGrantsAndSuperUsers) {
  AccessPolicy policy{.super_users = {kBob}, .deny = ParseDenyRules("User:bob DROP on table sales.*").ValueOrDie()};
  EXPECT_FALSE(policy.Allows({}, {kBob, "h"}, kDrop, kOrders));
  EXPECT_TRUE(policy.Allows({}, {kBob, "h"}, kRead, kOrders));
  EXPECT_TRUE(policy.Allows({}, {kBob, "h"}, kDrop, kSales));
  policy.super_users.clear();
  EXPECT_FALSE(MayBob(kAll, kCluster, kDrop, kOrders, kBob, kWildcard, policy));
}

TEST(AccessPolicyTest, RefusesPrincipalsThatAreNone) {
  for (const char* text : {"admin", ":admin", "User:", "User:a;b"}) {
    EXPECT_EQ(CodeOf(ParsePrincipals(text).status()), ErrorCode::kInvalidConfig) << text;
  }
  EXPECT_TRUE(ParsePrincipals("")->empty());
}

TEST(AclFilterTest, MatchesWhatItNames) {
  const AclEntry entry{kBob, "*", kRead, Permission::kAllow};
  EXPECT_TRUE(AclFilter().Matches(kOrders) && AclFilter().Matches(entry));
  EXPECT_TRUE((AclFilter{.resource_name = "other"}.Matches(kOrders))) << "a name means nothing without a type";
  EXPECT_TRUE((AclFilter{.resource_type = ResourceType::kTable}.Matches(kOrders)));
  EXPECT_FALSE((AclFilter{.resource_type = ResourceType::kTable, .resource_name = "other"}.Matches(kOrders)));
  EXPECT_FALSE((AclFilter{.resource_type = ResourceType::kDatabase}.Matches(kOrders)));
  EXPECT_FALSE((AclFilter{.principal = Principal{"User", "alice"}}.Matches(entry)));
  EXPECT_FALSE((AclFilter{.host = "h"}.Matches(entry)));
  EXPECT_FALSE((AclFilter{.operation = kAll}.Matches(entry)));
  EXPECT_TRUE((AclFilter{.operation = kRead, .permission = Permission::kAllow}.Matches(entry)));
}

}  // namespace
}  // namespace thalweg::security
