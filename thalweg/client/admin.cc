#include "thalweg/client/admin.h"

#include <utility>

#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/schema/data_type.h"
#include "thalweg/schema/database_descriptor.h"

namespace thalweg::client {
namespace {

using wire::ApiKey;

void SetPath(const schema::TablePath& path, pb::PbTablePath* to) {
  to->set_database_name(path.database);
  to->set_table_name(path.table);
}

int32_t BucketCount(const TableInfo& table) { return table.descriptor.bucket_count.value_or(1); }

}  // namespace

arrow::Result<std::vector<std::string>> ListDatabases(Connection& connection) {
  pb::ListDatabasesResponse answer;
  ARROW_RETURN_NOT_OK(connection.Call(ApiKey::kListDatabases, pb::ListDatabasesRequest(), &answer));
  return std::vector<std::string>(answer.database_name().begin(), answer.database_name().end());
}

arrow::Result<std::vector<std::string>> ListTables(Connection& connection, const std::string& database) {
  pb::ListTablesRequest request;
  request.set_database_name(database);
  pb::ListTablesResponse answer;
  ARROW_RETURN_NOT_OK(connection.Call(ApiKey::kListTables, request, &answer));
  return std::vector<std::string>(answer.table_name().begin(), answer.table_name().end());
}

arrow::Result<TableInfo> GetTable(Connection& connection, const schema::TablePath& path) {
  pb::GetTableInfoRequest request;
  SetPath(path, request.mutable_table_path());
  pb::GetTableInfoResponse answer;
  ARROW_RETURN_NOT_OK(connection.Call(ApiKey::kGetTableInfo, request, &answer));
  TableInfo table{.path = path,
                  .id = TableId(answer.table_id()),
                  .schema_id = SchemaId(static_cast<int16_t>(answer.schema_id())),
                  .created_ms = answer.created_time(),
                  .modified_ms = answer.modified_time()};
  ARROW_ASSIGN_OR_RAISE(table.descriptor, schema::TableDescriptor::FromJson(answer.table_json()));
  return table;
}

arrow::Result<schema::Schema> GetSchema(Connection& connection, const schema::TablePath& path, SchemaId id) {
  pb::GetTableSchemaRequest request;
  SetPath(path, request.mutable_table_path());
  request.set_schema_id(id.value);
  pb::GetTableSchemaResponse answer;
  ARROW_RETURN_NOT_OK(connection.Call(ApiKey::kGetTableSchema, request, &answer));
  return schema::Schema::FromJson(answer.schema_json());
}

arrow::Status CreateDatabase(Connection& connection, const std::string& name, bool ignore_existing) {
  pb::CreateDatabaseRequest request;
  request.set_database_name(name);
  request.set_ignore_if_exists(ignore_existing);
  request.set_database_json(schema::DatabaseDescriptor().ToJson());
  pb::CreateDatabaseResponse answer;
  return connection.Call(ApiKey::kCreateDatabase, request, &answer);
}

arrow::Status CreateTable(Connection& connection, const schema::TablePath& path, const schema::TableDescriptor& table,
                          bool ignore_existing) {
  pb::CreateTableRequest request;
  SetPath(path, request.mutable_table_path());
  request.set_table_json(table.ToJson());
  request.set_ignore_if_exists(ignore_existing);
  pb::CreateTableResponse answer;
  return connection.Call(ApiKey::kCreateTable, request, &answer);
}

arrow::Status DropTable(Connection& connection, const schema::TablePath& path, bool ignore_missing) {
  pb::DropTableRequest request;
  SetPath(path, request.mutable_table_path());
  request.set_ignore_if_not_exists(ignore_missing);
  pb::DropTableResponse answer;
  return connection.Call(ApiKey::kDropTable, request, &answer);
}

arrow::Status AlterTable(Connection& connection, const schema::TablePath& path, const schema::TableChange& change) {
  pb::AlterTableRequest request;
  SetPath(path, request.mutable_table_path());
  request.set_ignore_if_not_exists(false);
  for (const auto& option : change.options) {
    auto* to = request.add_config_changes();
    to->set_config_key(option.key);
    if (option.value) to->set_config_value(*option.value);
    to->set_op_type(option.operation);
  }
  for (const auto& column : change.added_columns) {
    auto* to = request.add_add_columns();
    to->set_column_name(column.name);
    to->set_data_type_json(schema::DataTypeToJson(column.type));
    if (column.comment) to->set_comment(*column.comment);
    to->set_column_position_type(column.position);
  }
  pb::AlterTableResponse answer;
  return connection.Call(ApiKey::kAlterTable, request, &answer);
}

arrow::Result<std::vector<PartitionInfo>> ListPartitions(Connection& connection, const TableInfo& table) {
  pb::ListPartitionInfosRequest request;
  SetPath(table.path, request.mutable_table_path());
  pb::ListPartitionInfosResponse answer;
  ARROW_RETURN_NOT_OK(connection.Call(ApiKey::kListPartitionInfos, request, &answer));
  std::vector<PartitionInfo> partitions;
  for (const auto& info : answer.partitions_info()) {
    schema::PartitionSpec spec;
    for (const auto& pair : info.partition_spec().partition_key_values()) spec.emplace_back(pair.key(), pair.value());
    ARROW_ASSIGN_OR_RAISE(
        auto values, schema::ResolvePartition(table.descriptor.partition_keys, spec, schema::PartitionUse::kRefer));
    partitions.push_back({PartitionId(info.partition_id()), std::move(values)});
  }
  return partitions;
}

arrow::Status CreatePartition(Connection& connection, const TableInfo& table, const std::vector<std::string>& values) {
  pb::CreatePartitionRequest request;
  SetPath(table.path, request.mutable_table_path());
  for (size_t i = 0; i < values.size(); ++i) {
    auto* pair = request.mutable_partition_spec()->add_partition_key_values();
    pair->set_key(table.descriptor.partition_keys[i]);
    pair->set_value(values[i]);
  }
  request.set_ignore_if_not_exists(true);
  pb::CreatePartitionResponse answer;
  return connection.Call(ApiKey::kCreatePartition, request, &answer);
}

arrow::Result<std::vector<LogOffset>> ListOffsets(Connection& connection, const TableInfo& table, PartitionId partition,
                                                  OffsetKind kind, int64_t timestamp_ms) {
  pb::ListOffsetsRequest request;
  request.set_follower_server_id(-1);
  request.set_offset_type(static_cast<int32_t>(kind));
  request.set_table_id(table.id.value);
  if (partition != kNoPartition) request.set_partition_id(partition.value);
  for (int32_t i = 0; i < BucketCount(table); ++i) request.add_bucket_id(i);
  if (kind == OffsetKind::kTimestamp) request.set_starttimestamp(timestamp_ms);
  pb::ListOffsetsResponse answer;
  ARROW_RETURN_NOT_OK(connection.Call(ApiKey::kListOffsets, request, &answer));
  std::vector<LogOffset> offsets(static_cast<size_t>(BucketCount(table)));
  std::vector<bool> told(offsets.size());
  for (const auto& bucket : answer.buckets_resp()) {
    if (bucket.has_error_code() && bucket.error_code() != 0) {
      return MakeError(static_cast<ErrorCode>(bucket.error_code()), bucket.error_message());
    }
    const auto index = static_cast<size_t>(bucket.bucket_id());
    if (bucket.bucket_id() < 0 || index >= offsets.size()) continue;
    offsets[index] = LogOffset(bucket.offset());
    told[index] = true;
  }
  for (size_t i = 0; i < told.size(); ++i) {
    if (!told[i]) {
      return Error(ErrorCode::kUnknownServerError, "The server did not tell the offset of bucket {} of {}.", i,
                   table.path);
    }
  }
  return offsets;
}

}  // namespace thalweg::client
