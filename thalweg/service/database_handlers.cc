#include "proto/fluss.pb.h"
#include "thalweg/catalog/catalog.h"
#include "thalweg/service/access.h"
#include "thalweg/service/handlers.h"
#include "thalweg/service/option_changes.h"
#include "thalweg/service/services.h"
#include "thalweg/upkeep/dropped_data.h"

namespace thalweg::service {

runtime::Task<arrow::Result<Reply>> HandleCreateDatabase(Call call) {
  pb::CreateDatabaseRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  schema::DatabaseDescriptor descriptor;
  if (request.has_database_json()) {
    TW_CO_ASSIGN_OR_RETURN(descriptor, schema::DatabaseDescriptor::FromJson(request.database_json()));
  }
  const auto created = co_await call.services.catalog.CreateDatabase(request.database_name(), descriptor,
                                                                     request.ignore_if_exists(), call.home);
  TW_CO_RETURN_NOT_OK(created.status());
  co_return MessageReply(call, pb::CreateDatabaseResponse());
}

runtime::Task<arrow::Result<Reply>> HandleAlterDatabase(Call call) {
  pb::AlterDatabaseRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  std::optional<std::string> comment;
  if (request.has_comment()) comment = request.comment();
  const auto changed =
      co_await call.services.catalog.AlterDatabase(request.database_name(), OptionChangesOf(request.config_changes()),
                                                   std::move(comment), request.ignore_if_not_exists(), call.home);
  TW_CO_RETURN_NOT_OK(changed.status());
  co_return MessageReply(call, pb::AlterDatabaseResponse());
}

runtime::Task<arrow::Result<Reply>> HandleDropDatabase(Call call) {
  pb::DropDatabaseRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  auto dropped = co_await call.services.catalog.DropDatabase(request.database_name(), request.ignore_if_not_exists(),
                                                             request.cascade(), call.home);
  TW_CO_RETURN_NOT_OK(dropped.status());
  for (const auto& table : *dropped) {
    call.services.dropped_data.Remove({table->id}, upkeep::BucketsOf(*table), call.home);
  }
  co_return MessageReply(call, pb::DropDatabaseResponse());
}

runtime::Task<arrow::Result<Reply>> HandleListDatabases(Call call) {
  pb::ListDatabasesRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  pb::ListDatabasesResponse response;
  for (const auto& database : call.services.catalog.view()->ListDatabases()) {
    if (!MayDo(call, security::Operation::kDescribe, security::Resource::Database(database->name))) continue;
    if (!request.include_summary()) {
      response.add_database_name(database->name);
      continue;
    }
    auto* summary = response.add_database_summary();
    summary->set_database_name(database->name);
    summary->set_created_time(database->created_ms);
    summary->set_table_count(static_cast<int32_t>(database->tables.size()));
  }
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleDatabaseExists(Call call) {
  pb::DatabaseExistsRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  pb::DatabaseExistsResponse response;
  // Everybody knows of the default database, which Flink's catalog asks for before anything else.
  const bool may_know =
      request.database_name() == catalog::kDefaultDatabase ||
      MayDo(call, security::Operation::kDescribe, security::Resource::Database(request.database_name()));
  response.set_exists(may_know && call.services.catalog.view()->FindDatabase(request.database_name()) != nullptr);
  co_return MessageReply(call, response);
}

runtime::Task<arrow::Result<Reply>> HandleGetDatabaseInfo(Call call) {
  pb::GetDatabaseInfoRequest request;
  TW_CO_RETURN_NOT_OK(wire::ParseBody(call.request.body, &request));
  TW_CO_ASSIGN_OR_RETURN(const auto database, call.services.catalog.view()->GetDatabase(request.database_name()));
  pb::GetDatabaseInfoResponse response;
  response.set_database_json(database->json);
  response.set_created_time(database->created_ms);
  response.set_modified_time(database->modified_ms);
  co_return MessageReply(call, response);
}

}  // namespace thalweg::service
