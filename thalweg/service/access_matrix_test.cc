#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/service/test_access_internal.h"

/// Every API of the table, asked by somebody who has no right, each wrong one, and the right one.
namespace thalweg::service {
namespace {

const Resource kElsewhere[] = {Resource::Database("other"), Resource::Table("other", "plain"),
                               Resource::Table("fluss", "plain2")};

const AccessCases& Cases() {
  static const AccessCases cases = [] {
    AccessCases made;
    AddConnectionCases(made);
    AddDatabaseCases(made);
    AddTableCases(made);
    AddDataCases(made);
    AddProducerCases(made);
    AddSnapshotCases(made);
    AddAclCases(made);
    AddClusterCases(made);
    return made;
  }();
  return cases;
}

bool Includes(Operation granted, Operation wanted) {
  return granted == wanted || granted == kAll || (wanted == kDescribe && granted >= kRead && granted <= kAlter);
}

TEST_F(AccessMatrixTest, EveryApiIsInTheMatrix) {
  for (const Api& api : ApiTable()) EXPECT_TRUE(Cases().contains(api.key)) << wire::ApiName(api.key);
}

TEST_F(AccessMatrixTest, WithoutARightEveryApiThatNeedsOneRefuses) {
  for (const auto& [key, one] : Cases()) {
    Restart(std::nullopt, {});
    EXPECT_EQ(one.ask(*this), one.operation ? ErrorCode::kAuthorization : ErrorCode::kNone) << wire::ApiName(key);
  }
}

TEST_F(AccessMatrixTest, WithAnyOtherOperationItRefusesToo) {
  for (const auto& [key, one] : Cases()) {
    if (!one.operation) continue;
    for (const Operation operation : {kRead, kWrite, kCreate, kDrop, kAlter, kDescribe}) {
      Restart(operation, one.resource);
      EXPECT_EQ(one.ask(*this), Includes(operation, *one.operation) ? ErrorCode::kNone : ErrorCode::kAuthorization)
          << wire::ApiName(key) << " with " << OperationName(operation);
    }
  }
}

TEST_F(AccessMatrixTest, WithTheRightOperationOnAnotherResourceItRefusesToo) {
  for (const auto& [key, one] : Cases()) {
    if (!one.operation) continue;
    for (const auto& resource : kElsewhere) {
      Restart(kAll, resource);
      EXPECT_EQ(one.ask(*this), ErrorCode::kAuthorization) << wire::ApiName(key) << " on " << resource.ToString();
    }
  }
}

TEST_F(AccessMatrixTest, WithTheRightOnTheClusterItAnswers) {
  for (const auto& [key, one] : Cases()) {
    // Those that tell a list tell more than the case expects.
    if (!one.operation || key == ApiKey::kListTables || key == ApiKey::kGetMetadata) continue;
    for (const Operation operation : {*one.operation, kAll}) {
      Restart(operation, kCluster);
      EXPECT_EQ(one.ask(*this), ErrorCode::kNone) << wire::ApiName(key) << " with " << OperationName(operation);
    }
  }
}

TEST_F(AccessMatrixTest, ADenyRuleWinsOverEveryRight) {
  for (const auto& [key, one] : Cases()) {
    if (!one.operation) continue;
    policy_.deny = security::ParseDenyRules("User:ANONYMOUS ALL on cluster").ValueOrDie();
    policy_.super_users = {security::kAnonymous};
    Restart(kAll, kCluster);
    EXPECT_EQ(one.ask(*this), ErrorCode::kAuthorization) << wire::ApiName(key);
  }
}

TEST_F(AccessMatrixTest, SuperUsersMayAskEverything) {
  policy_.super_users = {security::kAnonymous};
  for (const auto& [key, one] : Cases()) {
    if (key == ApiKey::kListTables || key == ApiKey::kGetMetadata) continue;
    Restart(std::nullopt, {});
    EXPECT_EQ(one.ask(*this), ErrorCode::kNone) << wire::ApiName(key);
  }
}

TEST_F(AccessMatrixTest, ADenyRuleProtectsATableFromTheDropOfItsDatabase) {
  policy_.deny = security::ParseDenyRules("* DROP on table fluss.days").ValueOrDie();
  Restart(kAll, kCluster);
  EXPECT_EQ(Cases().at(ApiKey::kDropDatabase).ask(*this), ErrorCode::kAuthorization);
  policy_.deny = security::ParseDenyRules("* DROP on table other.days").ValueOrDie();
  EXPECT_EQ(Cases().at(ApiKey::kDropDatabase).ask(*this), ErrorCode::kNone);
}

TEST_F(AccessMatrixTest, AFetchToldOfAFollowerIsNotExempt) {
  Restart(std::nullopt, {});
  auto request = Fetch(plain());
  request.set_follower_server_id(1);
  EXPECT_EQ(CodeIn(FetchedOne(request)), ErrorCode::kAuthorization);
}

TEST_F(AccessMatrixTest, AWriterThatNamesNoTableIsRefused) {
  Restart(kAll, kCluster);
  const auto answer = client_->Call<pb::InitWriterResponse>(ApiKey::kInitWriter, pb::InitWriterRequest());
  EXPECT_EQ(CodeOf(answer.status()), ErrorCode::kAuthorization);
}

}  // namespace
}  // namespace thalweg::service
