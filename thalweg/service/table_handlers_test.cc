// Databases, tables and partitions, as a client sees them.

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
using ::testing::HasSubstr;
using wire::ApiKey;

class TableHandlersTest : public ServiceTest {
 protected:
  arrow::Status CreateDatabase(const std::string& name, bool ignore = false) {
    pb::CreateDatabaseRequest request;
    request.set_database_name(name);
    request.set_ignore_if_exists(ignore);
    return client_->Call<pb::CreateDatabaseResponse>(ApiKey::kCreateDatabase, request).status();
  }
  arrow::Status DropDatabase(const std::string& name, bool ignore, bool cascade) {
    pb::DropDatabaseRequest request;
    request.set_database_name(name);
    request.set_ignore_if_not_exists(ignore);
    request.set_cascade(cascade);
    return client_->Call<pb::DropDatabaseResponse>(ApiKey::kDropDatabase, request).status();
  }
  arrow::Status Create(const pb::PbTablePath& path, const std::string& json, bool ignore = false) {
    pb::CreateTableRequest request;
    *request.mutable_table_path() = path;
    request.set_table_json(json);
    request.set_ignore_if_exists(ignore);
    return client_->Call<pb::CreateTableResponse>(ApiKey::kCreateTable, request).status();
  }
  arrow::Status Drop(const std::string& table, bool ignore = false) {
    pb::DropTableRequest request;
    *request.mutable_table_path() = PathOf(table);
    request.set_ignore_if_not_exists(ignore);
    return client_->Call<pb::DropTableResponse>(ApiKey::kDropTable, request).status();
  }
  arrow::Status Alter(const pb::AlterTableRequest& request) {
    return client_->Call<pb::AlterTableResponse>(ApiKey::kAlterTable, request).status();
  }
  static pb::AlterTableRequest AlterRequest(const std::string& table) {
    pb::AlterTableRequest request;
    *request.mutable_table_path() = PathOf(table);
    request.set_ignore_if_not_exists(false);
    return request;
  }
  static void AddColumn(pb::AlterTableRequest& request, const std::string& name, const std::string& type,
                        int32_t position = 0) {
    auto* column = request.add_add_columns();
    column->set_column_name(name);
    column->set_data_type_json(type);
    column->set_column_position_type(position);
  }
  template <typename Response>
  arrow::Status ChangePartition(ApiKey key, auto request, const std::string& table, const std::string& column,
                                const std::string& value, bool ignore = false) {
    *request.mutable_table_path() = PathOf(table);
    auto* pair = request.mutable_partition_spec()->add_partition_key_values();
    pair->set_key(column);
    pair->set_value(value);
    request.set_ignore_if_not_exists(ignore);
    return client_->Call<Response>(key, request).status();
  }
  arrow::Status AddPartition(const std::string& table, const std::string& column, const std::string& value,
                             bool ignore = false) {
    return ChangePartition<pb::CreatePartitionResponse>(ApiKey::kCreatePartition, pb::CreatePartitionRequest(), table,
                                                        column, value, ignore);
  }
  arrow::Status DropPartition(const std::string& table, const std::string& column, const std::string& value,
                              bool ignore = false) {
    return ChangePartition<pb::DropPartitionResponse>(ApiKey::kDropPartition, pb::DropPartitionRequest(), table, column,
                                                      value, ignore);
  }
};

TEST_F(TableHandlersTest, Databases) {
  ASSERT_TRUE(CreateDatabase("shop").ok());
  EXPECT_EQ(CodeOf(CreateDatabase("shop")), ErrorCode::kDatabaseAlreadyExist);
  EXPECT_TRUE(CreateDatabase("shop", true).ok());
  EXPECT_EQ(CodeOf(CreateDatabase("no/slash")), ErrorCode::kInvalidDatabase);
  const auto names = client_->Call<pb::ListDatabasesResponse>(ApiKey::kListDatabases, pb::ListDatabasesRequest());
  EXPECT_THAT(names->database_name(), ElementsAre("fluss", "shop"));
  pb::GetDatabaseInfoRequest info;
  info.set_database_name("shop");
  EXPECT_TRUE(client_->Call<pb::GetDatabaseInfoResponse>(ApiKey::kGetDatabaseInfo, info).ok());
  info.set_database_name("nothing");
  EXPECT_EQ(CodeOf(client_->Call<pb::GetDatabaseInfoResponse>(ApiKey::kGetDatabaseInfo, info).status()),
            ErrorCode::kDatabaseNotExist);

  auto path = PathOf("t");
  path.set_database_name("shop");
  ASSERT_TRUE(Create(path, LogTable().ToJson()).ok());
  EXPECT_EQ(CodeOf(DropDatabase("shop", false, false)), ErrorCode::kDatabaseNotEmpty);
  EXPECT_TRUE(DropDatabase("shop", false, true).ok());
  EXPECT_EQ(CodeOf(DropDatabase("shop", false, false)), ErrorCode::kDatabaseNotExist);
  EXPECT_TRUE(DropDatabase("shop", true, false).ok());
}

TEST_F(TableHandlersTest, Tables) {
  const int64_t id = CreateTable("t");
  EXPECT_EQ(CodeOf(Create(PathOf("t"), LogTable().ToJson())), ErrorCode::kTableAlreadyExist);
  EXPECT_TRUE(Create(PathOf("t"), LogTable().ToJson(), true).ok());
  EXPECT_EQ(CodeOf(Create(PathOf("u"), "{")), ErrorCode::kInvalidTable);
  EXPECT_EQ(CodeOf(Create(PathOf("_,"), LogTable().ToJson())), ErrorCode::kInvalidTable);
  auto elsewhere = PathOf("t");
  elsewhere.set_database_name("nowhere");
  EXPECT_EQ(CodeOf(Create(elsewhere, LogTable().ToJson())), ErrorCode::kDatabaseNotExist);

  pb::GetTableInfoRequest request;
  *request.mutable_table_path() = PathOf("t");
  const auto info = client_->Call<pb::GetTableInfoResponse>(ApiKey::kGetTableInfo, request);
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->table_id(), id);
  EXPECT_EQ(schema::TableDescriptor::FromJson(info->table_json())->bucket_count, 1);

  ASSERT_TRUE(Drop("t").ok());
  EXPECT_EQ(CodeOf(Drop("t")), ErrorCode::kTableNotExist);
  EXPECT_TRUE(Drop("t", true).ok());
  EXPECT_GT(CreateTable("t"), id) << "the new one is another table";
}

TEST_F(TableHandlersTest, TablesWithAPrimaryKeyCanBeDescribed) {
  CreateTable("keyed", KeyTable());
  auto request = AlterRequest("keyed");
  AddColumn(request, "extra", R"({"type":"INTEGER"})");
  ASSERT_TRUE(Alter(request).ok());
  pb::GetTableSchemaRequest wanted;
  *wanted.mutable_table_path() = PathOf("keyed");
  const auto latest = client_->Call<pb::GetTableSchemaResponse>(ApiKey::kGetTableSchema, wanted);
  ASSERT_TRUE(latest.ok()) << latest.status();
  EXPECT_EQ(latest->schema_id(), 2);
  EXPECT_THAT(latest->schema_json(), HasSubstr("primary_key"));
}

TEST_F(TableHandlersTest, SchemaVersionsStay) {
  CreateTable("t");
  auto request = AlterRequest("t");
  AddColumn(request, "extra", R"({"type":"STRING"})");
  ASSERT_TRUE(Alter(request).ok());
  pb::GetTableSchemaRequest wanted;
  *wanted.mutable_table_path() = PathOf("t");
  for (const int32_t version : {1, 2}) {
    wanted.set_schema_id(version);
    const auto got = client_->Call<pb::GetTableSchemaResponse>(ApiKey::kGetTableSchema, wanted);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(schema::Schema::FromJson(got->schema_json())->column_count(), version + 1u);
  }
  for (const int32_t version : {0, 3, -1, 100'000}) {
    wanted.set_schema_id(version);
    EXPECT_EQ(CodeOf(client_->Call<pb::GetTableSchemaResponse>(ApiKey::kGetTableSchema, wanted).status()),
              ErrorCode::kSchemaNotExist)
        << version;
  }
}

TEST_F(TableHandlersTest, RefusesChangesThatCannotBe) {
  CreateTable("t");
  auto request = AlterRequest("t");
  AddColumn(request, "extra", R"({"type":"STRING"})", 1);
  EXPECT_EQ(CodeOf(Alter(request)), ErrorCode::kInvalidAlterTable) << "first instead of last";
  request = AlterRequest("t");
  AddColumn(request, "extra", R"({"type":"STRING","nullable":false})");
  EXPECT_EQ(CodeOf(Alter(request)), ErrorCode::kInvalidAlterTable) << "old rows have no value";
  request = AlterRequest("t");
  request.add_drop_columns()->set_column_name("name");
  EXPECT_EQ(CodeOf(Alter(request)), ErrorCode::kInvalidAlterTable);
  request = AlterRequest("t");
  auto* option = request.add_config_changes();
  option->set_config_key("table.log.format");
  option->set_config_value("indexed");
  option->set_op_type(0);
  EXPECT_NE(CodeOf(Alter(request)), ErrorCode::kNone) << "the rows are there already";
  request = AlterRequest("nothing");
  AddColumn(request, "extra", R"({"type":"STRING"})");
  EXPECT_EQ(CodeOf(Alter(request)), ErrorCode::kTableNotExist);
}

TEST_F(TableHandlersTest, Partitions) {
  CreateTable("plain");
  CreateTable("days", LogTable(1, {"name"}));
  ASSERT_TRUE(AddPartition("days", "name", "monday").ok());
  EXPECT_EQ(CodeOf(AddPartition("days", "name", "monday")), ErrorCode::kPartitionAlreadyExists);
  EXPECT_TRUE(AddPartition("days", "name", "monday", true).ok());
  EXPECT_EQ(CodeOf(AddPartition("days", "id", "monday")), ErrorCode::kPartitionSpecInvalid);
  EXPECT_EQ(CodeOf(AddPartition("plain", "name", "monday")), ErrorCode::kTableNotPartitioned);
  EXPECT_EQ(CodeOf(AddPartition("nothing", "name", "monday")), ErrorCode::kTableNotExist);

  pb::ListPartitionInfosRequest list;
  *list.mutable_table_path() = PathOf("days");
  const auto infos = client_->Call<pb::ListPartitionInfosResponse>(ApiKey::kListPartitionInfos, list);
  ASSERT_TRUE(infos.ok()) << infos.status();
  ASSERT_EQ(infos->partitions_info_size(), 1);
  EXPECT_EQ(infos->partitions_info(0).partition_spec().partition_key_values(0).value(), "monday");

  EXPECT_TRUE(DropPartition("days", "name", "monday").ok());
  EXPECT_EQ(CodeOf(DropPartition("days", "name", "monday")), ErrorCode::kPartitionNotExists);
  EXPECT_TRUE(DropPartition("days", "name", "monday", true).ok());
}

TEST_F(TableHandlersTest, TheJavaScannerGetsItsToken) {
  const auto answer = client_->Call<pb::GetFileSystemSecurityTokenResponse>(ApiKey::kGetFilesystemSecurityToken,
                                                                            pb::GetFileSystemSecurityTokenRequest());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->schema(), "file");
  EXPECT_EQ(answer->token(), "");
}

}  // namespace
}  // namespace thalweg::service
