#include "thalweg/service/test_access_internal.h"

namespace thalweg::service {

void AddDatabaseCases(AccessCases& cases) {
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

void AddTableCases(AccessCases& cases) {
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

}  // namespace thalweg::service
