#include <functional>

#include "thalweg/service/test_access_internal.h"

namespace thalweg::service {
namespace {

pb::PbAclInfo SomeAcl() {
  pb::PbAclInfo acl;
  acl.set_resource_name("fluss.plain");
  acl.set_resource_type(4);
  acl.set_principal_name("bob");
  acl.set_principal_type("User");
  acl.set_host("*");
  acl.set_operation_type(3);
  acl.set_permission_type(2);
  return acl;
}

pb::PbAclFilter AclsOfPlain() {
  pb::PbAclFilter filter;
  filter.set_resource_name("fluss.plain");
  filter.set_resource_type(4);
  filter.set_operation_type(1);
  filter.set_permission_type(1);
  return filter;
}

}  // namespace

void AddConnectionCases(AccessCases& cases) {
  cases[ApiKey::kApiVersions] = {
      Plainly<pb::ApiVersionsResponse>(ApiKey::kApiVersions, With<pb::ApiVersionsRequest>({}, [](auto& request) {
                                         request.set_client_software_name("test");
                                         request.set_client_software_version("1");
                                       }))};
  cases[ApiKey::kAuthenticate] = {
      Plainly<pb::AuthenticateResponse>(ApiKey::kAuthenticate, With<pb::AuthenticateRequest>({}, [](auto& request) {
                                          request.set_protocol("PLAINTEXT");
                                          request.set_token("");
                                        }))};
  cases[ApiKey::kGetFilesystemSecurityToken] = {
      Plainly<pb::GetFileSystemSecurityTokenResponse>(ApiKey::kGetFilesystemSecurityToken,
                                                      pb::GetFileSystemSecurityTokenRequest()),
      kRead, kPlain};
}

void AddAclCases(AccessCases& cases) {
  cases[ApiKey::kCreateAcls] = {
      Plainly<pb::CreateAclsResponse>(
          ApiKey::kCreateAcls, With<pb::CreateAclsRequest>({}, [](auto& request) { *request.add_acl() = SomeAcl(); })),
      kAll, kDatabase};
  cases[ApiKey::kListAcls] = {
      [](AccessMatrixTest& test) {
        auto& server = test.server();
        EXPECT_TRUE(
            server.sim.Await(server.catalog->AddAcls({{kPlain, {.principal = {"User", "bob"}}}}, *server.shards[0]))
                .ok());
        pb::ListAclsRequest request;
        *request.mutable_acl_filter() = AclsOfPlain();
        request.mutable_acl_filter()->set_principal_type("User");
        request.mutable_acl_filter()->set_principal_name("bob");
        const auto answer = test.client().Call<pb::ListAclsResponse>(ApiKey::kListAcls, request);
        return answer.ok() ? Shown(answer->acl_size() == 1) : CodeOf(answer.status());
      },
      kDescribe, kPlain};
  cases[ApiKey::kDropAcls] = {
      [](AccessMatrixTest& test) {
        auto& server = test.server();
        EXPECT_TRUE(
            server.sim.Await(server.catalog->AddAcls({{kPlain, {.principal = {"User", "bob"}}}}, *server.shards[0]))
                .ok());
        pb::DropAclsRequest request;
        *request.add_acl_filter() = AclsOfPlain();
        return CodeOf(test.client().Call<pb::DropAclsResponse>(ApiKey::kDropAcls, request).status());
      },
      kAll, kDatabase};
}

void AddClusterCases(AccessCases& cases) {
  cases[ApiKey::kDescribeClusterConfigs] = {
      Plainly<pb::DescribeClusterConfigsResponse>(ApiKey::kDescribeClusterConfigs, pb::DescribeClusterConfigsRequest()),
      kDescribe, kCluster};
  cases[ApiKey::kAlterClusterConfigs] = {
      Plainly<pb::AlterClusterConfigsResponse>(ApiKey::kAlterClusterConfigs, pb::AlterClusterConfigsRequest()), kAlter,
      kCluster};
  pb::AddServerTagRequest add;
  add.add_server_ids(0);
  add.set_server_tag(0);
  cases[ApiKey::kAddServerTag] = {Plainly<pb::AddServerTagResponse>(ApiKey::kAddServerTag, add), kAlter, kCluster};
  pb::RemoveServerTagRequest remove;
  remove.add_server_ids(0);
  remove.set_server_tag(0);
  cases[ApiKey::kRemoveServerTag] = {Plainly<pb::RemoveServerTagResponse>(ApiKey::kRemoveServerTag, remove), kAlter,
                                     kCluster};
  cases[ApiKey::kRebalance] = {Plainly<pb::RebalanceResponse>(ApiKey::kRebalance, pb::RebalanceRequest()), kWrite,
                               kCluster};
  cases[ApiKey::kListRebalanceProgress] = {
      Plainly<pb::ListRebalanceProgressResponse>(ApiKey::kListRebalanceProgress, pb::ListRebalanceProgressRequest()),
      kDescribe, kCluster};
  cases[ApiKey::kCancelRebalance] = {
      Plainly<pb::CancelRebalanceResponse>(ApiKey::kCancelRebalance, pb::CancelRebalanceRequest()), kWrite, kCluster};
  cases[ApiKey::kGetClusterHealth] = {
      Plainly<pb::GetClusterHealthResponse>(ApiKey::kGetClusterHealth, pb::GetClusterHealthRequest()), kDescribe,
      kCluster};
  cases[ApiKey::kAlterDatabase] = {
      Plainly<pb::AlterDatabaseResponse>(ApiKey::kAlterDatabase, With(AboutDatabase<pb::AlterDatabaseRequest>("fluss"),
                                                                      std::function([](pb::AlterDatabaseRequest& r) {
                                                                        r.set_ignore_if_not_exists(false);
                                                                        r.set_comment("ours");
                                                                      }))),
      kAlter, kDatabase};
  cases[ApiKey::kGetLakeSnapshot] = {[](AccessMatrixTest& test) {
                                       const auto answer = test.client().Call<pb::GetLakeSnapshotResponse>(
                                           ApiKey::kGetLakeSnapshot, AboutTable<pb::GetLakeSnapshotRequest>("plain"));
                                       const ErrorCode code = CodeOf(answer.status());
                                       return code == ErrorCode::kLakeSnapshotNotExist ? ErrorCode::kNone : code;
                                     },
                                     kDescribe, kPlain};
}

}  // namespace thalweg::service
