#include <functional>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/fluss_admin.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/security/access_policy.h"
#include "thalweg/service/api_table.h"
#include "thalweg/service/test_server_internal.h"
#include "thalweg/service/test_tables_internal.h"

/// Every API of the table, asked by somebody who has no right, each wrong one, and the right one.
namespace thalweg::service {
namespace {

using security::Operation;
using security::Resource;
using wire::ApiKey;
using enum security::Operation;

const Resource kCluster = Resource::Cluster();
const Resource kDatabase = Resource::Database("fluss");
const Resource kPlain = Resource::Table("fluss", "plain");
const Resource kDays = Resource::Table("fluss", "days");
const Resource kElsewhere[] = {Resource::Database("other"), Resource::Table("other", "plain"),
                               Resource::Table("fluss", "plain2")};

class AccessMatrixTest : public ServiceTest {
 public:
  /// A server with tables, where from now on only `granted` on `resource` is allowed to the one client.
  void Restart(std::optional<Operation> granted, const Resource& resource) {
    Start();
    plain_ = CreateTable("plain");
    CreateTable("days", LogTable(1, {"name"}));
    AddPartition("monday");
    server_->services->policy = &policy_;
    if (!granted) return;
    const auto added = server_->sim.Await(server_->catalog->AddAcls(
        {{resource, {.principal = security::kAnonymous, .host = "10.0.0.1", .operation = *granted}}},
        *server_->shards[0]));
    ASSERT_TRUE(added.ok()) << added.status();
  }

  void AddPartition(const std::string& day) {
    const auto answer = client_->Call<pb::CreatePartitionResponse>(ApiKey::kCreatePartition,
                                                                   DayRequest<pb::CreatePartitionRequest>(day));
    ASSERT_TRUE(answer.ok()) << answer.status();
  }

  template <typename Request>
  static Request DayRequest(const std::string& day) {
    Request request;
    *request.mutable_table_path() = PathOf("days");
    auto* pair = request.mutable_partition_spec()->add_partition_key_values();
    pair->set_key("name");
    pair->set_value(day);
    request.set_ignore_if_not_exists(false);
    return request;
  }

  TestClient& client() { return *client_; }
  TestServer& server() { return *server_; }
  int64_t plain() const { return plain_; }
  static pb::FetchLogRequest FetchOf(int64_t table) { return Fetch(table); }
  static pb::ProduceLogRequest ProduceTo(int64_t table) { return Produce(table, EncodeTestBatch({.count = 2})); }

  security::AccessPolicy policy_;

 private:
  int64_t plain_ = 0;
};

/// NONE where the client got what it asked for, AUTHORIZATION where it was refused or not shown, else what went wrong.
using Ask = std::function<ErrorCode(AccessMatrixTest&)>;

template <typename Response, typename Request>
Ask Plainly(ApiKey key, Request request) {
  return [=](AccessMatrixTest& test) { return CodeOf(test.client().Call<Response>(key, request).status()); };
}

/// As Plainly, with a request that is about the plain table's id.
template <typename Response, typename Request>
Ask OfTable(ApiKey key, Request request) {
  return [=](AccessMatrixTest& test) mutable {
    request.set_table_id(test.plain());
    return CodeOf(test.client().Call<Response>(key, request).status());
  };
}

ErrorCode Shown(bool shown) { return shown ? ErrorCode::kNone : ErrorCode::kAuthorization; }

struct Case {
  Ask ask;
  /// The right that is needed; none: nobody is refused.
  std::optional<Operation> operation{};
  Resource resource{};
};

template <typename Request>
Request AboutTable(const std::string& name) {
  Request request;
  *request.mutable_table_path() = PathOf(name);
  return request;
}
template <typename Request>
Request AboutDatabase(const std::string& name) {
  Request request;
  request.set_database_name(name);
  return request;
}
template <typename Request>
Request With(Request request, const std::function<void(Request&)>& change) {
  change(request);
  return request;
}

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

void AddConnectionCases(std::map<ApiKey, Case>& cases) {
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

void AddDatabaseCases(std::map<ApiKey, Case>& cases) {
  cases[ApiKey::kCreateDatabase] = {
      Plainly<pb::CreateDatabaseResponse>(ApiKey::kCreateDatabase, With(AboutDatabase<pb::CreateDatabaseRequest>("new"),
                                                                        std::function([](pb::CreateDatabaseRequest& r) {
                                                                          r.set_ignore_if_exists(false);
                                                                        }))),
      kCreate, kCluster};
  cases[ApiKey::kDropDatabase] = {
      Plainly<pb::DropDatabaseResponse>(ApiKey::kDropDatabase, With(AboutDatabase<pb::DropDatabaseRequest>("fluss"),
                                                                    std::function([](pb::DropDatabaseRequest& r) {
                                                                      r.set_ignore_if_not_exists(false);
                                                                      r.set_cascade(true);
                                                                    }))),
      kDrop, kDatabase};
  cases[ApiKey::kDatabaseExists] = {
      // Of the default database everybody may know.
      Plainly<pb::DatabaseExistsResponse>(ApiKey::kDatabaseExists, AboutDatabase<pb::DatabaseExistsRequest>("fluss"))};
  cases[ApiKey::kGetDatabaseInfo] = {Plainly<pb::GetDatabaseInfoResponse>(
                                         ApiKey::kGetDatabaseInfo, AboutDatabase<pb::GetDatabaseInfoRequest>("fluss")),
                                     kDescribe, kDatabase};
  cases[ApiKey::kListDatabases] = {
      [](AccessMatrixTest& test) {
        const auto answer =
            test.client().Call<pb::ListDatabasesResponse>(ApiKey::kListDatabases, pb::ListDatabasesRequest());
        return answer.ok() ? Shown(answer->database_name_size() == 1) : CodeOf(answer.status());
      },
      kDescribe, kDatabase};
}

void AddTableCases(std::map<ApiKey, Case>& cases) {
  cases[ApiKey::kCreateTable] = {
      Plainly<pb::CreateTableResponse>(ApiKey::kCreateTable, With(AboutTable<pb::CreateTableRequest>("new"),
                                                                  std::function([](pb::CreateTableRequest& r) {
                                                                    r.set_table_json(LogTable().ToJson());
                                                                    r.set_ignore_if_exists(false);
                                                                  }))),
      kCreate, kDatabase};
  cases[ApiKey::kDropTable] = {
      Plainly<pb::DropTableResponse>(
          ApiKey::kDropTable, With(AboutTable<pb::DropTableRequest>("plain"),
                                   std::function([](pb::DropTableRequest& r) { r.set_ignore_if_not_exists(false); }))),
      kDrop, kPlain};
  cases[ApiKey::kAlterTable] = {
      Plainly<pb::AlterTableResponse>(ApiKey::kAlterTable, With(AboutTable<pb::AlterTableRequest>("plain"),
                                                                std::function([](pb::AlterTableRequest& r) {
                                                                  r.set_ignore_if_not_exists(false);
                                                                  auto* change = r.add_config_changes();
                                                                  change->set_config_key("table.log.ttl");
                                                                  change->set_config_value("1 d");
                                                                  change->set_op_type(0);
                                                                }))),
      kAlter, kPlain};
  cases[ApiKey::kGetTableInfo] = {
      Plainly<pb::GetTableInfoResponse>(ApiKey::kGetTableInfo, AboutTable<pb::GetTableInfoRequest>("plain")), kDescribe,
      kPlain};
  cases[ApiKey::kGetTableSchema] = {
      Plainly<pb::GetTableSchemaResponse>(ApiKey::kGetTableSchema, AboutTable<pb::GetTableSchemaRequest>("plain")),
      kDescribe, kPlain};
  cases[ApiKey::kTableExists] = {[](AccessMatrixTest& test) {
                                   const auto answer = test.client().Call<pb::TableExistsResponse>(
                                       ApiKey::kTableExists, AboutTable<pb::TableExistsRequest>("plain"));
                                   return answer.ok() ? Shown(answer->exists()) : CodeOf(answer.status());
                                 },
                                 kDescribe, kPlain};
  cases[ApiKey::kListTables] = {[](AccessMatrixTest& test) {
                                  const auto answer = test.client().Call<pb::ListTablesResponse>(
                                      ApiKey::kListTables, AboutDatabase<pb::ListTablesRequest>("fluss"));
                                  if (!answer.ok()) return CodeOf(answer.status());
                                  return Shown(answer->table_name_size() == 1 && answer->table_name(0) == "plain");
                                },
                                kDescribe, kPlain};
  cases[ApiKey::kGetMetadata] = {[](AccessMatrixTest& test) {
                                   pb::MetadataRequest request;
                                   *request.add_table_path() = PathOf("plain");
                                   *request.add_table_path() = PathOf("days");
                                   auto* partition = request.add_partitions_path();
                                   partition->set_database_name("fluss");
                                   partition->set_table_name("days");
                                   partition->set_partition_name("monday");
                                   request.add_partitions_id(1);
                                   const auto answer =
                                       test.client().Call<pb::MetadataResponse>(ApiKey::kGetMetadata, request);
                                   if (!answer.ok()) return CodeOf(answer.status());
                                   EXPECT_EQ(answer->partition_metadata_size(), 0);
                                   return Shown(answer->table_metadata_size() == 1 &&
                                                answer->table_metadata(0).table_path().table_name() == "plain");
                                 },
                                 kDescribe, kPlain};
  cases[ApiKey::kListPartitionInfos] = {
      Plainly<pb::ListPartitionInfosResponse>(ApiKey::kListPartitionInfos,
                                              AboutTable<pb::ListPartitionInfosRequest>("days")),
      kDescribe, kDays};
  cases[ApiKey::kCreatePartition] = {
      Plainly<pb::CreatePartitionResponse>(ApiKey::kCreatePartition,
                                           AccessMatrixTest::DayRequest<pb::CreatePartitionRequest>("tuesday")),
      kWrite, kDays};
  cases[ApiKey::kDropPartition] = {
      Plainly<pb::DropPartitionResponse>(ApiKey::kDropPartition,
                                         AccessMatrixTest::DayRequest<pb::DropPartitionRequest>("monday")),
      kWrite, kDays};
}

void AddDataCases(std::map<ApiKey, Case>& cases) {
  cases[ApiKey::kProduceLog] = {
      [](AccessMatrixTest& test) {
        const auto answer =
            test.client().Call<pb::ProduceLogResponse>(ApiKey::kProduceLog, AccessMatrixTest::ProduceTo(test.plain()));
        return answer.ok() ? static_cast<ErrorCode>(answer->buckets_resp(0).error_code()) : CodeOf(answer.status());
      },
      kWrite, kPlain};
  cases[ApiKey::kFetchLog] = {[](AccessMatrixTest& test) {
                                const auto answer = test.client().Call<pb::FetchLogResponse>(
                                    ApiKey::kFetchLog, AccessMatrixTest::FetchOf(test.plain()));
                                return answer.ok()
                                           ? static_cast<ErrorCode>(answer->tables_resp(0).buckets_resp(0).error_code())
                                           : CodeOf(answer.status());
                              },
                              kRead, kPlain};
  cases[ApiKey::kListOffsets] = {
      OfTable<pb::ListOffsetsResponse>(ApiKey::kListOffsets,
                                       With<pb::ListOffsetsRequest>({},
                                                                    [](auto& request) {
                                                                      request.set_follower_server_id(-1);
                                                                      request.set_offset_type(0);
                                                                      request.add_bucket_id(0);
                                                                    })),
      kDescribe, kPlain};
  cases[ApiKey::kLimitScan] = {
      OfTable<pb::LimitScanResponse>(ApiKey::kLimitScan, With<pb::LimitScanRequest>({},
                                                                                    [](auto& request) {
                                                                                      request.set_bucket_id(0);
                                                                                      request.set_limit(1);
                                                                                    })),
      kRead, kPlain};
  cases[ApiKey::kScanKv] = {[](AccessMatrixTest& test) {
                              pb::ScanKvRequest request;
                              request.mutable_bucket_scan_req()->set_table_id(test.plain());
                              request.mutable_bucket_scan_req()->set_bucket_id(0);
                              request.set_call_seq_id(0);
                              request.set_batch_size_bytes(1);
                              return CodeOf(test.client().Call<pb::ScanKvResponse>(ApiKey::kScanKv, request).status());
                            },
                            kRead, kPlain};
  // Without buckets: what they would say is not the matter here.
  cases[ApiKey::kPutKv] = {
      OfTable<pb::PutKvResponse>(ApiKey::kPutKv, With<pb::PutKvRequest>({},
                                                                        [](auto& request) {
                                                                          request.set_acks(-1);
                                                                          request.set_timeout_ms(9);
                                                                        })),
      kWrite, kPlain};
  cases[ApiKey::kLookup] = {OfTable<pb::LookupResponse>(ApiKey::kLookup, pb::LookupRequest()), kRead, kPlain};
  cases[ApiKey::kPrefixLookup] = {OfTable<pb::PrefixLookupResponse>(ApiKey::kPrefixLookup, pb::PrefixLookupRequest()),
                                  kRead, kPlain};
  cases[ApiKey::kGetTableStats] = {
      OfTable<pb::GetTableStatsResponse>(
          ApiKey::kGetTableStats,
          With<pb::GetTableStatsRequest>({}, [](auto& request) { request.add_buckets_req()->set_bucket_id(0); })),
      kRead, kPlain};
  cases[ApiKey::kInitWriter] = {
      Plainly<pb::InitWriterResponse>(ApiKey::kInitWriter, With<pb::InitWriterRequest>({},
                                                                                       [](auto& request) {
                                                                                         *request.add_table_path() =
                                                                                             PathOf("days");
                                                                                         *request.add_table_path() =
                                                                                             PathOf("plain");
                                                                                       })),
      kWrite, kPlain};
}

/// Offsets of the plain table, registered by the server itself.
void RegisterOffsets(AccessMatrixTest& test) {
  const TableBucket bucket{TableId(test.plain()), kNoPartition, BucketId(0)};
  const auto registered = test.server().sim.Await(test.server().catalog->RegisterProducerOffsets(
      "job", {.expires_ms = INT64_MAX, .offsets = {{bucket, LogOffset(1)}}}, *test.server().shards[0]));
  ASSERT_TRUE(registered.ok()) << registered.status();
}

void AddProducerCases(std::map<ApiKey, Case>& cases) {
  cases[ApiKey::kRegisterProducerOffsets] = {
      [](AccessMatrixTest& test) {
        pb::RegisterProducerOffsetsRequest request;
        request.set_producer_id("job");
        request.add_table_offsets()->set_table_id(test.plain());
        return CodeOf(test.client()
                          .Call<pb::RegisterProducerOffsetsResponse>(ApiKey::kRegisterProducerOffsets, request)
                          .status());
      },
      kWrite, kPlain};
  cases[ApiKey::kGetProducerOffsets] = {
      [](AccessMatrixTest& test) {
        RegisterOffsets(test);
        pb::GetProducerOffsetsRequest request;
        request.set_producer_id("job");
        const auto answer = test.client().Call<pb::GetProducerOffsetsResponse>(ApiKey::kGetProducerOffsets, request);
        return answer.ok() ? Shown(answer->table_offsets_size() == 1) : CodeOf(answer.status());
      },
      kRead, kPlain};
  cases[ApiKey::kDeleteProducerOffsets] = {
      [](AccessMatrixTest& test) {
        RegisterOffsets(test);
        pb::DeleteProducerOffsetsRequest request;
        request.set_producer_id("job");
        return CodeOf(
            test.client().Call<pb::DeleteProducerOffsetsResponse>(ApiKey::kDeleteProducerOffsets, request).status());
      },
      kWrite, kPlain};
}

void AddAclCases(std::map<ApiKey, Case>& cases) {
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

void AddClusterCases(std::map<ApiKey, Case>& cases) {
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

/// As OfTable, of a table that keeps no rows by key: who may ask is told so.
template <typename Response, typename Request>
Ask OfUnkeyedTable(ApiKey key, const std::function<void(Request&, int64_t table)>& fill) {
  return [=](AccessMatrixTest& test) {
    Request request;
    fill(request, test.plain());
    const ErrorCode code = CodeOf(test.client().Call<Response>(key, request).status());
    const bool may = code == ErrorCode::kNonPrimaryKeyTable || code == ErrorCode::kKvSnapshotNotExist;
    return may ? ErrorCode::kNone : code;
  };
}

void AddSnapshotCases(std::map<ApiKey, Case>& cases) {
  cases[ApiKey::kGetLatestKvSnapshots] = {
      OfUnkeyedTable<pb::GetLatestKvSnapshotsResponse, pb::GetLatestKvSnapshotsRequest>(
          ApiKey::kGetLatestKvSnapshots,
          [](auto& request, int64_t) { *request.mutable_table_path() = PathOf("plain"); }),
      kDescribe, kPlain};
  cases[ApiKey::kGetKvSnapshotMetadata] = {
      OfUnkeyedTable<pb::GetKvSnapshotMetadataResponse, pb::GetKvSnapshotMetadataRequest>(
          ApiKey::kGetKvSnapshotMetadata,
          [](auto& request, int64_t table) {
            request.set_table_id(table);
            request.set_bucket_id(0);
            request.set_snapshot_id(0);
          }),
      kDescribe, kPlain};
  cases[ApiKey::kListKvSnapshots] = {
      OfUnkeyedTable<pb::ListKvSnapshotsResponse, pb::ListKvSnapshotsRequest>(
          ApiKey::kListKvSnapshots, [](auto& request, int64_t table) { request.set_table_id(table); }),
      kDescribe, kPlain};
  cases[ApiKey::kAcquireKvSnapshotLease] = {
      OfUnkeyedTable<pb::AcquireKvSnapshotLeaseResponse, pb::AcquireKvSnapshotLeaseRequest>(
          ApiKey::kAcquireKvSnapshotLease,
          [](auto& request, int64_t table) {
            request.set_lease_id("reader");
            request.set_lease_duration_ms(1000);
            request.add_snapshots_to_lease()->set_table_id(table);
          }),
      kRead, kPlain};
  cases[ApiKey::kReleaseKvSnapshotLease] = {
      OfUnkeyedTable<pb::ReleaseKvSnapshotLeaseResponse, pb::ReleaseKvSnapshotLeaseRequest>(
          ApiKey::kReleaseKvSnapshotLease,
          [](auto& request, int64_t table) {
            request.set_lease_id("reader");
            auto* bucket = request.add_buckets_to_release();
            bucket->set_table_id(table);
            bucket->set_bucket_id(0);
          }),
      kRead, kPlain};
  // Of a lease that there is not; of one that there is: kv_snapshot_handlers_test.
  cases[ApiKey::kDropKvSnapshotLease] = {Plainly<pb::DropKvSnapshotLeaseResponse>(
      ApiKey::kDropKvSnapshotLease,
      With<pb::DropKvSnapshotLeaseRequest>({}, [](auto& request) { request.set_lease_id("reader"); }))};
}

const std::map<ApiKey, Case>& Cases() {
  static const std::map<ApiKey, Case> cases = [] {
    std::map<ApiKey, Case> made;
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
