// What users of Apache Fluss could do without the right to, each by the number of its issue (tests/museum/README.md lists
// them all). Written from the reports alone; access_matrix_test.cc asks every API with every right.

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/fluss_admin.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/security/access_policy.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using security::Operation;
using security::Resource;
using wire::ApiKey;

class AccessBugMuseum : public ServiceTest {
 protected:
  void SetUp() override {
    Start();
    pb::CreateDatabaseRequest create;
    create.set_database_name("secrets");
    create.set_ignore_if_exists(false);
    ASSERT_EQ(Ask<pb::CreateDatabaseResponse>(ApiKey::kCreateDatabase, create), ErrorCode::kNone);
    table_ = CreateTable("hidden");
    server_->services->policy = &policy_;
  }
  void Grant(Operation operation, const Resource& resource) {
    const auto added = server_->sim.Await(server_->catalog->AddAcls(
        {{resource, {.principal = security::kAnonymous, .host = "*", .operation = operation}}}, *server_->shards[0]));
    ASSERT_TRUE(added.ok()) << added.status();
  }
  template <typename Response, typename Request>
  ErrorCode Ask(ApiKey key, const Request& request) {
    return CodeOf(client_->Call<Response>(key, request).status());
  }
  bool DatabaseExists(const std::string& name) {
    pb::DatabaseExistsRequest request;
    request.set_database_name(name);
    return client_->Call<pb::DatabaseExistsResponse>(ApiKey::kDatabaseExists, request)->exists();
  }
  bool TableExists(const std::string& name) {
    pb::TableExistsRequest request;
    *request.mutable_table_path() = PathOf(name);
    return client_->Call<pb::TableExistsResponse>(ApiKey::kTableExists, request)->exists();
  }

  security::AccessPolicy policy_;
  int64_t table_ = 0;
};

/// Who might alter a database could give out every right on it, to himself as well.
TEST_F(AccessBugMuseum, Fluss3679RightsAreChangedOnlyByWhoHasThemAll) {
  pb::CreateAclsRequest create;
  auto* acl = create.add_acl();
  acl->set_resource_name("fluss.hidden");
  acl->set_resource_type(static_cast<int32_t>(Resource::Table("fluss", "hidden").type));
  acl->set_principal_name("*");
  acl->set_principal_type("*");
  acl->set_host("*");
  acl->set_operation_type(static_cast<int32_t>(Operation::kRead));
  acl->set_permission_type(2);
  Grant(Operation::kAlter, Resource::Cluster());
  Grant(Operation::kAll, Resource::Table("fluss", "hidden"));
  EXPECT_EQ(Ask<pb::CreateAclsResponse>(ApiKey::kCreateAcls, create), ErrorCode::kAuthorization);
  Grant(Operation::kAll, Resource::Database("fluss"));
  EXPECT_EQ(Ask<pb::CreateAclsResponse>(ApiKey::kCreateAcls, create), ErrorCode::kNone);
}

/// Anybody could find out what databases and tables there were by asking for one name after the other.
TEST_F(AccessBugMuseum, Fluss3078WhatOneMayNotDescribeDoesNotExist) {
  EXPECT_FALSE(DatabaseExists("secrets"));
  EXPECT_FALSE(TableExists("hidden"));
  EXPECT_TRUE(DatabaseExists("fluss")) << "stock clients look for it before they log anything in";
  Grant(Operation::kRead, Resource::Table("fluss", "hidden"));
  Grant(Operation::kDescribe, Resource::Database("secrets"));
  EXPECT_TRUE(DatabaseExists("secrets"));
  EXPECT_TRUE(TableExists("hidden"));
  EXPECT_FALSE(TableExists("none"));
}

/// How far a table had been written was told to everybody.
TEST_F(AccessBugMuseum, Fluss3298OffsetsAreToldToThoseWhoMayDescribe) {
  pb::ListOffsetsRequest request;
  request.set_follower_server_id(-1);
  request.set_offset_type(1);
  request.set_table_id(table_);
  request.add_bucket_id(0);
  EXPECT_EQ(Ask<pb::ListOffsetsResponse>(ApiKey::kListOffsets, request), ErrorCode::kAuthorization);
  Grant(Operation::kDescribe, Resource::Table("fluss", "hidden"));
  EXPECT_EQ(Ask<pb::ListOffsetsResponse>(ApiKey::kListOffsets, request), ErrorCode::kNone);
}

/// The administration of the cluster asked for no right at all (2335, 2350).
TEST_F(AccessBugMuseum, Fluss2335And2350TheClusterIsRunByThoseWhoMay) {
  Grant(Operation::kAll, Resource::Database("fluss"));
  pb::AddServerTagRequest add;
  add.add_server_ids(0);
  add.set_server_tag(0);
  pb::RemoveServerTagRequest remove;
  remove.add_server_ids(0);
  remove.set_server_tag(0);
  const auto ask_all = [&](ErrorCode code) {
    EXPECT_EQ(Ask<pb::RebalanceResponse>(ApiKey::kRebalance, pb::RebalanceRequest()), code);
    EXPECT_EQ(Ask<pb::CancelRebalanceResponse>(ApiKey::kCancelRebalance, pb::CancelRebalanceRequest()), code);
    EXPECT_EQ(
        Ask<pb::ListRebalanceProgressResponse>(ApiKey::kListRebalanceProgress, pb::ListRebalanceProgressRequest()),
        code);
    EXPECT_EQ(Ask<pb::AddServerTagResponse>(ApiKey::kAddServerTag, add), code);
    EXPECT_EQ(Ask<pb::RemoveServerTagResponse>(ApiKey::kRemoveServerTag, remove), code);
    EXPECT_EQ(Ask<pb::AlterClusterConfigsResponse>(ApiKey::kAlterClusterConfigs, pb::AlterClusterConfigsRequest()),
              code);
    EXPECT_EQ(
        Ask<pb::DescribeClusterConfigsResponse>(ApiKey::kDescribeClusterConfigs, pb::DescribeClusterConfigsRequest()),
        code);
  };
  ask_all(ErrorCode::kAuthorization);
  Grant(Operation::kAll, Resource::Cluster());
  ask_all(ErrorCode::kNone);
}

}  // namespace
}  // namespace thalweg::service
