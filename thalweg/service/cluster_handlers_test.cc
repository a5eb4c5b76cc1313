#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/fluss_admin.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/service/test_server_internal.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using wire::ApiKey;

class ClusterHandlersTest : public ServiceTest {
 protected:
  arrow::Status Alter(const std::string& key, std::optional<std::string> value, int32_t operation = 0) {
    pb::AlterClusterConfigsRequest request;
    auto* change = request.add_alter_configs();
    change->set_config_key(key);
    if (value) change->set_config_value(*value);
    change->set_op_type(operation);
    return client_->Call<pb::AlterClusterConfigsResponse>(ApiKey::kAlterClusterConfigs, request).status();
  }
  /// value, source
  std::map<std::string, std::pair<std::string, std::string>> Configs() {
    const auto answer = client_->Call<pb::DescribeClusterConfigsResponse>(ApiKey::kDescribeClusterConfigs,
                                                                          pb::DescribeClusterConfigsRequest());
    std::map<std::string, std::pair<std::string, std::string>> configs;
    for (const auto& config : answer->configs()) {
      configs[config.config_key()] = {config.config_value(), config.config_source()};
    }
    return configs;
  }
  template <typename Request, typename Response>
  ErrorCode Tag(ApiKey key, std::vector<int32_t> servers, int32_t tag) {
    Request request;
    for (const int32_t server : servers) request.add_server_ids(server);
    request.set_server_tag(tag);
    return CodeOf(client_->Call<Response>(key, request).status());
  }
  ErrorCode AddTag(std::vector<int32_t> servers, int32_t tag) {
    return Tag<pb::AddServerTagRequest, pb::AddServerTagResponse>(ApiKey::kAddServerTag, std::move(servers), tag);
  }
  ErrorCode RemoveTag(std::vector<int32_t> servers, int32_t tag) {
    return Tag<pb::RemoveServerTagRequest, pb::RemoveServerTagResponse>(ApiKey::kRemoveServerTag, std::move(servers),
                                                                        tag);
  }
  arrow::Result<pb::ListRebalanceProgressResponse> Progress(std::optional<std::string> id = {}) {
    pb::ListRebalanceProgressRequest request;
    if (id) request.set_rebalance_id(*id);
    return client_->Call<pb::ListRebalanceProgressResponse>(ApiKey::kListRebalanceProgress, request);
  }
  ErrorCode Cancel(std::optional<std::string> id = {}) {
    pb::CancelRebalanceRequest request;
    if (id) request.set_rebalance_id(*id);
    return CodeOf(client_->Call<pb::CancelRebalanceResponse>(ApiKey::kCancelRebalance, request).status());
  }
  std::map<std::string, std::string> OptionsOf(const std::string& table) {
    return server_->catalog->view()->FindTable({"fluss", table})->descriptor->properties;
  }
};

TEST_F(ClusterHandlersTest, ConfigsSetAtRunTimeStandBesideTheServersOwn) {
  server_->services->configuration = {{"default.bucket.number", "3"}, {"datalake.format", "lance"}};
  EXPECT_THAT(Configs(), ElementsAre(Pair("datalake.format", Pair("lance", "INITIAL_SERVER_CONFIG")),
                                     Pair("default.bucket.number", Pair("3", "INITIAL_SERVER_CONFIG"))));
  ASSERT_TRUE(Alter("datalake.format", "paimon").ok());
  ASSERT_TRUE(Alter("datalake.paimon.metastore", "filesystem").ok());
  EXPECT_EQ(Configs()["datalake.format"], (std::pair<std::string, std::string>("paimon", "DYNAMIC_SERVER_CONFIG")));
  EXPECT_EQ(Configs()["datalake.paimon.metastore"],
            (std::pair<std::string, std::string>("filesystem", "DYNAMIC_SERVER_CONFIG")));
  ASSERT_TRUE(Alter("datalake.format", std::nullopt, 1).ok());
  EXPECT_EQ(Configs()["datalake.format"], (std::pair<std::string, std::string>("lance", "INITIAL_SERVER_CONFIG")));
}

TEST_F(ClusterHandlersTest, WhatCannotChangeAtRunTimeIsRefused) {
  EXPECT_EQ(CodeOf(Alter("default.bucket.number", "5")), ErrorCode::kConfig);
  EXPECT_EQ(CodeOf(Alter("datalake.format", "parquet")), ErrorCode::kConfig);
  EXPECT_EQ(CodeOf(Alter("datalake.format", std::nullopt)), ErrorCode::kConfig);
  EXPECT_EQ(CodeOf(Alter("datalake.format", "paimon", 2)), ErrorCode::kConfig);
  EXPECT_EQ(CodeOf(Alter("datalake.paimon.metastore", "x")), ErrorCode::kConfig) << "there is no format";
  EXPECT_EQ(CodeOf(Alter("kv.rocksdb.shared-rate-limiter.bytes-per-sec", "fast")), ErrorCode::kConfig);
  EXPECT_TRUE(Alter("datalake.nothing", std::nullopt, 1).ok()) << "what is not set can be deleted";
  EXPECT_THAT(Configs(), IsEmpty());
}

TEST_F(ClusterHandlersTest, TheLakeFormatIsStampedOnNewTables) {
  CreateTable("before");
  ASSERT_TRUE(Alter("datalake.format", "paimon").ok());
  CreateTable("after");
  schema::TableDescriptor own = LogTable();
  own.properties["table.datalake.format"] = "iceberg";
  CreateTable("own", own);
  EXPECT_FALSE(OptionsOf("before").contains("table.datalake.format"));
  EXPECT_EQ(OptionsOf("after")["table.datalake.format"], "paimon");
  EXPECT_EQ(OptionsOf("own")["table.datalake.format"], "iceberg");
}

TEST_F(ClusterHandlersTest, ServerTags) {
  EXPECT_EQ(AddTag({0}, 0), ErrorCode::kNone);
  EXPECT_EQ(AddTag({0}, 0), ErrorCode::kNone) << "once more does no harm";
  EXPECT_EQ(AddTag({0}, 1), ErrorCode::kServerTagAlreadyExist);
  EXPECT_EQ(AddTag({0, 7}, 0), ErrorCode::kServerNotExist);
  EXPECT_EQ(AddTag({0}, 9), ErrorCode::kUnknownServerError);
  pb::RebalanceRequest rebalance;
  rebalance.add_goals(0);
  EXPECT_EQ(CodeOf(client_->Call<pb::RebalanceResponse>(ApiKey::kRebalance, rebalance).status()),
            ErrorCode::kRebalanceFailure);
  pb::CreateTableRequest create;
  *create.mutable_table_path() = PathOf("t");
  create.set_table_json(LogTable().ToJson());
  create.set_ignore_if_exists(false);
  EXPECT_EQ(CodeOf(client_->Call<pb::CreateTableResponse>(ApiKey::kCreateTable, create).status()),
            ErrorCode::kInvalidReplicationFactor);
  EXPECT_EQ(RemoveTag({0}, 1), ErrorCode::kServerTagNotExist);
  EXPECT_EQ(RemoveTag({0}, 0), ErrorCode::kNone);
  EXPECT_EQ(RemoveTag({0}, 0), ErrorCode::kNone);
  EXPECT_EQ(RemoveTag({7}, 0), ErrorCode::kNone) << "it may be gone";
}

TEST_F(ClusterHandlersTest, OfAPartitionedTableThePartitionsNeedTheServers) {
  schema::TableDescriptor table = LogTable(1, {"name"});
  table.properties["table.replication.factor"] = "2";
  CreateTable("two", table);
  pb::CreatePartitionRequest request;
  *request.mutable_table_path() = PathOf("two");
  auto* pair = request.mutable_partition_spec()->add_partition_key_values();
  pair->set_key("name");
  pair->set_value("a");
  request.set_ignore_if_not_exists(false);
  EXPECT_EQ(CodeOf(client_->Call<pb::CreatePartitionResponse>(ApiKey::kCreatePartition, request).status()),
            ErrorCode::kInvalidReplicationFactor);
}

TEST_F(ClusterHandlersTest, ARebalanceIsDoneAtOnce) {
  EXPECT_FALSE(Progress()->has_rebalance_id());
  EXPECT_FALSE(Progress("whatever")->has_rebalance_id());
  EXPECT_EQ(Cancel(), ErrorCode::kNone);
  pb::RebalanceRequest request;
  request.add_goals(0);
  const auto first = client_->Call<pb::RebalanceResponse>(ApiKey::kRebalance, request);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto progress = Progress(first->rebalance_id());
  EXPECT_EQ(progress->rebalance_id(), first->rebalance_id());
  EXPECT_EQ(progress->rebalance_status(), 3);
  EXPECT_EQ(progress->table_progress_size(), 0);
  EXPECT_EQ(Cancel(first->rebalance_id()), ErrorCode::kNone);
  EXPECT_EQ(Progress()->rebalance_status(), 3) << "what is over cannot be cancelled";
  EXPECT_EQ(Cancel("another"), ErrorCode::kNoRebalanceInProgress);
  EXPECT_EQ(CodeOf(Progress("another").status()), ErrorCode::kNoRebalanceInProgress);
  const auto second = client_->Call<pb::RebalanceResponse>(ApiKey::kRebalance, request);
  EXPECT_NE(second->rebalance_id(), first->rebalance_id());
  request.add_goals(17);
  EXPECT_EQ(CodeOf(client_->Call<pb::RebalanceResponse>(ApiKey::kRebalance, request).status()),
            ErrorCode::kUnknownServerError);
}

TEST_F(ClusterHandlersTest, HealthCountsBuckets) {
  CreateTable("three", LogTable(3));
  CreateTable("none", LogTable(2, {"name"}));
  const auto health = [&] {
    return *client_->Call<pb::GetClusterHealthResponse>(ApiKey::kGetClusterHealth, pb::GetClusterHealthRequest());
  };
  EXPECT_EQ(health().num_replicas(), 3);
  EXPECT_EQ(health().active_leader_replicas(), 3);
  EXPECT_EQ(health().status(), 0);
  server_->disk.FailNext(testing::Operation::kWriteDurable, "journal", testing::Fault::kIoError);
  Append(server_->catalog->view()->FindTable({"fluss", "three"})->id.value, EncodeTestBatch({.count = 1}));
  EXPECT_EQ(health().active_leader_replicas(), 0);
  EXPECT_EQ(health().status(), 2);
}

TEST_F(ClusterHandlersTest, NoTableHasALakeSnapshot) {
  CreateTable("t");
  pb::GetLakeSnapshotRequest request;
  *request.mutable_table_path() = PathOf("t");
  const auto code = [&] {
    return CodeOf(client_->Call<pb::GetLakeSnapshotResponse>(ApiKey::kGetLakeSnapshot, request).status());
  };
  EXPECT_EQ(code(), ErrorCode::kLakeSnapshotNotExist);
  *request.mutable_table_path() = PathOf("missing");
  EXPECT_EQ(code(), ErrorCode::kTableNotExist);
  request.set_readable(true);
  request.set_snapshot_id(3);
  EXPECT_EQ(code(), ErrorCode::kUnknownServerError);
}

TEST_F(ClusterHandlersTest, DatabasesAreAltered) {
  pb::AlterDatabaseRequest request;
  request.set_database_name("fluss");
  request.set_ignore_if_not_exists(false);
  auto* change = request.add_config_changes();
  change->set_config_key("owner");
  change->set_config_value("me");
  change->set_op_type(0);
  request.set_comment("ours");
  CreateTable("kept");
  ASSERT_TRUE(client_->Call<pb::AlterDatabaseResponse>(ApiKey::kAlterDatabase, request).ok());
  const auto database = server_->catalog->view()->FindDatabase("fluss");
  const auto descriptor = schema::DatabaseDescriptor::FromJson(database->json);
  EXPECT_THAT(descriptor->custom_properties, ElementsAre(Pair("owner", "me")));
  EXPECT_EQ(descriptor->comment, "ours");
  EXPECT_EQ(database->tables.size(), 1u);

  change->set_op_type(1);
  ASSERT_TRUE(client_->Call<pb::AlterDatabaseResponse>(ApiKey::kAlterDatabase, request).ok());
  EXPECT_THAT(
      schema::DatabaseDescriptor::FromJson(server_->catalog->view()->FindDatabase("fluss")->json)->custom_properties,
      IsEmpty());
  request.set_database_name("missing");
  EXPECT_EQ(CodeOf(client_->Call<pb::AlterDatabaseResponse>(ApiKey::kAlterDatabase, request).status()),
            ErrorCode::kDatabaseNotExist);
  request.set_ignore_if_not_exists(true);
  EXPECT_TRUE(client_->Call<pb::AlterDatabaseResponse>(ApiKey::kAlterDatabase, request).ok());
}

}  // namespace
}  // namespace thalweg::service
