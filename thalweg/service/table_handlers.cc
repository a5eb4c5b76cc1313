#include "proto/fluss.pb.h"
#include "thalweg/base/error.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/schema/agg_function.h"
#include "thalweg/service/access.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/option_changes.h"
#include "thalweg/service/services.h"
#include "thalweg/service/table_access.h"
#include "thalweg/upkeep/auto_partition.h"
#include "thalweg/upkeep/dropped_data.h"

namespace thalweg::service {
namespace {

arrow::Result<schema::AddedColumn> ColumnOf(const pb::PbAddColumn& column) {
  schema::AddedColumn added{.name = column.column_name(), .position = column.column_position_type()};
  ARROW_ASSIGN_OR_RAISE(added.type, schema::DataTypeFromJson(column.data_type_json()));
  if (column.has_comment()) added.comment = column.comment();
  if (column.has_agg_function_type()) {
    added.agg_function.emplace();
    added.agg_function->type = schema::NormalAggName(column.agg_function_type());
    for (const auto& parameter : column.agg_function_params()) {
      added.agg_function->parameters[parameter.key()] = parameter.value();
    }
  }
  return added;
}

arrow::Result<schema::TableChange> ChangeOf(const pb::AlterTableRequest& request) {
  schema::TableChange change;
  change.options = OptionChangesOf(request.config_changes());
  for (const auto& column : request.add_columns()) {
    ARROW_ASSIGN_OR_RAISE(auto added, ColumnOf(column));
    change.added_columns.push_back(std::move(added));
  }
  for (const auto& column : request.drop_columns()) change.dropped_columns.push_back(column.column_name());
  for (const auto& column : request.rename_columns()) change.renamed_columns.push_back(column.old_column_name());
  for (const auto& column : request.modify_columns()) change.modified_columns.push_back(column.column_name());
  return change;
}

}  // namespace

runtime::Task<arrow::Result<Reply>> HandleCreateTable(Call call) {
  pb::CreateTableRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  TW_CO_ASSIGN_OR_RETURN(auto descriptor, schema::TableDescriptor::FromJson(request.table_json()));
  const auto changed = co_await call.services.catalog.CreateTable(PathOf(request.table_path()), std::move(descriptor),
                                                                  request.ignore_if_exists(), call.home);
  TW_CO_RETURN_NOT_OK(changed.status());
  co_await call.services.auto_partition.Apply((*changed)->id, call.home);
  co_return MessageReply(call, pb::CreateTableResponse());
}

runtime::Task<arrow::Result<Reply>> HandleAlterTable(Call call) {
  pb::AlterTableRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  TW_CO_ASSIGN_OR_RETURN(auto change, ChangeOf(request));
  const auto changed = co_await call.services.catalog.AlterTable(PathOf(request.table_path()), std::move(change),
                                                                 request.ignore_if_not_exists(), call.home);
  TW_CO_RETURN_NOT_OK(changed.status());
  if (*changed) co_await call.services.auto_partition.Apply((*changed)->id, call.home);
  co_return MessageReply(call, pb::AlterTableResponse());
}

runtime::Task<arrow::Result<Reply>> HandleDropTable(Call call) {
  pb::DropTableRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  auto dropped =
      co_await call.services.catalog.DropTable(PathOf(request.table_path()), request.ignore_if_not_exists(), call.home);
  TW_CO_RETURN_NOT_OK(dropped.status());
  if (*dropped) call.services.dropped_data.Remove({(*dropped)->id}, upkeep::BucketsOf(**dropped), call.home);
  co_return MessageReply(call, pb::DropTableResponse());
}

runtime::Task<arrow::Result<Reply>> HandleGetTableInfo(Call call) {
  pb::GetTableInfoRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  TW_CO_ASSIGN_OR_RETURN(const auto table, call.services.catalog.view()->GetTable(PathOf(request.table_path())));
  pb::GetTableInfoResponse response;
  response.set_table_id(table->id.value);
  response.set_schema_id(table->schema_id().value);
  response.set_table_json(table->descriptor->ToJson());
  response.set_created_time(table->created_ms);
  response.set_modified_time(table->modified_ms);
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleGetTableSchema(Call call) {
  pb::GetTableSchemaRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  const auto path = PathOf(request.table_path());
  const auto table = call.services.catalog.view()->FindTable(path);
  // As Fluss has it: what is missing is the schema.
  if (!table) co_return Error(ErrorCode::kSchemaNotExist, "There is no table {}, and so no schema of it.", path);
  const int32_t id = request.has_schema_id() ? request.schema_id() : table->schema_id().value;
  const auto found = id > 0 && id <= INT16_MAX ? table->FindSchema(SchemaId(static_cast<int16_t>(id))) : nullptr;
  if (!found) co_return Error(ErrorCode::kSchemaNotExist, "{} has no schema version {}.", table->path, id);
  pb::GetTableSchemaResponse response;
  response.set_schema_id(id);
  response.set_schema_json(found->ToJson());
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleListTables(Call call) {
  pb::ListTablesRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  TW_CO_ASSIGN_OR_RETURN(const auto tables, call.services.catalog.view()->ListTables(request.database_name()));
  pb::ListTablesResponse response;
  for (const auto& table : tables) {
    if (MayDo(call, security::Operation::kDescribe, ResourceOf(*table))) response.add_table_name(table->path.table);
  }
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleTableExists(Call call) {
  pb::TableExistsRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  pb::TableExistsResponse response;
  const schema::TablePath path = PathOf(request.table_path());
  response.set_exists(MayDo(call, security::Operation::kDescribe, ResourceOf(path)) &&
                      call.services.catalog.view()->FindTable(path) != nullptr);
  co_return MessageReply(call, response);
}

}  // namespace thalweg::service
