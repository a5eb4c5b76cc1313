#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "thalweg/base/error.h"
#include "thalweg/service/test_server_internal.h"
#include "thalweg/service/test_tables_internal.h"

namespace thalweg::service {
namespace {

using wire::ApiKey;

class MetadataTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    plain_ = CreateTable("plain", LogTable(3));
    auto days = LogTable(2, {"name"});
    partitioned_ = CreateTable("days", days);
    AddPartition("monday");
    AddPartition("tuesday");
  }

  void AddPartition(const std::string& name) {
    pb::CreatePartitionRequest request;
    *request.mutable_table_path() = PathOf("days");
    auto* pair = request.mutable_partition_spec()->add_partition_key_values();
    pair->set_key("name");
    pair->set_value(name);
    request.set_ignore_if_not_exists(false);
    const auto answer = client_->Call<pb::CreatePartitionResponse>(ApiKey::kCreatePartition, request);
    ASSERT_TRUE(answer.ok()) << answer.status();
  }
  arrow::Result<pb::MetadataResponse> Ask(const pb::MetadataRequest& request) {
    return client_->Call<pb::MetadataResponse>(ApiKey::kGetMetadata, request);
  }
  static void AddPath(pb::MetadataRequest& request, const std::string& table, const std::string& partition) {
    auto* path = request.add_partitions_path();
    path->set_database_name("fluss");
    path->set_table_name(table);
    path->set_partition_name(partition);
  }

  int64_t plain_ = 0;
  int64_t partitioned_ = 0;
};

TEST_F(MetadataTest, ThisServerPlaysBothRoles) {
  const auto answer = Ask({});
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->tablet_servers_size(), 1);
  for (const auto& node : {answer->coordinator_server(), answer->tablet_servers(0)}) {
    EXPECT_EQ(node.host(), "127.0.0.1");
    EXPECT_EQ(node.port(), 9123);
    EXPECT_EQ(node.node_id(), kServerId);
  }
  EXPECT_EQ(answer->table_metadata_size(), 0);
}

TEST_F(MetadataTest, TellsTablesWithTheirBuckets) {
  pb::MetadataRequest request;
  *request.add_table_path() = PathOf("plain");
  *request.add_table_path() = PathOf("days");
  const auto answer = Ask(request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->table_metadata_size(), 2);
  const auto& plain = answer->table_metadata(0);
  EXPECT_EQ(plain.table_id(), plain_);
  EXPECT_EQ(plain.schema_id(), 1);
  EXPECT_TRUE(schema::TableDescriptor::FromJson(plain.table_json()).ok());
  ASSERT_EQ(plain.bucket_metadata_size(), 3);
  for (int32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(plain.bucket_metadata(i).bucket_id(), i);
    EXPECT_EQ(plain.bucket_metadata(i).leader_id(), kServerId);
  }
  EXPECT_EQ(answer->table_metadata(1).bucket_metadata_size(), 0) << "buckets belong to partitions there";
}

TEST_F(MetadataTest, TellsPartitionsByPathAndById) {
  pb::MetadataRequest request;
  AddPath(request, "days", "tuesday");
  auto answer = Ask(request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->partition_metadata_size(), 1);
  const auto tuesday = answer->partition_metadata(0);
  EXPECT_EQ(tuesday.partition_name(), "tuesday");
  EXPECT_EQ(tuesday.table_id(), partitioned_);
  EXPECT_EQ(tuesday.bucket_metadata_size(), 2);

  request.Clear();
  request.add_partitions_id(tuesday.partition_id());
  answer = Ask(request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->partition_metadata(0).partition_name(), "tuesday");
}

TEST_F(MetadataTest, FlussRustGetsATableBeforeItsPartitions) {
  pb::ApiVersionsRequest hello;
  hello.set_client_software_name("fluss-rust");
  hello.set_client_software_version("1.0.0");
  ASSERT_TRUE(client_->Call<pb::ApiVersionsResponse>(ApiKey::kApiVersions, hello).ok());
  pb::MetadataRequest request;
  AddPath(request, "days", "monday");
  AddPath(request, "days", "tuesday");
  const auto first = Ask(request);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->partition_metadata_size(), 0);
  ASSERT_EQ(first->table_metadata_size(), 1) << "once for both";
  EXPECT_EQ(first->table_metadata(0).table_id(), partitioned_);
  const auto second = Ask(request);
  EXPECT_EQ(second->partition_metadata_size(), 2);
}

TEST_F(MetadataTest, NamesWhatDoesNotExist) {
  pb::MetadataRequest request;
  *request.add_table_path() = PathOf("plain");
  *request.add_table_path() = PathOf("nothing");
  EXPECT_EQ(CodeOf(Ask(request).status()), ErrorCode::kTableNotExist);
  request.Clear();
  AddPath(request, "days", "sunday");
  EXPECT_EQ(CodeOf(Ask(request).status()), ErrorCode::kPartitionNotExists);
  request.Clear();
  AddPath(request, "nothing", "monday");
  EXPECT_EQ(CodeOf(Ask(request).status()), ErrorCode::kTableNotExist);
  request.Clear();
  request.add_partitions_id(12'345);
  EXPECT_EQ(CodeOf(Ask(request).status()), ErrorCode::kPartitionNotExists);
}

TEST_F(MetadataTest, AListenerOnAllInterfacesTellsTheAddressThatReachedIt) {
  server_->endpoint.advertised = {"", 9124};
  client_ = server_->Connect();
  const auto answer = Ask({});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->coordinator_server().host(), "10.0.0.2");
  EXPECT_EQ(answer->tablet_servers(0).host(), "10.0.0.2");
  EXPECT_EQ(answer->tablet_servers(0).port(), 9124);
}

}  // namespace
}  // namespace thalweg::service
